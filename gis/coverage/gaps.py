"""Gap areas: the ground of a scope that no open station reaches."""

from typing import TYPE_CHECKING, Any

import numpy as np
import pyproj
import shapely

from gis.coverage.shares import PEOPLE
from gis.coverage.verdicts import building_locations, check_threshold, lonlat_array
from gis.geometry.crs import to_lonlat, to_projected

if TYPE_CHECKING:
    import geopandas as gpd
    from numpy.typing import ArrayLike

    from gis.geometry.crs import Geometries

#: A circle is drawn with 4 × 64 chords: its radius is short by 0.0075 % at most.
_QUARTER_SEGMENTS = 64


def gap_areas(
    scope: shapely.Geometry, station_points: "ArrayLike", threshold_m: float, crs: pyproj.CRS
) -> shapely.Geometry:
    """Return the part of ``scope`` that is outside every station's circle.

    Circles are drawn in metres of ``crs``, each with the scale of the projection at its station, so
    they agree with distances on the spheroid to 0.01 % of the radius.

    Parameters
    ----------
    scope
        Polygon or MultiPolygon in EPSG:4326.
    station_points
        Points in EPSG:4326 of the stations that count; none: the whole scope is a gap.
    threshold_m
        Radius in metres.
    crs
        Projected CRS in metres, conformal as the CGCS2000 and UTM zones are.

    Returns
    -------
    shapely.Geometry
        Polygon or MultiPolygon in EPSG:4326, empty if all is covered.
    """
    gap = _projected_gap(scope, station_points, threshold_m, crs)
    return to_lonlat(np.array([gap], dtype=object), crs)[0]  # type: ignore[no-any-return]


def gap_polygons(
    scope: shapely.Geometry,
    station_points: "ArrayLike",
    threshold_m: float,
    crs: pyproj.CRS,
    *,
    buildings: "gpd.GeoDataFrame | None" = None,
    minimum_area_m2: float = 0.0,
) -> "gpd.GeoDataFrame":
    """Return the gap areas one by one, with the people who live in each.

    Parameters
    ----------
    scope, station_points, threshold_m, crs
        As for :func:`gap_areas`.
    buildings
        Buildings in EPSG:4326 whose counts are summed by :func:`building_locations`.
    minimum_area_m2
        Smaller gaps are left out, unless somebody lives there.

    Returns
    -------
    geopandas.GeoDataFrame
        ``area_m2``, the counts of people if ``buildings`` were given, and the polygon in EPSG:4326;
        most households first, then the largest.
    """
    gap = _projected_gap(scope, station_points, threshold_m, crs)
    return gap_frame(gap, crs, buildings=buildings, minimum_area_m2=minimum_area_m2)


def valid_lonlat(parts: "Geometries", crs: pyproj.CRS) -> "Geometries":
    """Return areas in metres as valid ones in EPSG:4326: rounding may fold what is a hair wide."""
    out = to_lonlat(parts, crs)
    folded = ~shapely.is_valid(out)
    out[folded] = shapely.make_valid(out[folded], method="structure")
    return out


def gap_frame(
    gap: shapely.Geometry,
    crs: pyproj.CRS,
    *,
    buildings: "gpd.GeoDataFrame | None" = None,
    minimum_area_m2: float = 0.0,
    everyone: bool = False,
) -> "gpd.GeoDataFrame":
    """Return the parts of a gap in metres as :func:`gap_polygons` does.

    With ``everyone``, who is located in no part is counted in the nearest one: a door in a street
    that is reached, or a building beyond the scope.
    """
    import geopandas as gpd

    parts = shapely.get_parts(gap)
    parts = parts[shapely.area(parts) > 0]
    frame = gpd.GeoDataFrame(
        {"area_m2": shapely.area(parts)}, geometry=valid_lonlat(parts, crs), crs="EPSG:4326"
    )
    order = ["area_m2"]
    keep = frame["area_m2"] >= minimum_area_m2
    if buildings is not None:
        _count_people(frame, parts, buildings, crs, everyone=everyone)
        order = ["households", "area_m2"]
        keep |= frame[list(PEOPLE)].sum(axis=1) > 0
    return frame[keep].sort_values(order, ascending=False, kind="stable").reset_index(drop=True)


def _projected_gap(
    scope: shapely.Geometry, station_points: "ArrayLike", threshold_m: float, crs: pyproj.CRS
) -> Any:  # noqa: ANN401 - a geometry of any areal type
    check_threshold(threshold_m)
    ground = to_projected(np.array([scope], dtype=object), crs)[0]
    stations = np.asarray(station_points, dtype=object).ravel()
    if len(stations) == 0:
        return ground
    lonlat = lonlat_array(stations)
    factors = pyproj.Proj(crs).get_factors(lonlat[:, 0], lonlat[:, 1])
    scale = np.sqrt(factors.areal_scale)
    circles = shapely.buffer(
        to_projected(stations, crs), threshold_m * scale, quad_segs=_QUARTER_SEGMENTS
    )
    return shapely.difference(ground, shapely.union_all(circles))


def _count_people(
    frame: "gpd.GeoDataFrame",
    parts: Any,  # noqa: ANN401 - an array of polygons
    buildings: "gpd.GeoDataFrame",
    crs: pyproj.CRS,
    *,
    everyone: bool,
) -> None:
    """Add the counts of the buildings located in each part, in place."""
    points = to_projected(building_locations(buildings).to_numpy(), crs)
    part, building = shapely.STRtree(points).query(parts, predicate="intersects")
    if everyone and len(parts):
        away = np.setdiff1d(np.arange(len(points)), building)
        part = np.append(part, shapely.STRtree(parts).nearest(points[away]))
        building = np.append(building, away)
    for name in PEOPLE:
        counts = buildings[name].to_numpy(dtype=np.int64)
        frame[name] = np.bincount(part, counts[building], minlength=len(parts)).astype(np.int64)
