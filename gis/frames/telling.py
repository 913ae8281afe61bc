"""How counts of people within reach are told: as they are, without small ones, or rounded.

How many people are within reach can be asked with a hundred limits, moments and services. To
withhold small counts guards one table; of two answers that differ by a house whoever asks would
still learn how many live there. So who is not to see small counts is told multiples of a base
instead, at the usual limits only; and who is shown single houses as well, which could be
subtracted, homes alone.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gis.frames.small_counts import SENSITIVE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Telling:
    """How counts of people within reach are told to somebody.

    Parameters
    ----------
    below
        Counts from 1 to this less one are withheld, with others that give them away; 1: none is.
    base
        Counts are told as multiples of it, and of fewer than twice as many people nothing is told;
        1: they are told as they are.
    people
        Whether people are told of at all; else homes alone.
    """

    below: int = 1
    base: int = 1
    people: bool = True

    @property
    def rounded_to(self) -> int | None:
        """The base, as answers name it; ``None``: counts are as they are."""
        return self.base if self.base > 1 and self.people else None

    @property
    def is_exact(self) -> bool:
        """Whether counts are told as they are, or withheld, and never rounded."""
        return self.base <= 1 and self.people

    def count(self, name: str, count: int, of: int | None = None) -> int | None:
        """Return a count as it is told; ``None``: it is withheld.

        Parameters
        ----------
        name
            Which count; homes are always told as they are.
        count
            How many.
        of
            All people of the place that they are some of; too few: nothing is told of them. Of
            nearly nobody none is told, of nearly all everybody: where the exact sum is known from
            elsewhere, what is missing to it could be a house.

        Examples
        --------
        >>> told = Telling(base=10)
        >>> [told.count("elderly", n) for n in (0, 4, 5, 14, 15)]
        [0, 0, 10, 10, 20]
        >>> [told.count("elderly", n, 203) for n in (9, 10, 192, 193, 194, 203)]
        [0, 10, 190, 190, 200, 200]
        >>> told.count("elderly", 12, 19), told.count("households", 3)
        (None, 3)
        """
        if name not in SENSITIVE or self.is_exact:
            return count
        if not self.people or (of is not None and 0 < of < 2 * self.base):
            return None
        if of is not None:
            count = 0 if count < self.base else of if of - count < self.base else count
        return rounded(count, self.base)

    def share(self, name: str, count: int, of: int) -> float | None:
        """Return a share as it is told, 0 to 1: of rounded counts to two decimals.

        ``None``: it is withheld, or nobody lives there.
        """
        if of <= 0:
            return None
        if name not in SENSITIVE or self.is_exact:
            return round(count / of, 4)
        told = self.count(name, count, of)
        return None if told is None else min(round(told / rounded(of, self.base), 2), 1.0)

    def withheld(self, counts: "Mapping[str, object]") -> list[str]:
        """Return the names of the counts of people that are told as nothing."""
        return [name for name, value in counts.items() if name in SENSITIVE and value is None]


def base_of(below: int) -> int:
    """Return to multiples of what counts are rounded where those below some number are small.

    The least multiple of five that is at least twice as large: 10 for 3, so that two counts which
    are told as one and the next may differ by one person or by nineteen.

    Examples
    --------
    >>> [base_of(below) for below in (1, 2, 3, 5, 6, 10)]
    [1, 5, 10, 10, 15, 20]
    """
    return 1 if below <= 1 else -(-2 * below // 5) * 5


def rounded(count: int, base: int) -> int:
    """Return the multiple of a base that is nearest to a count, from the middle upwards.

    Examples
    --------
    >>> [rounded(count, 10) for count in (0, 4, 5, 14, 15)]
    [0, 0, 10, 10, 20]
    """
    return (int(count) + base // 2) // base * base


def rounded_parts(
    parts: "NDArray[np.float64]", wholes: "NDArray[np.float64]", base: int
) -> "NDArray[np.float64]":
    """Return what is told of some of the people of each of some places, as :meth:`Telling.count`.

    Too few are told as well.
    """
    near = np.where(parts < base, 0.0, np.where(wholes - parts < base, wholes, parts))
    return rounded_all(near, base)


def rounded_all(counts: "NDArray[np.float64]", base: int) -> "NDArray[np.float64]":
    """Return :func:`rounded` of each of some counts."""
    return np.asarray((counts + base // 2) // base * base, dtype=np.float64)
