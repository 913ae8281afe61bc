"""Counts of people within reach, without those that are small or give a small one away."""

from typing import TYPE_CHECKING

import numpy as np

from gis.frames.small_counts import also_withheld

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


def withheld_within(
    within: "Sequence[NDArray[np.int64]]", total: "NDArray[np.int64]", below: int
) -> "NDArray[np.bool_]":
    """Return which counts of people within reach must not be shown.

    Whoever sees two of the counts of an area sees their difference too: the people between two
    radii, and those beyond. So a count is withheld if it differs by a small number from the count
    of the next smaller radius that is shown (0 at first) or from the total. Areas whose sum is
    known, such as the grids of a community, protect each other as
    :func:`gis.frames.small_counts.also_withheld` says.

    Parameters
    ----------
    within
        Counts of the areas, ``(n,)`` each, by growing radius.
    total
        ``(n,)`` people of the areas.
    below
        Counts from 1 to this less one are small.

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
    hidden = np.zeros((len(within), len(total)), dtype=bool)
    shown = np.zeros(len(total), dtype=np.int64)
    for at, counts in enumerate(within):
        for part in (counts - shown, total - counts, total):
            hidden[at] |= withheld_totals(part, below)
        _not_alone(hidden[at], total)
        np.copyto(shown, counts, where=~hidden[at])
    return hidden


def withheld_totals(total: "NDArray[np.int64]", below: int) -> "NDArray[np.bool_]":
    """Return which totals of areas whose sum is known must not be shown."""
    return ((total > 0) & (total < below)) | also_withheld(total, below)


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


def _not_alone(hidden: "NDArray[np.bool_]", total: "NDArray[np.int64]") -> None:
    """Withhold a second area beside a single one, which would be the sum less the others."""
    others = np.flatnonzero(~hidden & (total > 0))
    if hidden.sum() == 1 and len(others):
        hidden[others[np.argmin(total[others])]] = True
