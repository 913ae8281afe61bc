"""Catchments: the ground that belongs to each station, because it is the nearest on foot."""

from typing import TYPE_CHECKING

import numpy as np
import shapely

from gis.coverage.field import WalkField
from gis.coverage.gaps import valid_lonlat
from gis.coverage.isochrones import reached_ground
from gis.coverage.partition import differing_sides, label_polygons
from gis.coverage.settling import settled
from gis.coverage.shares import PEOPLE
from gis.errors import InvalidInputError
from gis.geometry.crs import to_projected

if TYPE_CHECKING:
    import geopandas as gpd
    import pyproj
    from numpy.typing import NDArray

    from gis.geometry.crs import Geometries
    from gis.network.walking import Walk

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

#: How often the way between two places of different stations is halved: 25 m become 3 m.
_HALVINGS = 3


def catchments(
    field: WalkField,
    limit_m: float,
    crs: "pyproj.CRS",
    *,
    buildings: "gpd.GeoDataFrame | None" = None,
    walk: "Walk | None" = None,
) -> "gpd.GeoDataFrame":
    """Return the ground within a limit, shared out among the stations that are nearest on foot.

    Parameters
    ----------
    field
        From :func:`~gis.coverage.field.walk_field`.
    limit_m
        Equivalent metres beyond which ground belongs to no station.
    crs
        The projected CRS of the field.
    buildings, walk
        Buildings in EPSG:4326 and the walk from each to its nearest station. If given, every
        footprint lies in the catchment of its building's station (in none, beyond the limit), and
        the people of those buildings are counted.

    Returns
    -------
    geopandas.GeoDataFrame
        ``station`` (row of the stations), ``area_m2``, the counts of people if buildings were
        given, and the polygon in EPSG:4326; in order of station, without those that reach nothing.
        They do not overlap, and together cover the ground that is reached.

    Raises
    ------
    gis.errors.InvalidInputError
        The limit is not positive, or there is not one walk per building.
    """
    import geopandas as gpd

    stations, parts = _shared_out(field, reached_ground(field, limit_m))
    owner = None
    if buildings is not None:
        owner = _owners(buildings, walk, limit_m)
        stations, parts = _with_own_buildings(stations, parts, owner, buildings, crs)
    keep = shapely.area(parts) > 0
    stations, parts = stations[keep], parts[keep]
    frame = gpd.GeoDataFrame(
        {"station": stations, "area_m2": shapely.area(parts)},
        geometry=valid_lonlat(parts, crs),
        crs="EPSG:4326",
    )
    if buildings is not None and owner is not None:
        mine = owner[:, None] == stations
        for name in PEOPLE:
            frame[name] = buildings[name].to_numpy(dtype=np.int64) @ mine
    return frame


def _shared_out(field: WalkField, reached: shapely.Geometry) -> "tuple[Ints, Geometries]":
    """Return the stations that are nearest somewhere, and the part of the ground of each."""
    if shapely.is_empty(reached):
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=object)
    rows, columns = _window(field, reached)
    x, y = field.ground.x_m[columns], field.ground.y_m[rows]
    known = field.station[rows, columns]
    labels = _filled(known)
    (row_e, column_e), (row_n, column_n) = differing_sides(labels)
    row, column = np.concatenate([row_e, row_n]), np.concatenate([column_e, column_n])
    start = np.column_stack([x[column], y[row]])
    end = np.concatenate(
        [
            np.column_stack([x[column_e + 1], y[row_e]]),
            np.column_stack([x[column_n], y[row_n + 1]]),
        ]
    )
    east, north = np.split(_borders(field, labels[row, column], start, end), [len(row_e)])
    stations, parts = label_polygons(x, y, labels, east, north)
    return stations, np.asarray(shapely.intersection(parts, reached), dtype=object)


def _window(field: WalkField, reached: shapely.Geometry) -> tuple[slice, slice]:
    """Return the rows and columns that hold the ground; it may stick out by less than a cell."""
    west, south, east, north = shapely.bounds(reached).tolist()

    def span(axis: "Floats", low: float, high: float) -> slice:
        first, last = np.searchsorted(axis, [low, high])
        return slice(max(int(first) - 1, 0), int(last) + 1)

    return span(field.ground.y_m, south, north), span(field.ground.x_m, west, east)


def _filled(station: "Ints") -> "Ints":
    """Return the station of each place; that of the nearest place where none is reached."""
    from scipy.ndimage import distance_transform_edt

    nearest = distance_transform_edt(station < 0, return_distances=False, return_indices=True)
    return np.asarray(station[tuple(nearest)])


def _borders(field: WalkField, label: "Ints", start: "Floats", end: "Floats") -> "Floats":
    """Return where between two places another station becomes the nearest, as a share."""
    low, high = np.zeros(len(label)), np.ones(len(label))
    for _ in range(_HALVINGS):
        half = (low + high) / 2
        found = field.at(start + half[:, None] * (end - start)).station
        known, same = found >= 0, found == label
        low, high = np.where(known & same, half, low), np.where(known & ~same, half, high)
    return (low + high) / 2


def _owners(buildings: "gpd.GeoDataFrame", walk: "Walk | None", limit_m: float) -> "Ints":
    if walk is None or len(walk.station) != len(buildings):
        msg = f"There is no walk for each of {len(buildings)} buildings."
        raise InvalidInputError(msg, remedy="Pass nearest() of these buildings.", field="walk")
    return np.where(walk.cost_m <= limit_m, walk.station, -1)


def _with_own_buildings(
    stations: "Ints",
    parts: "Geometries",
    owner: "Ints",
    buildings: "gpd.GeoDataFrame",
    crs: "pyproj.CRS",
) -> "tuple[Ints, Geometries]":
    """Return the parts with the footprints of their buildings, of every station that owns one."""
    every = np.union1d(stations, owner[owner >= 0])
    grown = np.full(len(every), shapely.MultiPolygon(), dtype=object)
    grown[np.searchsorted(every, stations)] = parts
    position = np.where(owner >= 0, np.searchsorted(every, owner), -1)
    return every, settled(grown, to_projected(buildings.geometry.to_numpy(), crs), position)
