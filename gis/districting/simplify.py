"""Grid polygons for the web: fewer vertices, and no gap between neighbours.

The borders of a plan are taken apart into arcs, from one meeting of three grids to the next; each
arc is simplified once, for both of its sides. Source: Douglas and Peucker (1973), Algorithms for
the reduction of the number of points required to represent a digitized line. It bounds how far a
line moves, which the area criterion of coverage simplification does not.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely
from scipy.spatial import KDTree
from shapely import STRtree

from gis.districting.blocks import Cuts, absorb
from gis.districting.ground import components
from gis.errors import CrsMismatchError, GeometryError, InvalidInputError, TessellationError
from gis.geometry.crs import to_lonlat, to_projected
from gis.geometry.tessellation import GAP_WIDTH_M, PRECISION_M, shared_segments

if TYPE_CHECKING:
    import geopandas as gpd
    import pyproj
    from numpy.typing import NDArray

    from gis.districting.graph import Bools, Floats, Ints
    from gis.geometry.crs import Geometries

#: Outlines are noded on this grid, so that those of neighbouring communities become one.
NODING_M = 0.01
#: An arc that would cross another is simplified by half as much, at most so many times.
HALVINGS = 6


@dataclass(frozen=True, eq=False)
class _Arcs:
    """Borders between grids: lines of which only the ends are fixed, and the grids beside them."""

    line: "Geometries"
    grids: "NDArray[np.int64]"  # shape (n, 2), -1 for none

    def areas(self, line: "Geometries", count: int) -> "Geometries":
        """Return the area of each of ``count`` grids within its arcs, drawn as ``line``."""
        arc = np.tile(np.arange(len(line)), 2)
        grid = self.grids.T.ravel()
        arc, grid = arc[grid >= 0], grid[grid >= 0]
        order = np.argsort(grid, kind="stable")
        rims = np.full(count, shapely.MultiLineString(), dtype=object)
        shapely.multilinestrings(line[arc[order]], indices=grid[order], out=rims)
        return np.asarray(shapely.build_area(rims), dtype=object)


def simplify_grids(
    polygons: "gpd.GeoSeries", tolerance_m: float, crs: "pyproj.CRS"
) -> "gpd.GeoSeries":
    """Return the grids of a plan with fewer vertices, still tiling the same ground.

    Borders stay shared, also between communities; no vertex is moved but by the noding (1 cm), and
    every vertex that is left out lies within ``tolerance_m`` of the new line. No grid vanishes,
    falls apart or loses a courtyard. Give all grids of a plan at once: those of one community
    alone would be simplified as if nothing met its line from outside.

    Parameters
    ----------
    polygons
        Grids, EPSG:4326. A gap between communities of up to 5 cm is closed; ground that two grids
        claim goes to the first.
    tolerance_m
        How far a line may move, in metres; 0 only leaves out vertices on straight lines.
    crs
        Projected CRS in metres.

    Returns
    -------
    Polygons of the same index, EPSG:4326.

    Raises
    ------
    gis.errors.InvalidInputError
        If the tolerance is negative or not a number.
    gis.errors.CrsMismatchError
        If the polygons are not in EPSG:4326, or ``crs`` is not in metres.
    gis.errors.GeometryError
        Naming a grid that is empty, not a valid polygon, or covered by the grids before it.
    """
    import geopandas as gpd

    if not (np.isfinite(tolerance_m) and tolerance_m >= 0):
        msg = f"Lines cannot be simplified by {tolerance_m} m."
        raise InvalidInputError(msg, remedy="Give 0 m or more.", field="tolerance_m")
    if polygons.crs is None or polygons.crs.to_epsg() != 4326:
        msg = f"Grids are in {polygons.crs}, not in EPSG:4326."
        raise CrsMismatchError(msg, remedy="Give them in lon, lat.")
    array = np.asarray(polygons.to_numpy(), dtype=object)
    _check(polygons, np.isin(shapely.get_type_id(array), (3, 6)) & shapely.is_valid(array))
    if not len(array):
        return polygons.copy()
    arcs = _arcs_of(to_projected(array, crs))
    whole = arcs.areas(arcs.line, len(array))
    _check(polygons, ~shapely.is_empty(whole))
    simple = to_lonlat(_simplified(arcs, whole, float(tolerance_m)), crs)
    return gpd.GeoSeries(simple, index=polygons.index, crs=polygons.crs)


def _check(polygons: "gpd.GeoSeries", fit: "Bools") -> None:
    if not fit.all():
        grid = str(polygons.index[int(np.flatnonzero(~fit)[0])])
        msg = f"Grid {grid} is no valid polygon with ground of its own."
        raise GeometryError(msg, remedy="Draw the plan again.", grid=grid)


def _arcs_of(polygons: "Geometries") -> _Arcs:
    """Return the arcs between polygons that need not match exactly, noded anew."""
    noded = shapely.union_all(_snapped(shapely.boundary(polygons)), grid_size=NODING_M)
    faces = np.asarray(shapely.get_parts(shapely.polygonize(shapely.get_parts(noded))))
    face, grid = STRtree(polygons).query(shapely.point_on_surface(faces), predicate="intersects")
    owner = np.full(len(faces), len(polygons))
    np.minimum.at(owner, face, grid)
    owner[owner == len(polygons)] = -1
    gap = (owner < 0) & shapely.is_empty(shapely.buffer(faces, -GAP_WIDTH_M / 2))
    none = np.empty(0, dtype=object)
    owner = owner[absorb(faces, gap, Cuts((none, none, none, none), none))]
    segments = shared_segments(faces)
    beside = np.column_stack(
        [owner[segments.left], np.where(segments.right < 0, -1, owner[segments.right])]
    )
    kept = beside[:, 0] != beside[:, 1]
    beside = beside[kept]
    ends = np.stack([segments.start_xy[kept], segments.end_xy[kept]], axis=1)
    merged = shapely.line_merge(shapely.multilinestrings(ends))
    line = np.concatenate([_without_ring(arc) for arc in shapely.get_parts(merged)])
    first = shapely.get_coordinates([shapely.get_point(line, i) for i in (0, 1)])
    first = first.reshape(2, -1, 2).transpose(1, 0, 2)
    keys = np.concatenate([_key(ends), _key(first)])
    same = np.unique(keys, axis=0, return_inverse=True)[1].reshape(-1)
    segment = np.empty(same.max(initial=0) + 1, dtype=np.int64)
    segment[same[: len(ends)]] = np.arange(len(ends))
    return _Arcs(line, beside[segment[same[len(ends) :]]])


def _snapped(lines: "Geometries") -> "Geometries":
    """Return lines with one place for vertices that rounding to the grid might part."""
    unique, place = np.unique(shapely.get_coordinates(lines), axis=0, return_inverse=True)
    near = KDTree(unique).query_pairs(NODING_M / 2, output_type="ndarray")
    _, cluster = components(len(unique), near[:, 0], near[:, 1])
    first = np.unique(cluster, return_index=True)[1]
    return np.asarray(shapely.set_coordinates(lines, unique[first[cluster[place.reshape(-1)]]]))


def _key(ends: "Floats") -> "Ints":
    """Return segments, shape (n, 2, 2), as rows of integers that do not depend on direction."""
    mm = np.round(ends / PRECISION_M).astype(np.int64)
    swap = (mm[:, 0, 0] > mm[:, 1, 0]) | (
        (mm[:, 0, 0] == mm[:, 1, 0]) & (mm[:, 0, 1] > mm[:, 1, 1])
    )
    mm[swap] = mm[swap, ::-1]
    return mm.reshape(-1, 4)


def _without_ring(arc: Any) -> "Geometries":  # noqa: ANN401 - a LineString
    """Return a closed arc as two, parted at the vertex farthest from its start: it has no ends."""
    xy = shapely.get_coordinates(arc)
    if (xy[0] != xy[-1]).any():
        return np.array([arc], dtype=object)
    half = int(np.argmax(np.hypot(*(xy - xy[0]).T)))
    return np.array(
        [shapely.LineString(xy[: half + 1]), shapely.LineString(xy[half:])], dtype=object
    )


def _simplified(arcs: _Arcs, whole: "Geometries", tolerance_m: float) -> "Geometries":
    """Return the areas within the simplified arcs, where none may cross or jump over another."""
    step = np.zeros(len(arcs.line), dtype=np.int64)
    while True:  # each round takes a step with at least one arc, and has a last step for each
        by = np.where(step <= HALVINGS, tolerance_m / 2.0**step, 0.0)
        line = np.asarray(shapely.simplify(arcs.line, by, preserve_topology=False), dtype=object)
        line[step > HALVINGS] = arcs.line[step > HALVINGS]
        bad = _crossing(line)
        areas = whole
        if not bad.any():
            areas = arcs.areas(line, len(whole))
            # The last is for -1, where there is no grid.
            changed = np.append(_changed(areas, whole), [False])
            bad = np.asarray(changed[arcs.grids].any(axis=1))
        if not bad.any():
            return areas
        bad &= step <= HALVINGS
        if not bad.any():
            msg = "The borders of the grids cross each other."
            raise TessellationError(msg, remedy="Build their cells again from the current data.")
        step[bad] += 1


def _crossing(lines: "Geometries") -> "Bools":
    """Return which lines cross themselves, or meet another elsewhere than at the ends of both."""
    bad = np.asarray(~shapely.is_simple(lines))
    a, b = STRtree(lines).query(lines, predicate="intersects")
    a, b = a[a < b], b[a < b]
    off = ~shapely.relate_pattern(lines[a], lines[b], "FF*F*****")
    bad[a[off]] = True
    bad[b[off]] = True
    return bad


def _changed(areas: "Geometries", whole: "Geometries") -> "Bools":
    """Return which grids have lost or gained a part or a courtyard, or lie in another one."""
    lonely = shapely.get_num_geometries(areas) != shapely.get_num_geometries(whole)
    lonely |= _rings(areas) != _rings(whole)
    lonely |= ~shapely.is_empty(shapely.coverage_invalid_edges(areas))
    return np.asarray(lonely)


def _rings(areas: "Geometries") -> "Ints":
    parts, owner = shapely.get_parts(areas, return_index=True)
    rings = shapely.get_num_interior_rings(parts)
    return np.bincount(owner, rings, len(areas)).astype(np.int64)
