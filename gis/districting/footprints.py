"""Footprints made fit to seed a tessellation: single, without overlaps, within their community."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import shapely
from shapely import STRtree

if TYPE_CHECKING:
    from gis.districting.graph import Ints
    from gis.geometry.crs import Geometries

#: A footprint that shares this part of its area with a larger one is the same building.
SAME_SHARE = 0.5
#: What is left of a footprint must have this area to stand for itself.
LEAST_M2 = 1.0
#: A footprint narrower than this is a slip of the pen, and its cell would look like a gap.
LEAST_WIDTH_M = 0.2


@dataclass(frozen=True, eq=False)
class Footprints:
    """Seeds of cells.

    Parameters
    ----------
    polygon
        One polygon per seed; they do not overlap.
    row
        Row of the building that each seed stands for.
    stands_for
        Per building the seed whose cell it shares, or -1 when it lies off the ground.
    """

    polygon: "Geometries"
    row: "Ints"
    stands_for: "Ints"


def clean_footprints(geometries: "Geometries", ground: shapely.Geometry) -> Footprints:
    """Return seeds for the buildings of one community.

    Each building is clipped to the ground and reduced to its largest part. Duplicates and slivers
    share the cell of the larger footprint; partial overlaps are cut away from the smaller one.

    Parameters
    ----------
    geometries
        Footprints in metres, of any quality.
    ground
        The community in metres.
    """
    count = len(geometries)
    stands_for = np.full(count, -1, dtype=np.int64)
    parts = largest_parts(shapely.intersection(shapely.make_valid(geometries), ground))
    thick = ~shapely.is_empty(shapely.buffer(parts, -LEAST_WIDTH_M / 2, quad_segs=1))
    rows = np.flatnonzero((shapely.area(parts) >= LEAST_M2) & thick)
    if len(rows) == 0:
        return Footprints(np.empty(0, dtype=object), rows, stands_for)
    rows = rows[np.lexsort((rows, -shapely.area(parts[rows])))]
    kept, same = _without_overlaps(parts[rows])
    alive = np.flatnonzero(same == np.arange(len(rows)))
    seed = np.full(len(rows), -1, dtype=np.int64)
    seed[alive] = np.arange(len(alive))
    stands_for[rows] = seed[same]
    return Footprints(kept[alive], rows[alive], stands_for)


def largest_parts(geometries: "Geometries") -> "Geometries":
    """Return the largest polygon of each geometry, an empty one where there is none."""
    out = np.full(len(geometries), shapely.Polygon(), dtype=object)
    parts, owner = shapely.get_parts(geometries, return_index=True)
    # A collection's parts may be collections again.
    parts, inner = shapely.get_parts(parts, return_index=True)
    owner = owner[inner]
    flat = shapely.get_type_id(parts) == 3
    parts, owner = parts[flat], owner[flat]
    order = np.lexsort((-shapely.area(parts), owner))
    parts, owner = parts[order], owner[order]
    first = np.unique(owner, return_index=True)[1]
    out[owner[first]] = parts[first]
    return out


def _without_overlaps(polygons: "Geometries") -> "tuple[Geometries, Ints]":
    """Return polygons (largest first) without overlaps, and for each the one that replaces it."""
    same = np.arange(len(polygons))
    out = polygons.copy()
    small, large = STRtree(polygons).query(polygons, predicate="intersects")
    pairs = small > large
    small, large = small[pairs], large[pairs]
    shared = shapely.area(shapely.intersection(polygons[small], polygons[large]))
    real = shared > 1e-6
    order = np.lexsort((large[real], small[real]))
    for i, j, area in zip(
        small[real][order].tolist(),
        large[real][order].tolist(),
        shared[real][order].tolist(),
        strict=True,
    ):
        if same[i] != i:
            continue
        keeper = int(same[j])
        if area >= SAME_SHARE * shapely.area(polygons[i]):
            same[i] = keeper
            continue
        out[i] = largest_parts(np.array([shapely.difference(out[i], polygons[j])], dtype=object))[0]
        if shapely.area(out[i]) < LEAST_M2:
            same[i] = keeper
    return out, same
