"""Who is how far from the nearest open station, in a straight line on the spheroid; exactly."""

from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from gis.errors import GeometryError, InvalidInputError
from gis.geometry.crs import geodesic_distance_m

if TYPE_CHECKING:
    from collections.abc import Sequence

    import geopandas as gpd
    import pandas as pd
    from numpy.typing import ArrayLike, NDArray

#: Radii of coverage in metres: the last half kilometre and its neighbours.
THRESHOLDS_M = (300.0, 500.0, 1000.0)
NO_OPEN_STATION = "no_open_station"

# WGS 84. The smallest radius of curvature of any line on it is the meridian's at the equator.
_SEMI_MAJOR_M = 6_378_137.0
_ECCENTRICITY_2 = 0.006_694_379_990_141_317
_SMALLEST_RADIUS_M = _SEMI_MAJOR_M * (1 - _ECCENTRICITY_2)
#: Rounding of geocentric coordinates and of the geodesic, generously.
_SLACK_M = 1e-6
_NAMED_ROWS = 5


def nearest_open_station(
    building_lonlat: "ArrayLike", station_lonlat: "ArrayLike", open_mask: "ArrayLike | None" = None
) -> "tuple[NDArray[np.int64], NDArray[np.float64]]":
    """Return the nearest open station of each building and its distance.

    Candidates come from a KD-tree over geocentric coordinates, whose chord c bounds the geodesic
    s: c ≤ s, and s ≤ 2r·asin(c/2r) with r the smallest radius of curvature of the spheroid
    (Schur's comparison theorem: a curve that bends less has a longer chord). So a station that can
    be the nearest has a chord within that bound of the smallest; all those are measured exactly.

    Parameters
    ----------
    building_lonlat, station_lonlat
        ``(n, 2)`` and ``(m, 2)`` degrees, lon then lat.
    open_mask
        ``(m,)``: which stations count; by default all.

    Returns
    -------
    index
        Row of the station, -1 where none is open; of equally near ones the first.
    distance_m
        Length of the geodesic on WGS 84 in metres, NaN where none is open.

    Raises
    ------
    gis.errors.InvalidInputError
        A coordinate is not finite or not on the globe (rows are named), or a shape is wrong.
    """
    buildings = _lonlat(building_lonlat, "building_lonlat")
    stations = _lonlat(station_lonlat, "station_lonlat")
    is_open = (
        np.ones(len(stations), dtype=bool) if open_mask is None else np.asarray(open_mask, bool)
    )
    if is_open.shape != (len(stations),):
        msg = f"open_mask has shape {is_open.shape} for {len(stations)} stations."
        raise InvalidInputError(msg, remedy="Pass one value per station.", field="open_mask")
    chosen = np.flatnonzero(is_open)
    # Of stations at one place the first stands for all: else each building would be a tie.
    _, first = np.unique(stations[chosen], axis=0, return_index=True)
    chosen = chosen[np.sort(first)]
    index = np.full(len(buildings), -1, dtype=np.int64)
    distance = np.full(len(buildings), np.nan)
    if len(chosen) and len(buildings):
        nearest, distance = _nearest(buildings, stations[chosen])
        index = chosen[nearest]
    return index, distance


def _nearest(
    buildings: "NDArray[np.float64]", stations: "NDArray[np.float64]"
) -> "tuple[NDArray[np.int64], NDArray[np.float64]]":
    from scipy.spatial import KDTree

    tree, places = KDTree(_geocentric(stations)), _geocentric(buildings)
    chords, found = tree.query(places, k=[1, 2])  # the second is infinite where there is one only
    nearest = found[:, 0].astype(np.int64)
    bound = _longest_geodesic_m(chords[:, 0]) + _SLACK_M
    distance = geodesic_distance_m(*buildings.T, *stations[nearest].T)
    for row in np.flatnonzero(chords[:, 1] <= bound):
        rivals = np.sort(tree.query_ball_point(places[row], bound[row]))
        lengths = geodesic_distance_m(*buildings[row], *stations[rivals].T)
        nearest[row], distance[row] = rivals[lengths.argmin()], lengths.min()
    return nearest, distance


def _longest_geodesic_m(chord_m: "NDArray[np.float64]") -> "NDArray[np.float64]":
    """Return the longest geodesic that can have this chord; infinite near the antipode."""
    half = chord_m / (2 * _SMALLEST_RADIUS_M)
    arcs = 2 * _SMALLEST_RADIUS_M * np.arcsin(np.minimum(half, 1.0))
    return np.asarray(np.where(half < 1.0, arcs, np.inf))


def _geocentric(lonlat: "NDArray[np.float64]") -> "NDArray[np.float64]":
    """Return ``(n, 3)`` metres from the centre of the spheroid."""
    lon, lat = np.radians(lonlat).T
    normal = _SEMI_MAJOR_M / np.sqrt(1 - _ECCENTRICITY_2 * np.sin(lat) ** 2)
    across = normal * np.cos(lat)
    return np.column_stack(
        [
            across * np.cos(lon),
            across * np.sin(lon),
            normal * (1 - _ECCENTRICITY_2) * np.sin(lat),
        ]
    )


