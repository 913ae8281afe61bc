"""Blocks: the faces between streets, barriers, quarter boundaries and the community line."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import shapely
from shapely import STRtree

from gis.districting.borders import strengths
from gis.geometry.tessellation import polygonize_noded, shared_segments

if TYPE_CHECKING:
    from gis.districting.graph import Bools, Ints
    from gis.geometry.crs import Geometries

#: A line this near to a stronger one is the same line drawn twice; beyond it, a line of its own.
HARD_NEAR_M, SOFT_NEAR_M = 8.0, 14.0
#: A face without a building that is narrower than this is no place: a median, a strip, a verge.
NARROW_M = 16.0
SMALL_M2 = 250.0
#: What a metre of border counts when a polygon is joined over it, by class: a verge lies on the
#: side of its road, not on the other bank of its river.
_JOINS = np.array([1.0, 0.75, 0.4, 0.01])


@dataclass(frozen=True, eq=False)
class Cuts:
    """Lines along which the ground of a community is cut, in metres.

    Parameters
    ----------
    by_class
        Streets, arterials, rivers and railways: index 1, 2, 3 as barrier classes (0 is empty).
    soft
        Quarter boundaries, walls and outlines of dedicated areas.
    """

    by_class: "tuple[Geometries, Geometries, Geometries, Geometries]"
    soft: "Geometries"


def cut_lines(ground: shapely.Geometry, cuts: Cuts) -> "Geometries":
    """Return the lines that cut ``ground`` into faces, its boundary first.

    Lines are taken by strength: the boundary, rivers and railways, arterials, streets, soft lines.
    Where a line runs beside a stronger one it is left out, and its loose ends are tied to it, so
    that a quarter reaches the middle of its street and no verge is left between.

    Parameters
    ----------
    ground
        The community in metres.
    cuts
        Lines that may reach beyond it.
    """
    taken = [shapely.boundary(ground)]
    for lines, near in (
        (cuts.by_class[3], HARD_NEAR_M),
        (cuts.by_class[2], HARD_NEAR_M),
        (cuts.by_class[1], HARD_NEAR_M),
        (cuts.soft, SOFT_NEAR_M),
    ):
        taken += _tied(ground, taken, lines, near)
    return np.array(taken, dtype=object)


def _tied(
    ground: shapely.Geometry, taken: list[shapely.Geometry], lines: "Geometries", near_m: float
) -> list[shapely.Geometry]:
    """Return what of ``lines`` lies in the ground and off the taken lines, tied to these."""
    if len(lines) == 0:
        return []
    shapely.prepare(ground)
    inside = shapely.intersection(lines[shapely.intersects(ground, lines)], ground)
    inside = shapely.get_parts(shapely.line_merge(shapely.union_all(inside)))
    inside = inside[shapely.get_type_id(inside) == 1]
    if len(inside) == 0:
        return []
    base = shapely.union_all(taken)
    zone = shapely.buffer(base, near_m, quad_segs=4)
    off = shapely.get_parts(shapely.difference(inside, zone))
    off = off[(shapely.get_type_id(off) == 1) & (shapely.length(off) > 0)]
    if len(off) == 0:
        return []
    ends = np.concatenate([shapely.get_point(off, 0), shapely.get_point(off, -1)])
    shapely.prepare(base)
    ends = ends[shapely.dwithin(base, ends, near_m * 1.1)]
    ties = shapely.shortest_line(ends, base)
    return [*off, *ties[shapely.length(ties) > 0]]


def blocks_of(
    ground: shapely.Geometry, cuts: Cuts, lines: "Geometries", occupied: "Geometries"
) -> "Geometries":
    """Return the blocks of a community: faces between lines, narrow empty ones merged away.

    Parameters
    ----------
    ground
        The community in metres.
    cuts
        What runs through the ground, by class.
    lines
        From :func:`cut_lines`.
    occupied
        Points on buildings: a face that holds one is never merged away.
    """
    faces = polygonize_noded(lines)
    shapely.prepare(ground)
    faces = faces[shapely.contains(ground, shapely.point_on_surface(faces))]
    if len(faces) < 2:
        return faces
    held = np.zeros(len(faces), dtype=bool)
    if len(occupied):
        held[STRtree(faces).query(occupied, predicate="intersects")[1]] = True
    return dissolve(faces, absorb(faces, is_narrow(faces) & ~held, cuts))


def is_narrow(polygons: "Geometries") -> "Bools":
    """Return which polygons are too small or too narrow to be a place of their own."""
    return np.asarray(
        (shapely.area(polygons) < SMALL_M2)
        | shapely.is_empty(shapely.buffer(polygons, -NARROW_M / 2, quad_segs=2))
    )


def absorb(polygons: "Geometries", weak: "Bools", cuts: Cuts) -> "Ints":
    """Return for each polygon the one it is merged into (itself if it stays).

    Weak polygons go, smallest first, to the neighbour with the longest border, of which a metre
    counts less the stronger the thing that runs along it.

    Parameters
    ----------
    polygons
        Edge-matched polygons in metres.
    weak
        Which of them cannot stay.
    cuts
        What runs through the ground, by class.
    """
    root = np.arange(len(polygons))
    if not weak.any():
        return root
    segments = shared_segments(polygons)
    # Borders between those that stay are not looked at.
    near = (segments.right >= 0) & (weak[segments.left] | weak[segments.right])
    chosen = np.flatnonzero(near)
    worth = segments.length_m[chosen] * _JOINS[strengths(segments, chosen, cuts)]
    border: list[dict[int, float]] = [{} for _ in root]
    for a, b, metres in zip(
        segments.left[chosen].tolist(), segments.right[chosen].tolist(), worth.tolist(), strict=True
    ):
        border[a][b] = border[a].get(b, 0.0) + metres
        border[b][a] = border[b].get(a, 0.0) + metres

    def find(i: int) -> int:
        while root[i] != i:
            i = int(root[i])
        return i

    area = shapely.area(polygons)
    for i in sorted(np.flatnonzero(weak).tolist(), key=lambda i: (area[i], i)):
        around: dict[int, float] = {}
        for j, metres in border[i].items():
            around[find(j)] = around.get(find(j), 0.0) + metres
        around.pop(i, None)
        if not around:
            continue
        best = max(around, key=lambda j: (round(around[j], 3), -j))
        root[i] = best
        for j, metres in border[i].items():
            border[best][j] = border[best].get(j, 0.0) + metres
    return np.array([find(i) for i in range(len(root))])


def dissolve(polygons: "Geometries", group: "Ints") -> "Geometries":
    """Return the union of each group of an edge-matched coverage, in ascending order of group."""
    order = np.argsort(group, kind="stable")
    cuts = np.flatnonzero(np.diff(group[order])) + 1
    return np.array(
        [
            polygons[members[0]] if len(members) == 1 else _union(polygons[members])
            for members in np.split(order, cuts)
            if len(members)
        ],
        dtype=object,
    )


def _union(parts: "Geometries") -> shapely.Geometry:
    union = shapely.coverage_union_all(parts)
    pieces = shapely.get_parts(union)
    return pieces[0] if len(pieces) == 1 else union
