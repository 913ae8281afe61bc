"""Isochrones and gaps by walking: marching squares over a field of walking costs.

Between two places of the raster the border lies where the cost, taken as even on the way, is the
limit. Where the cost jumps (a wall, two roads that do not meet, the end of reach), it counts only
one cell's worth on either side of the limit: a leg costs a metre per metre, so from a place that is
5 m within the limit nobody gets farther than 5 m.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from gis.coverage.field import FieldGround, WalkField, station_fields
from gis.coverage.gaps import gap_frame, valid_lonlat
from gis.coverage.settling import settled
from gis.coverage.shares import check_index
from gis.coverage.verdicts import check_threshold
from gis.errors import InvalidInputError
from gis.geometry.crs import to_projected

if TYPE_CHECKING:
    from collections.abc import Sequence

    import geopandas as gpd
    import pandas as pd
    import pyproj
    from numpy.typing import NDArray

    from gis.network.graph import WalkGraph
    from gis.network.snapping import Snapped

#: A cost is never nearer to the limit than this, so that no border runs through a place itself.
_NUDGE_M = 1e-3


def reached_ground(field: WalkField, limit_m: float) -> shapely.Geometry:
    """Return the ground from which a station is within a limit, in metres, holes kept.

    Parameters
    ----------
    field
        From :func:`~gis.coverage.field.walk_field`.
    limit_m
        Equivalent metres; for minutes at a speed ``minutes × 60 × speed``.

    Returns
    -------
    shapely.Geometry
        A valid MultiPolygon, empty where nothing is reached. With a greater limit it holds this.

    Raises
    ------
    gis.errors.InvalidInputError
        The limit is not positive.
    """
    check_threshold(limit_m)
    half = field.ground.cell_m / 2
    over = np.pad(_over(field, limit_m), 1, constant_values=half)
    inside = over < 0
    if not inside.any():
        return shapely.MultiPolygon()
    rows, columns = (_span(np.asarray(inside.any(axis=axis))) for axis in (1, 0))
    x, y = (
        axis[0] + half * np.arange(-1, 2 * len(axis))
        for axis in (field.ground.x_m, field.ground.y_m)
    )
    return _below_zero(x[columns], y[rows], over[rows, columns])


def _over(field: WalkField, limit_m: float) -> "NDArray[np.float64]":
    """Return by how much places and places half-way between them are over the limit."""
    cell = field.ground.cell_m
    known = _clipped(field.cost_m - limit_m, cell)
    rows, columns = known.shape
    out = np.empty((2 * rows - 1, 2 * columns - 1))
    out[::2, ::2] = known
    out[::2, 1::2] = (known[:, 1:] + known[:, :-1]) / 2
    out[1::2, ::2] = (known[1:] + known[:-1]) / 2
    out[1::2, 1::2] = (out[1::2, 2::2] + out[1::2, :-2:2]) / 2
    for part, cost in zip(
        (out[::2, 1::2], out[1::2, ::2], out[1::2, 1::2]), field.between, strict=True
    ):
        np.copyto(part, _clipped(cost - limit_m, cell), where=~np.isnan(cost))
    return np.where(np.abs(out) < _NUDGE_M, np.where(out <= 0, -_NUDGE_M, _NUDGE_M), out)


def _clipped(over: "NDArray[np.float64]", most: float) -> "NDArray[np.float64]":
    return np.maximum(np.fmin(over, most), -most)  # fmin takes the other for NaN


def _span(used: "NDArray[np.bool_]") -> slice:
    """Return the used part of an axis, with one place more on either side."""
    rows = np.flatnonzero(used)
    return slice(int(rows[0]) - 1, int(rows[-1]) + 2)


def _below_zero(
    x: "NDArray[np.float64]", y: "NDArray[np.float64]", over: "NDArray[np.float64]"
) -> shapely.Geometry:
    import contourpy

    squares = contourpy.contour_generator(
        x, y, over, fill_type=contourpy.FillType.ChunkCombinedOffsetOffset
    )
    chunks: Any = squares.filled(-np.inf, 0.0)
    (points,), (rings,), (polygons,) = chunks
    parts = shapely.from_ragged_array(shapely.GeometryType.POLYGON, points, (rings, polygons))
    return shapely.MultiPolygon(list(parts))


def isochrones(
    field: WalkField,
    limits_m: "Sequence[float]",
    crs: "pyproj.CRS",
    *,
    buildings: "gpd.GeoDataFrame | None" = None,
    cost_m: "pd.Series[float] | None" = None,
) -> "gpd.GeoDataFrame":
    """Return what is reached within each limit, all from one field.

    Parameters
    ----------
    field
        From :func:`~gis.coverage.field.walk_field`.
    limits_m
        Equivalent metres; for minutes at a speed ``minutes × 60 × speed``.
    crs
        The projected CRS of the field.
    buildings, cost_m
        Buildings in EPSG:4326 and the cost of each one's walk. If given, every footprint is inside
        or outside as its verdict says.

    Returns
    -------
    geopandas.GeoDataFrame
        ``limit_m``, ``area_m2`` and the MultiPolygon in EPSG:4326, holes kept; each holds those
        of smaller limits.
    """
    import geopandas as gpd

    ground = np.array([reached_ground(field, limit) for limit in limits_m], dtype=object)
    if buildings is not None:
        for row, limit in enumerate(limits_m):
            covered = within_limit(buildings, cost_m, limit)
            ground[row] = settled_ground(ground[row], buildings, covered, crs)
    return gpd.GeoDataFrame(
        {"limit_m": np.array(limits_m, dtype=float), "area_m2": shapely.area(ground)},
        geometry=valid_lonlat(ground, crs),
        crs="EPSG:4326",
    )


def station_isochrones(
    graph: "WalkGraph",
    ground: FieldGround,
    stations: "Snapped",
    limit_m: float,
    crs: "pyproj.CRS",
) -> "gpd.GeoDataFrame":
    """Return what each station by itself reaches within a limit; they may overlap.

    Returns
    -------
    geopandas.GeoDataFrame
        ``station`` (row), ``area_m2`` and the MultiPolygon in EPSG:4326, empty where a station is
        not on the network.
    """
    import geopandas as gpd

    check_threshold(limit_m)
    parts = np.full(len(stations), shapely.MultiPolygon(), dtype=object)
    for row, field in station_fields(graph, ground, stations, limit_m):
        parts[row] = reached_ground(field, limit_m)
    return gpd.GeoDataFrame(
        {"station": np.arange(len(stations)), "area_m2": shapely.area(parts)},
        geometry=valid_lonlat(parts, crs),
        crs="EPSG:4326",
    )


def walking_gaps(
    scope: shapely.Geometry,
    field: WalkField,
    limit_m: float,
    crs: "pyproj.CRS",
    *,
    buildings: "gpd.GeoDataFrame | None" = None,
    cost_m: "pd.Series[float] | None" = None,
    minimum_area_m2: float = 0.0,
) -> "gpd.GeoDataFrame":
    """Return the ground from which no station is within a limit on foot, and who lives there.

    Parameters
    ----------
    scope
        Polygon or MultiPolygon in EPSG:4326.
    field, limit_m, crs
        As for :func:`isochrones`.
    buildings, cost_m
        Buildings in EPSG:4326 and the cost of each one's walk: those beyond the limit are counted
        in the gap where they stand, else in the nearest; gaps hold their footprints, no other's.
    minimum_area_m2
        Smaller gaps are left out, unless somebody lives there.

    Returns
    -------
    geopandas.GeoDataFrame
        As :func:`~gis.coverage.gaps.gap_polygons`.
    """
    reached = reached_ground(field, limit_m)
    beyond = None
    if buildings is not None:
        covered = within_limit(buildings, cost_m, limit_m)
        reached = settled_ground(reached, buildings, covered, crs)
        beyond = buildings[~covered]
    [ground] = to_projected(np.array([scope], dtype=object), crs)
    gap = shapely.difference(ground, reached)
    return gap_frame(gap, crs, buildings=beyond, minimum_area_m2=minimum_area_m2, everyone=True)


def within_limit(
    buildings: "gpd.GeoDataFrame", cost_m: "pd.Series[float] | None", limit_m: float
) -> "NDArray[np.bool_]":
    """Return which buildings are within the limit; one without a walk is not."""
    if cost_m is None:
        msg = "There are buildings, but no cost of their walks."
        raise InvalidInputError(msg, remedy="Pass one cost per building.", field="cost_m")
    check_index(buildings, cost_m=cost_m)
    return np.asarray(cost_m.le(limit_m), dtype=bool)


def settled_ground(
    reached: shapely.Geometry,
    buildings: "gpd.GeoDataFrame",
    covered: "NDArray[np.bool_]",
    crs: "pyproj.CRS",
) -> shapely.Geometry:
    """Return reached ground in metres that holds the footprints of covered buildings, no other."""
    footprints = to_projected(buildings.geometry.to_numpy(), crs)
    parts = settled(np.array([reached], dtype=object), footprints, np.where(covered, 0, -1))
    return np.asarray(parts, dtype=object).item()  # type: ignore[no-any-return]
