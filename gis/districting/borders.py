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

#: A border runs along a line when both its ends and its middle are within this distance of it.
ALONG_M = 4.0
#: Share of a border that a line must accompany to be what runs along it.
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
    """

    walls: "Geometries"
    bridges: "Geometries"
    gates: "Geometries"


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
    barrier = np.zeros(len(pairs), dtype=np.int64)
    for kind in (1, 2, 3):
        along = _along(segments, inner, cuts.by_class[kind])
        share = np.bincount(group, metres[inner] * along, len(pairs)) / length
        barrier[share >= ALONG_SHARE] = kind
    walled = _along(segments, inner, passages.walls)
    wall = np.bincount(group, metres[inner] * walled, len(pairs)) / length >= ALONG_SHARE
    over = np.bincount(group, _near(segments, inner, passages.bridges), len(pairs)) > 0
    gate = np.bincount(group, _near(segments, inner, passages.gates), len(pairs)) > 0
    return Borders(
        left=pairs // len(cells),
        right=pairs % len(cells),
        border_m=length,
        barrier_class=barrier,
        passable=((barrier < 3) | over) & (~wall | gate),
        outer_m=outer_m,
    )


def _along(segments: SharedSegments, chosen: "Ints", lines: "Geometries") -> "Bools":
    """Return which segments run along one of the lines."""
    out = np.ones(len(chosen), dtype=bool)
    if len(lines) == 0 or len(chosen) == 0:
        return ~out
    tree = STRtree(lines)
    start, end = segments.start_xy[chosen], segments.end_xy[chosen]
    for xy in ((start + end) / 2, start, end):
        left = np.flatnonzero(out)
        near = np.unique(
            tree.query(shapely.points(xy[left]), predicate="dwithin", distance=ALONG_M)[0]
        )
        out = np.zeros(len(chosen), dtype=bool)
        out[left[near]] = True
    return out


def _near(segments: SharedSegments, chosen: "Ints", points: "Geometries") -> "Floats":
    out = np.zeros(len(chosen))
    if len(points) == 0 or len(chosen) == 0:
        return out
    ends = np.stack([segments.start_xy[chosen], segments.end_xy[chosen]], axis=1)
    lines = np.asarray(shapely.linestrings(ends), dtype=object)
    near = STRtree(lines).query(points, predicate="dwithin", distance=CROSSING_REACH_M)[1]
    out[near] = 1.0
    return out
