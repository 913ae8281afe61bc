"""Borders between cells: how long, what runs along them, and whether they can be walked across."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import shapely
from shapely import STRtree

from gis.districting.graph import sums
from gis.geometry.tessellation import SharedSegments, shared_segments

if TYPE_CHECKING:
    from gis.districting.blocks import Cuts
    from gis.districting.graph import Bools, Floats, Ints
    from gis.geometry.crs import Geometries

#: A stretch runs along a line when both its ends and its middle are within this distance of it,
ALONG_M = 4.0
#: and it draws nearer to it, or away, by less than this share of its length (an angle of 45°):
#: what only ends at a line does not run along it.
SLANT = 0.71
#: Share of a border that must be accompanied for it to count.
ALONG_SHARE = 0.5
#: A crossing opens borders within this distance.
CROSSING_REACH_M = 25.0


@dataclass(frozen=True, eq=False)
class Passages:
    """What can be walked through, in metres.

    Parameters
    ----------
    walls
        Lines that can be passed at gates only.
    bridges
        Points where rivers and railways can be crossed on foot.
    gates
        Points where walls can be passed on foot.
    outlines
        Outlines of gated quarters: walls too, but where a street or water runs along them.
    """

    walls: "Geometries"
    bridges: "Geometries"
    gates: "Geometries"
    outlines: "Geometries"


@dataclass(frozen=True, eq=False)
class Borders:
    """Borders between cells of one community.

    Parameters
    ----------
    left, right
        Positions of the cells, ``left < right``.
    border_m, barrier_class, passable
        Per border.
    outer_m
        Per cell: length of its border on the community's line.
    """

    left: "Ints"
    right: "Ints"
    border_m: "Floats"
    barrier_class: "Ints"
    passable: "Bools"
    outer_m: "Floats"


def borders_of(cells: "Geometries", cuts: "Cuts", passages: Passages) -> Borders:
    """Return the borders of edge-matched cells.

    Parameters
    ----------
    cells
        Polygons of one community in metres.
    cuts
        What runs through the ground, by class.
    passages
        Walls, and where barriers can be passed.
    """
    segments = shared_segments(cells)
    metres = segments.length_m
    outer = segments.right < 0
    outer_m = sums(segments.left[outer], metres[outer], len(cells))
    inner = np.flatnonzero(~outer)
    key = segments.left[inner] * len(cells) + segments.right[inner]
    pairs, group = np.unique(key, return_inverse=True)
    length = sums(group, metres[inner], len(pairs))

    def share(stretches: "Bools") -> "Floats":
        return sums(group, metres[inner] * stretches, len(pairs)) / length

    strength = strengths(segments, inner, cuts)
    barrier = np.zeros(len(pairs), dtype=np.int64)
    for kind in (1, 2, 3):
        barrier[share(strength >= kind) >= ALONG_SHARE] = kind
    walled = _along(segments, inner, passages.walls)
    walled |= (strength == 0) & _along(segments, inner, passages.outlines)
    shut = walled | (strength == 3)
    # A stretch is open where a crossing leads through everything that runs along it.
    open_ = shut & (~walled | _near(segments, inner, passages.gates))
    open_ &= (strength < 3) | _near(segments, inner, passages.bridges)
    return Borders(
        left=pairs // len(cells),
        right=pairs % len(cells),
        border_m=length,
        barrier_class=barrier,
        passable=(share(shut) < ALONG_SHARE) | (np.bincount(group, open_, len(pairs)) > 0),
        outer_m=outer_m,
    )


def strengths(segments: SharedSegments, chosen: "Ints", cuts: "Cuts") -> "Ints":
    """Return the class of the strongest thing that runs along each chosen segment."""
    out = np.zeros(len(chosen), dtype=np.int64)
    for kind in (1, 2, 3):
        out[_along(segments, chosen, cuts.by_class[kind])] = kind
    return out


def _along(segments: SharedSegments, chosen: "Ints", lines: "Geometries") -> "Bools":
    """Return which segments run along one of the lines."""
    out = np.zeros(len(chosen), dtype=bool)
    if len(lines) == 0 or len(chosen) == 0:
        return out
    tree = STRtree(lines)
    start, end = segments.start_xy[chosen], segments.end_xy[chosen]
    left = np.arange(len(chosen))
    far = np.empty((3, len(chosen)))
    for i, xy in enumerate(((start + end) / 2, start, end)):
        (near, _), distance = tree.query_nearest(
            shapely.points(xy[left]),
            max_distance=ALONG_M,
            return_distance=True,
            all_matches=False,
        )
        left = left[near]
        far[i, left] = distance
    slant = np.abs(far[1:, left] - far[0, left]).max(axis=0, initial=0)
    out[left] = slant <= SLANT * segments.length_m[chosen[left]] / 2
    return out


def _near(segments: SharedSegments, chosen: "Ints", points: "Geometries") -> "Bools":
    """Return which segments a crossing is near."""
    out = np.zeros(len(chosen), dtype=bool)
    if len(points) == 0 or len(chosen) == 0:
        return out
    ends = np.stack([segments.start_xy[chosen], segments.end_xy[chosen]], axis=1)
    lines = np.asarray(shapely.linestrings(ends), dtype=object)
    out[STRtree(lines).query(points, predicate="dwithin", distance=CROSSING_REACH_M)[1]] = True
    return out
