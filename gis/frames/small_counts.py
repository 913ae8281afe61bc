"""Small counts of people: which further ones must be withheld so that nobody can work them out."""

import numpy as np
from numpy.typing import NDArray


def also_withheld(counts: NDArray[np.int64], below: int) -> NDArray[np.bool_]:
    """Return which further counts of a group must be withheld beside the small ones.

    The sum of the group is known. A single unknown is the sum less the rest, and unknowns that add
    up to their number are one each; so the smallest of the others are withheld too until there are
    two unknowns that add up to more than their number, or nothing is left to withhold.

    Parameters
    ----------
    counts
        Counts of a group, shape (n,).
    below
        Counts from 1 to this less one are small.

    Returns
    -------
    numpy.ndarray
        Shape (n,); the small ones themselves are not among them. Nothing is added for a group
        without small counts; ties are broken by order.

    Examples
    --------
    >>> also_withheld(np.array([2, 40, 9, 0]), 3)
    array([False, False,  True, False])
    >>> also_withheld(np.array([1, 2, 40]), 3)  # 3 is 1 + 2 or 2 + 1
    array([False, False, False])
    """
    small = (counts > 0) & (counts < below)
    hidden = small.copy()
    if small.any():
        rest = np.flatnonzero(counts >= below)
        for at in rest[np.argsort(counts[rest], kind="stable")]:
            if hidden.sum() > 1 and counts[hidden].sum() > hidden.sum():
                break
            hidden[at] = True
    found: NDArray[np.bool_] = hidden & ~small
    return found
