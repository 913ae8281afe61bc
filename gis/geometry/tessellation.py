"""Tessellations: proofs that parts tile a whole, and the noding that makes them do so."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import shapely
from numpy.typing import NDArray

from gis.errors import TessellationError

if TYPE_CHECKING:
    from gis.geometry.crs import Geometries

#: Grid to which coordinates are rounded before they are noded: far below any survey's accuracy.
PRECISION_M = 0.001
#: Gaps narrower than this between two parts are found by the first test.
GAP_WIDTH_M = 0.05
#: Area by which the union of the parts may differ from the whole.
AREA_TOLERANCE_M2 = 1.0
#: Ground within this of an edge is not missing: the edge was rounded.
_ROUNDING_M = 0.01


@dataclass(frozen=True, slots=True)
class Problem:
    """One way in which parts do not tile their whole.

    Parameters
    ----------
    kind
        ``not_matched``: parts overlap, or their shared edges differ or leave a narrow gap;
        ``area``: the union is larger or smaller than the whole; ``hole``: ground without a part.
    message
        What is wrong, in one sentence.
    parts
        Positions of the parts concerned; empty where none can be named.
    """

    kind: Literal["not_matched", "area", "hole"]
    message: str
    parts: tuple[int, ...] = ()


def tessellation_problems(
    parts: Any,  # noqa: ANN401 - array-like of geometries
    whole: shapely.Geometry,
    gap_width_m: float = GAP_WIDTH_M,
) -> list[Problem]:
    """Return what keeps ``parts`` from tiling ``whole``; an empty list proves that they do.

    Three tests together, since each alone is blind to something: edges match and no narrow gap is
    left, the areas agree within 1 m², and the union has no hole that the whole has not.

    Parameters
    ----------
    parts
        Array-like of polygons in a projected CRS in metres.
    whole
        The ground, in the same CRS.
    gap_width_m
        Width up to which gaps between parts count as mistakes of their edges.
    """
    array = np.asarray(parts, dtype=object)
    problems: list[Problem] = []
    matched = len(array) == 0 or bool(shapely.coverage_is_valid(array, gap_width=gap_width_m))
    if not matched:
        edges = shapely.coverage_invalid_edges(array, gap_width=gap_width_m)
        bad = np.flatnonzero(~shapely.is_empty(edges))
        where = shapely.get_coordinates(edges[bad])[0]
        problems.append(
            Problem(
                "not_matched",
                f"{len(bad)} parts overlap or leave a gap, first near "
                f"({where[0]:.2f}, {where[1]:.2f}).",
                tuple(int(i) for i in bad),
            )
        )
    union = shapely.coverage_union_all(array) if matched else shapely.union_all(array)
    difference = float(shapely.area(union) - shapely.area(whole))
    if abs(difference) > AREA_TOLERANCE_M2:
        word = "more" if difference > 0 else "less"
        problems.append(
            Problem("area", f"The parts cover {abs(difference):.2f} m² {word} than the whole.")
        )
    problems += _new_holes(union, whole)
    return problems


def _new_holes(union: shapely.Geometry, whole: shapely.Geometry) -> list[Problem]:
    rings = [ring for part in shapely.get_parts(union) for ring in part.interiors]
    if not rings:
        return []
    # A hole may hold an island of the union, and a lake of the whole differs by its rounding.
    ground = shapely.intersection(np.asarray(shapely.polygons(rings), dtype=object), whole)
    left = shapely.buffer(shapely.difference(ground, union), -_ROUNDING_M)
    points = shapely.point_on_surface(left[~shapely.is_empty(left)])
    return [
        Problem("hole", f"Ground without a part near ({point.x:.2f}, {point.y:.2f}).")
        for point in points
    ]


def check_tessellation(
    parts: Any,  # noqa: ANN401 - array-like of geometries
    whole: shapely.Geometry,
    name: str,
    gap_width_m: float = GAP_WIDTH_M,
) -> None:
    """Raise unless ``parts`` tile ``whole``.

    Parameters
    ----------
    parts, whole, gap_width_m
        As for :func:`tessellation_problems`.
    name
        What is tiled, for the message.

    Raises
    ------
    gis.errors.TessellationError
        Naming what is wrong and where.
    """
    problems = tessellation_problems(parts, whole, gap_width_m)
    if problems:
        msg = f"{name} is not tiled: " + " ".join(problem.message for problem in problems)
        raise TessellationError(
            msg,
            remedy="Build its cells again from the current data.",
            kinds=[problem.kind for problem in problems],
        )


def polygonize_noded(lines: "Geometries") -> "Geometries":
    """Return the faces of a set of lines, noded together on a grid of 1 mm.

    Every crossing and every touching end becomes a vertex of all lines there, so neighbours have
    identical vertices, and keep them through any reprojection. Dead ends are dropped.

    Parameters
    ----------
    lines
        Lines in metres.

    Returns
    -------
    Polygons in an order that depends only on their place: north to south, then west to east.
    """
    # Snapping divides by lengths that may be zero, and copes; numpy would warn of it.
    with np.errstate(divide="ignore", invalid="ignore"):
        noded = shapely.union_all(np.asarray(lines, dtype=object), grid_size=PRECISION_M)
    faces = shapely.get_parts(shapely.polygonize(shapely.get_parts(noded)))
    if len(faces) == 0:
        return np.empty(0, dtype=object)
    bounds = shapely.bounds(faces)
    order = np.lexsort((bounds[:, 2], bounds[:, 1], bounds[:, 0], -bounds[:, 3]))
    return np.asarray(faces[order], dtype=object)


@dataclass(frozen=True, slots=True)
class SharedSegments:
    """The edges of an edge-matched coverage, each once.

    Parameters
    ----------
    left, right
        Positions of the two polygons, ``left < right``; ``right`` is -1 on the outer border.
    start_xy, end_xy
        Ends, shape (n, 2), in metres.
    """

    left: NDArray[np.int64]
    right: NDArray[np.int64]
    start_xy: NDArray[np.float64]
    end_xy: NDArray[np.float64]

    @property
    def length_m(self) -> NDArray[np.float64]:
        """Length of each segment."""
        delta = self.end_xy - self.start_xy
        return np.asarray(np.hypot(delta[:, 0], delta[:, 1]), dtype=float)


def shared_segments(polygons: "Geometries") -> SharedSegments:
    """Return each edge of a coverage with the one or two polygons it belongs to.

    Parameters
    ----------
    polygons
        Edge-matched polygons in metres whose vertices lie on the 1 mm grid.

    Raises
    ------
    gis.errors.TessellationError
        If an edge belongs to more than two polygons.
    """
    rings, owner = shapely.get_rings(polygons, return_index=True)
    xy, ring = shapely.get_coordinates(rings, return_index=True)
    inside = ring[1:] == ring[:-1]
    start, end = xy[:-1][inside], xy[1:][inside]
    poly = owner[ring[:-1][inside]]
    ids = np.round(np.column_stack((start, end)) / PRECISION_M).astype(np.int64)
    swap = (ids[:, 0] > ids[:, 2]) | ((ids[:, 0] == ids[:, 2]) & (ids[:, 1] > ids[:, 3]))
    ids[swap] = ids[swap][:, [2, 3, 0, 1]]
    start, end = (
        np.where(swap[:, None], end, start),
        np.where(swap[:, None], start, end),
    )
    order = np.lexsort((poly, ids[:, 3], ids[:, 2], ids[:, 1], ids[:, 0]))
    ids, poly, start, end = ids[order], poly[order], start[order], end[order]
    first = np.ones(len(ids), dtype=bool)
    first[1:] = (ids[1:] != ids[:-1]).any(axis=1)
    heads = np.flatnonzero(first)
    count = np.diff(np.append(heads, len(ids)))
    if (count > 2).any():
        bad = start[heads[np.flatnonzero(count > 2)[0]]]
        msg = f"More than two polygons share an edge near ({bad[0]:.2f}, {bad[1]:.2f})."
        raise TessellationError(msg, remedy="Node the polygons first.")
    right = np.full(len(heads), -1, dtype=np.int64)
    right[count == 2] = poly[heads[count == 2] + 1]
    return SharedSegments(poly[heads].astype(np.int64), right, start[heads], end[heads])
