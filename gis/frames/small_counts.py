"""Small counts of people: which are withheld, and which others so that nobody works them out."""

import numpy as np
from numpy.typing import NDArray

#: Counts of people (or of their homes) that are withheld while they are small.
SENSITIVE = ("residents", "elderly", "children", "low_income_households")


def is_small(counts: NDArray[np.int64], below: int) -> NDArray[np.bool_]:
    """Return which counts are small: from 1 to ``below`` less one. Nobody is hidden by zero."""
    found: NDArray[np.bool_] = (counts > 0) & (counts < below)
    return found


def withheld(
    counts: NDArray[np.int64],
    below: int,
    *,
    sum_withheld: bool = False,
    small_sum_shown: bool = False,
) -> NDArray[np.bool_]:
    """Return which counts of a group must be withheld.

    The sum of the group is known unless it is small itself, and so is this rule. So the smallest
    of the others are withheld beside the small ones until

    - there are two at least: a single unknown is the sum less the rest;
    - they add up to more than their number: else each is one;
    - they add up to less than small ones at most do: else each is that.

    Where nothing else is left, zeros are withheld too. This is primary and complementary cell
    suppression for one sum (Willenborg and de Waal, *Elements of Statistical Disclosure Control*,
    2001); groups within groups are taken from the largest down, with ``sum_withheld``.

    Parameters
    ----------
    counts
        Counts of a group, shape (n,), none below 0.
    below
        Counts from 1 to this less one are small; up to 1 nothing is.
    sum_withheld
        The sum is withheld itself, so at least one count that is not zero is: whoever adds all of
        them must not have it.
    small_sum_shown
        The sum is known even if it is small, so a single count beside zeros would be it.

    Returns
    -------
    numpy.ndarray
        Shape (n,). Equal counts are withheld together, else their order would tell.

    Examples
    --------
    >>> withheld(np.array([2, 40, 9, 0]), 3).tolist()
    [True, False, True, False]
    >>> withheld(np.array([1, 2, 40]), 3).tolist()  # 3 is 1 + 2 or 2 + 1
    [True, True, False]
    >>> withheld(np.array([2, 2, 2, 40]), 3).tolist()  # 6 is nothing but 2 + 2 + 2
    [True, True, True, True]
    >>> withheld(np.array([30, 9]), 3, sum_withheld=True).tolist()
    [False, True]
    >>> withheld(np.array([2, 0, 0]), 3).tolist()  # the sum, 2, is withheld as well
    [True, False, False]
    >>> withheld(np.array([2, 0, 0]), 3, small_sum_shown=True).tolist()
    [True, True, True]
    """
    small = is_small(counts, below)
    hidden = small.copy()
    if small.any():
        values = np.unique(counts[~small]).tolist()
        if values[:1] == [0]:
            zeros_too = small_sum_shown or counts.sum() >= below
            values = [*values[1:], 0] if zeros_too else values[1:]
        for value in values:
            number, total = int(hidden.sum()), int(counts[hidden].sum())
            least, most = number, number * (below - 1)
            if number > 1 and least < total and (total != most or not small[hidden].all()):
                break
            hidden |= counts == value
    elif sum_withheld and counts.any():
        hidden = counts == counts[counts > 0].min()
    return hidden


def also_withheld(
    counts: NDArray[np.int64],
    below: int,
    *,
    sum_withheld: bool = False,
    small_sum_shown: bool = False,
) -> NDArray[np.bool_]:
    """Return which counts must be withheld beside the small ones.

    Parameters
    ----------
    counts, below, sum_withheld, small_sum_shown
        As of :func:`withheld`.

    Examples
    --------
    >>> also_withheld(np.array([2, 40, 9, 0]), 3).tolist()
    [False, False, True, False]
    """
    hidden = withheld(counts, below, sum_withheld=sum_withheld, small_sum_shown=small_sum_shown)
    found: NDArray[np.bool_] = hidden & ~is_small(counts, below)
    return found


def not_alone(hidden: NDArray[np.bool_], sizes: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return what is hidden of a group whose sum is known, never one alone.

    Beside a single one the smallest others with anybody in them are hidden, all of one size.

    Parameters
    ----------
    hidden
        Which are, shape (n,).
    sizes
        How many people each is of, shape (n,).
    """
    others = ~hidden & (sizes > 0)
    if hidden.sum() != 1 or not others.any():
        return hidden
    found: NDArray[np.bool_] = hidden | (others & (sizes == sizes[others].min()))
    return found
