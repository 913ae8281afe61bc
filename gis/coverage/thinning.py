"""Fewer places, spread out evenly: every place that is left out has one near it that is kept."""

from typing import TYPE_CHECKING

import numpy as np

from gis.errors import InvalidInputError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


def thin_out(
    xy_m: "ArrayLike", most: int, *, kept: "ArrayLike" = ()
) -> "tuple[NDArray[np.int64], float]":
    """Return which places to keep so that the others have one of them as near as can be had.

    Each round keeps the place that is farthest from those kept already (Gonzalez 1985: nobody is
    more than twice as far from a kept place as in the best choice of as many).

    Parameters
    ----------
    xy_m
        ``(n, 2)`` metres of a projected CRS.
    most
        How many to keep at most.
    kept
        Rows that are kept in any case; they count among the most.

    Returns
    -------
    rows
        Ascending.
    spacing_m
        No place that is left out is farther from a kept one; 0 where all are kept.

    Raises
    ------
    gis.errors.InvalidInputError
        Fewer are to be kept than are kept in any case, or none at all.
    """
    places = np.asarray(xy_m, dtype=np.float64).reshape(-1, 2)
    chosen = [int(row) for row in np.unique(np.asarray(kept, dtype=np.int64))]
    if most < max(len(chosen), 1):
        raise InvalidInputError(
            f"{most} places cannot be kept: {len(chosen)} are kept in any case.",
            remedy=f"Allow {max(len(chosen), 1)} at least.",
            field="most",
        )
    if len(places) <= most:
        return np.arange(len(places)), 0.0
    if not chosen:  # the place nearest to the middle of all
        chosen = [int(np.argmin(np.linalg.norm(places - places.mean(axis=0), axis=1)))]
    away = np.full(len(places), np.inf)
    for row in chosen:
        away = np.minimum(away, np.linalg.norm(places - places[row], axis=1))
    while len(chosen) < most:
        chosen.append(int(np.argmax(away)))
        away = np.minimum(away, np.linalg.norm(places - places[chosen[-1]], axis=1))
    return np.sort(np.array(chosen, dtype=np.int64)), float(away.max())