def _lonlat(values: "ArrayLike", name: str) -> "NDArray[np.float64]":
    array = np.asarray(values, dtype=float)
    array = array.reshape(0, 2) if array.size == 0 else array
    if array.ndim != 2 or array.shape[1] != 2:
        msg = f"{name} has shape {array.shape}; it needs one lon and one lat per row."
        raise InvalidInputError(msg, remedy="Pass an (n, 2) array.", field=name)
    bad = np.flatnonzero(
        ~((np.abs(array[:, 0]) <= 180) & (np.abs(array[:, 1]) <= 90))  # NaN is bad too
    )
    if len(bad):
        rows = [int(row) + 1 for row in bad[:_NAMED_ROWS]]
        msg = f"{name}: no place on the globe in row {', '.join(map(str, rows))}."
        raise InvalidInputError(
            msg, remedy="Check that coordinates are lon, lat in degrees.", field=name, rows=rows
        )
    return array


def building_locations(buildings: "gpd.GeoDataFrame") -> "gpd.GeoSeries":
    """Return where people leave each building: its entrance, else a point within the footprint.

    Parameters
    ----------
    buildings
        Buildings in EPSG:4326, with or without the column ``entrance``.

    Returns
    -------
    geopandas.GeoSeries
        Points in EPSG:4326, same index.

    Raises
    ------
    gis.errors.GeometryError
        A building has neither an entrance nor a footprint; rows are named.
    """
    import geopandas as gpd

    points = np.asarray(shapely.point_on_surface(buildings.geometry.to_numpy()), dtype=object)
    if "entrance" in buildings:
        entrances = np.asarray(buildings["entrance"].to_numpy(), dtype=object)
        present = ~(shapely.is_missing(entrances) | shapely.is_empty(entrances))
        points[present] = entrances[present]
    absent = np.flatnonzero(shapely.is_missing(points) | shapely.is_empty(points))
    if len(absent):
        rows = [int(row) + 1 for row in absent[:_NAMED_ROWS]]
        msg = f"Buildings in row {', '.join(map(str, rows))} have no place."
        raise GeometryError(msg, remedy="Draw a footprint or an entrance.", rows=rows)
    return gpd.GeoSeries(points, index=buildings.index, crs="EPSG:4326", name="location")


def lonlat_array(points: Any) -> "NDArray[np.float64]":  # noqa: ANN401 - array-like of points
    """Return ``(n, 2)`` lon, lat of points."""
    array = np.asarray(points, dtype=object)
    return np.column_stack([shapely.get_x(array), shapely.get_y(array)])


def coverage_verdicts(
    buildings: "gpd.GeoDataFrame",
    stations: "gpd.GeoDataFrame",
    open_stations: "pd.Series[bool]",
    *,
    thresholds_m: "Sequence[float]" = THRESHOLDS_M,
) -> "pd.DataFrame":
    """Return the nearest open station of each building, and which radii reach it.

    Parameters
    ----------
    buildings
        Buildings in EPSG:4326; measured from :func:`building_locations`.
    stations
        Stations in EPSG:4326 with their ``id``.
    open_stations
        Whether each station is open, on the index of ``stations``.
    thresholds_m
        Radii in metres.

    Returns
    -------
    pandas.DataFrame
        Index of ``buildings``; ``station_id`` (or None), ``distance_m`` (or NaN), ``reason``
        (``no_open_station`` or None), and a boolean ``within_{r}_m`` per radius. Of equally near
        stations the one with the smallest id is named.

    Raises
    ------
    gis.errors.InvalidInputError
        ``open_stations`` is not on the index of ``stations``, or a radius is not positive.
    """
    import pandas as pd

    if not open_stations.index.equals(stations.index):
        msg = "open_stations is not on the index of stations."
        raise InvalidInputError(msg, remedy="Pass one value per station.", field="open_stations")
    for radius in thresholds_m:
        check_threshold(radius)
    by_id = np.argsort(stations["id"].to_numpy(dtype=str), kind="stable")
    index, distance = nearest_open_station(
        lonlat_array(building_locations(buildings)),
        lonlat_array(stations.geometry)[by_id],
        open_stations.to_numpy(dtype=bool)[by_id],
    )
    station_id, reason = np.full((2, len(buildings)), None, dtype=object)
    found = index >= 0
    station_id[found] = stations["id"].to_numpy(dtype=object)[by_id][index[found]]
    reason[~found] = NO_OPEN_STATION
    data: dict[str, Any] = {
        "station_id": pd.Series(station_id, index=buildings.index).astype(object),
        "distance_m": distance,
        "reason": pd.Series(reason, index=buildings.index).astype(object),
    }
    for radius in thresholds_m:
        data[f"within_{radius:g}_m"] = distance <= radius
    return pd.DataFrame(data, index=buildings.index)


def check_threshold(threshold_m: float) -> None:
    """Raise :class:`~gis.errors.InvalidInputError` unless a radius is positive and finite."""
    if not 0 < threshold_m < np.inf:
        msg = f"A radius of {threshold_m} m covers nothing that can be said."
        raise InvalidInputError(
            msg, remedy="Pass a positive number of metres.", field="threshold_m", value=threshold_m
        )
