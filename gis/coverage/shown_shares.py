"""Counts of people within reach, without those that are small or give a small one away."""

from bisect import bisect_left
from typing import TYPE_CHECKING

import numpy as np

from gis.frames.small_counts import not_alone, withheld

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray


def kept_apart(
    first: "Iterable[int]", total: int, below: int, rest: "Iterable[int]" = ()
) -> "NDArray[np.int64]":
    """Return which counts of people of one place may be shown beside each other.

    Whoever sees the counts of two sets of people, one within the other, sees how many are between
    them, whether both stand in one answer or each in its own. So any two counts that are shown are
    equal or differ by ``below`` at least; 0 and the total always are among them, if the total is
    not small. What is shown does not depend on what is asked, as long as the same counts are
    offered.

    Parameters
    ----------
    first
        Counts in the order in which they are taken, such as those of the usual thresholds.
    total
        All people of the place.
    below
        Counts from 1 to this less one are small.
    rest
        Further counts, such as those of every other threshold; taken from the smallest on.

    Returns
    -------
    numpy.ndarray
        ``(m,)`` the counts that may be shown, growing.

    Examples
    --------
    >>> kept_apart([40, 41, 60], 90, 3).tolist()
    [0, 40, 60, 90]
    >>> kept_apart([40, 60], 90, 3, rest=[1, 3, 5, 7, 39, 89]).tolist()
    [0, 3, 7, 40, 60, 90]
    >>> kept_apart([2], 2, 3).tolist()
    [0]
    """
    kept = [0]
    least = max(below, 1)
    for count in (total, *first):
        at = bisect_left(kept, count)
        near = kept[max(at - 1, 0) : at + 1]
        if all(abs(count - other) >= least for other in near):
            kept.insert(at, int(count))
    others = sorted(set(rest))
    found: list[int] = []
    for low, high in zip(kept, [*kept[1:], float("inf")], strict=True):
        found.append(low)
        at = bisect_left(others, low + least)
        while at < len(others) and others[at] <= high - least:
            found.append(int(others[at]))
            at = bisect_left(others, others[at] + least, at)
    return np.array(found, dtype=np.int64)


def counts_apart(
    people: "NDArray[np.int64]",
    reaches: "Sequence[tuple[NDArray[np.float64], Sequence[float]]]",
    below: int,
    *,
    every: bool = True,
) -> "NDArray[np.int64]":
    """Return which counts of the people of a place within reach may be shown, whatever is asked.

    Parameters
    ----------
    people
        ``(n,)`` people of the buildings of the place.
    reaches
        How far each building has, ``(n,)``, NaN: it reaches nothing; and the usual limits of that,
        whose counts are taken first. Metres along a walk and its equivalent metres are two of them.
    below
        Counts from 1 to this less one are small.
    every
        Offer the counts of every other limit too; without it, those of the usual ones alone.

    Returns
    -------
    numpy.ndarray
        As of :func:`kept_apart`.
    """
    first = [int(people[reach <= limit].sum()) for reach, limits in reaches for limit in limits]
    rest: list[int] = []
    for reach, _ in reaches if every else ():
        near = np.flatnonzero(~np.isnan(reach))
        order = near[np.argsort(reach[near], kind="stable")]
        last = np.append(
            np.diff(reach[order]) > 0, [True] * (len(order) > 0)
        )  # of equally far ones
        rest += np.cumsum(people[order])[last.astype(bool)].tolist()
    return kept_apart(first, int(people.sum()), below, rest)


def withheld_within(
    within: "Sequence[NDArray[np.int64]]",
    total: "NDArray[np.int64]",
    below: int,
    hidden: "NDArray[np.bool_] | None" = None,
    *,
    sum_withheld: bool = False,
) -> "NDArray[np.bool_]":
    """Return which counts of people within reach must not be shown.

    Whoever sees two of the counts of an area sees their difference too: the people between two
    radii, and those beyond. So a count is withheld if it differs by a small number from the count
    of the next smaller radius that is shown (0 at first) or from the total. Areas whose sum is
    known, such as the grids of a community, protect each other as
    :func:`gis.frames.small_counts.withheld` says.

    Parameters
    ----------
    within
        Counts of the areas, ``(n,)`` each, by growing radius.
    total
        ``(n,)`` people of the areas.
    below
        Counts from 1 to this less one are small.
    hidden
        ``(t, n)``: counts that are withheld for another reason.
    sum_withheld
        The sum of the totals is withheld itself.

    Returns
    -------
    numpy.ndarray
        ``(t, n)``.

    Examples
    --------
    >>> near, far = np.array([40, 30, 9]), np.array([41, 60, 50])
    >>> withheld_within([near, far], np.array([90, 90, 90]), 3).tolist()
    [[False, False, False], [True, True, False]]
    """
    empty = np.zeros((len(within), len(total)), dtype=bool)
    hidden = empty if hidden is None else hidden.copy()
    shown = np.zeros(len(total), dtype=np.int64)
    for at, counts in enumerate(within):
        for part in (counts - shown, total - counts):
            hidden[at] |= withheld(part, below)
        hidden[at] |= withheld(total, below, sum_withheld=sum_withheld)
        hidden[at] = not_alone(hidden[at], total)
        np.copyto(shown, counts, where=~hidden[at])
    return hidden


def withheld_steps(counts: "NDArray[np.int64]", total: int, below: int) -> "NDArray[np.bool_]":
    """Return which of several counts of the same people must not be shown.

    The counts are of the same people under different conditions, such as the hours of a week. In
    growing order, one is withheld if it differs by a small number from the next smaller one that
    is shown (0 at first) or from the total.

    Examples
    --------
    >>> withheld_steps(np.array([50, 0, 51, 20, 99]), 100, 3).tolist()
    [False, False, True, False, True]
    """
    hidden = np.zeros(len(counts), dtype=bool)
    shown = 0
    for count in np.unique(counts):
        if 0 < count - shown < below or 0 < total - count < below or 0 < total < below:
            hidden[counts == count] = True
        else:
            shown = int(count)
    return hidden
