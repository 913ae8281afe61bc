"""Blocks: the faces between streets, barriers, quarter boundaries and the community line."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import shapely
from shapely import STRtree

from gis.geometry.tessellation import polygonize_noded, shared_segments

if TYPE_CHECKING:
    from gis.districting.graph import Bools, Floats, Ints
    from gis.geometry.crs import Geometries
    from gis.geometry.tessellation import SharedSegments

#: A line this near to a stronger one is the same line drawn twice; beyond it, a line of its own.
HARD_NEAR_M, SOFT_NEAR_M = 8.0, 14.0
#: A face without a building that is narrower than this is no place: a median, a strip, a verge.
NARROW_M = 16.0
SMALL_M2 = 250.0


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
    ground: shapely.Geometry, lines: "Geometries", occupied: "Geometries"
) -> "Geometries":
    """Return the blocks of a community: faces between lines, narrow empty ones merged away.

    Parameters
    ----------
    ground
        The community in metres.
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
    return _merged(faces, is_narrow(faces) & ~held)


def is_narrow(polygons: "Geometries") -> "Bools":
    """Return which polygons are too small or too narrow to be a place of their own."""
    return np.asarray(
        (shapely.area(polygons) < SMALL_M2)
        | shapely.is_empty(shapely.buffer(polygons, -NARROW_M / 2, quad_segs=2))
    )


def _merged(faces: "Geometries", weak: "Bools") -> "Geometries":
    """Return the faces with each weak one merged into the neighbour of the longest border."""
    if not weak.any():
        return faces
    root = absorb(shared_segments(faces), weak, shapely.area(faces))
    return dissolve(faces, root)


def absorb(
    segments: "SharedSegments",
    weak: "Bools",
    area: "Floats",
    family: "Ints | None" = None,
) -> "Ints":
    """Return for each polygon the one it is merged into (itself if it stays).

    Weak polygons go, smallest first, to the neighbour with the longest border; with ``family``
    (a number per polygon) to one of their own family if there is any.
    """
    size = len(weak)
    border: list[dict[int, float]] = [{} for _ in range(size)]
    both = segments.right >= 0
    for a, b, metres in zip(
        segments.left[both].tolist(),
        segments.right[both].tolist(),
        segments.length_m[both].tolist(),
        strict=True,
    ):
        border[a][b] = border[a].get(b, 0.0) + metres
        border[b][a] = border[b].get(a, 0.0) + metres
    root = np.arange(size)

    def find(i: int) -> int:
        while root[i] != i:
            i = int(root[i])
        return i

    for i in sorted(np.flatnonzero(weak).tolist(), key=lambda i: (area[i], i)):
        near: dict[int, float] = {}
        for j, metres in border[i].items():
            near[find(j)] = near.get(find(j), 0.0) + metres
        near.pop(i, None)
        if not near:
            continue
        best = max(
            near,
            key=lambda j: (family is not None and family[i] == family[j], round(near[j], 3), -j),
        )
        root[i] = best
        for j, metres in border[i].items():
            border[best][j] = border[best].get(j, 0.0) + metres
    return np.array([find(i) for i in range(size)])


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
