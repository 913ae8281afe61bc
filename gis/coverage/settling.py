"""Ground that agrees with the verdicts of the buildings on it.

A raster sees a building as one point among others; its verdict is measured from its door or its
nearest side. Where the two differ, the verdict is right: the footprint goes to where its building
belongs, whole.
"""

from typing import TYPE_CHECKING

import numpy as np
import shapely

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gis.geometry.crs import Geometries


def settled(
    parts: "Geometries", footprints: "Geometries", owner: "NDArray[np.int64]"
) -> "Geometries":
    """Return disjoint parts in which every footprint lies in the part that owns it.

    Parameters
    ----------
    parts
        ``(p,)`` polygons that do not overlap, in metres.
    footprints
        ``(k,)`` polygons in metres. Of two that overlap, the first keeps what they share.
    owner
        ``(k,)`` position of the part that a footprint belongs to; -1: none.

    Returns
    -------
    numpy.ndarray
        ``(p,)`` polygons that do not overlap either.
    """
    if len(parts) == 0 or len(footprints) == 0:
        return parts
    astray = _astray(parts, footprints, owner)
    shapes = _disjoint(footprints[astray])
    owners = owner[astray]
    out = parts.copy()
    tree = shapely.STRtree(shapes)
    for part, ground in enumerate(parts):
        met = tree.query(ground, predicate="intersects")
        foreign = shapely.union_all(shapes[met[owners[met] != part]])
        own = shapely.union_all(shapes[owners == part])
        out[part] = shapely.union(shapely.difference(ground, foreign), own)
    return out


def _astray(
    parts: "Geometries", footprints: "Geometries", owner: "NDArray[np.int64]"
) -> "NDArray[np.intp]":
    """Return the footprints that are not wholly where they belong."""
    shapely.prepare(parts)
    tree = shapely.STRtree(footprints)
    part, row = tree.query(parts, predicate="contains")
    home = np.full(len(footprints), -1)
    home[row] = part
    touched = np.zeros(len(footprints), dtype=bool)
    touched[tree.query(parts, predicate="intersects")[1]] = True
    return np.flatnonzero((home != owner) | (touched & (home < 0)))


def _disjoint(shapes: "Geometries") -> "Geometries":
    """Return shapes of which each has lost what it shares with one before it."""
    out = shapes.copy()
    first, second = shapely.STRtree(shapes).query(shapes, predicate="intersects")
    later = first > second
    for row, before in zip(first[later].tolist(), second[later].tolist(), strict=True):
        if shapely.area(shapely.intersection(out[row], shapes[before])) > 0:
            out[row] = shapely.difference(out[row], shapes[before])
    return out
