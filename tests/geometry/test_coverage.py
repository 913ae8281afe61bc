"""Coverage: verdicts equal brute force, gaps agree with verdicts, shares add up."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from gis.coverage import (
    PEOPLE,
    building_locations,
    cell_polygons,
    coverage_shares,
    coverage_verdicts,
    gap_areas,
    gap_polygons,
    incident_density,
    nearest_open_station,
    uncovered_buildings,
)
from gis.errors import GeometryError, InvalidInputError
from gis.geometry.crs import geodesic_distance_m, projected_crs, to_lonlat, to_projected

pytestmark = pytest.mark.geometry

HEFEI = (117.31, 31.87)
LAS_PALMAS = (-15.43, 28.12)
HELSINKI = (24.94, 60.17)
PLACES = (HEFEI, LAS_PALMAS, HELSINKI)
seeds = st.integers(0, 2**32 - 1)


def brute_force(
    buildings: np.ndarray, stations: np.ndarray, is_open: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Measure every pair on the spheroid."""
    chosen = np.flatnonzero(is_open)
    if len(chosen) == 0:
        return np.full(len(buildings), -1), np.full(len(buildings), np.nan)
    pairs = geodesic_distance_m(
        buildings[:, None, 0], buildings[:, None, 1], stations[chosen, 0], stations[chosen, 1]
    )
    return chosen[pairs.argmin(axis=1)], pairs.min(axis=1)


def town(rng: np.random.Generator, count: int, place: tuple[float, float]) -> gpd.GeoDataFrame:
    """Footprints of 20 m around a place, with people, on an index that is no range."""
    crs = projected_crs(*place)
    centre = shapely.get_coordinates(to_projected([shapely.Point(place)], crs))[0]
    x, y = (centre + rng.uniform(-1500, 1500, (count, 2))).T
    data = {name: rng.integers(0, 60, count) for name in PEOPLE}
    return gpd.GeoDataFrame(
        {"id": [f"b{k:04}" for k in range(count)], **data},
        geometry=to_lonlat(shapely.box(x, y, x + 20, y + 20), crs),
        crs="EPSG:4326",
        index=pd.Index(rng.permutation(count) + 1000),
    )


def posts(lonlat: np.ndarray) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(
        {"id": [f"s{k:03}" for k in range(len(lonlat))]},
        geometry=gpd.points_from_xy(*lonlat.T),
        crs="EPSG:4326",
        index=pd.Index(range(50, 50 + len(lonlat))),
    )


@settings(deadline=None)
@given(
    seeds, st.integers(0, 40), st.integers(0, 40), st.sampled_from([1e-9, 1e-4, 0.02, 3.0, 60.0])
)
def test_the_nearest_station_is_the_one_brute_force_finds(
    seed: int, buildings: int, stations: int, spread: float
) -> None:
    rng = np.random.default_rng(seed)
    place = np.array(PLACES[seed % 3])
    there = place + rng.uniform(-spread, spread, (buildings, 2)) / (1, 2.1)
    posts_at = place + rng.uniform(-spread, spread, (stations, 2)) / (1, 2.1)
    posts_at[: stations // 4] = posts_at[stations // 4 : 2 * (stations // 4)]  # some coincide
    is_open = rng.random(stations) < 0.5
    index, distance = nearest_open_station(there, posts_at, is_open)
    expected_index, expected = brute_force(there, posts_at, is_open)
    np.testing.assert_array_equal(distance, expected)
    np.testing.assert_array_equal(index, expected_index)


@settings(deadline=None)
@given(seeds)
def test_it_holds_over_the_whole_globe(seed: int) -> None:
    rng = np.random.default_rng(seed)
    lonlat = np.column_stack([rng.uniform(-180, 180, 60), rng.uniform(-90, 90, 60)])
    lonlat[0], lonlat[40] = (20, 0), (-160, 0)  # antipodes on the equator
    index, distance = nearest_open_station(lonlat[:40], lonlat[40:])
    expected_index, expected = brute_force(lonlat[:40], lonlat[40:], np.ones(20, bool))
    np.testing.assert_array_equal(index, expected_index)
    np.testing.assert_array_equal(distance, expected)
    alone, far = nearest_open_station([(20.0, 0.0)], [(-160.0, 0.0)])
    assert alone.tolist() == [0]
    assert far[0] == pytest.approx(20_003_931.459)  # over a pole


def test_a_ring_of_equally_near_stations_gives_the_first() -> None:
    east, west = (HEFEI[0] + 0.01, HEFEI[1]), (HEFEI[0] - 0.01, HEFEI[1])
    for stations in ([east, west], [west, east]):
        index, _ = nearest_open_station([HEFEI], stations * 5)
        assert (
            index[0] == brute_force(np.array([HEFEI]), np.array(stations * 5), np.ones(10, bool))[0]
        )


def test_none_is_open() -> None:
    index, distance = nearest_open_station([HEFEI], [HEFEI], [False])
    assert index.tolist() == [-1]
    assert np.isnan(distance).all()


@pytest.mark.parametrize("bad", [(np.nan, 31.0), (117.0, np.inf), (31.0, 117.0), (200.0, 10.0)])
def test_places_off_the_globe_are_named_by_row(bad: tuple[float, float]) -> None:
    with pytest.raises(InvalidInputError, match="row 2"):
        nearest_open_station([HEFEI, bad], [HEFEI])
    with pytest.raises(InvalidInputError, match="station_lonlat"):
        nearest_open_station([HEFEI], [HEFEI, bad])
    with pytest.raises(InvalidInputError, match="open_mask"):
        nearest_open_station([HEFEI], [HEFEI], [True, False])
    with pytest.raises(InvalidInputError, match="shape"):
        nearest_open_station([117.0, 31.0, 5.0], [HEFEI])


def test_people_leave_by_the_entrance_else_from_within_the_footprint() -> None:
    ring = shapely.box(0, 0, 10, 10) - shapely.box(1, 1, 9, 9)  # its centroid is in the yard
    footprints = [shapely.transform(ring, lambda xy: xy * 1e-5 + HEFEI)] * 3
    door = shapely.Point(HEFEI)
    frame = gpd.GeoDataFrame(
        {"entrance": gpd.GeoSeries([door, None, shapely.Point()], index=[7, 5, 9])},
        geometry=gpd.GeoSeries(footprints, index=[7, 5, 9]),
        crs="EPSG:4326",
    )
    points = building_locations(frame)
    assert points.index.tolist() == [7, 5, 9]
    assert points[7].equals(door)
    assert footprints[0].intersects(points[5])
    assert footprints[0].intersects(points[9])
    assert building_locations(frame.drop(columns="entrance")).index.tolist() == [7, 5, 9]
    nowhere = gpd.GeoDataFrame(geometry=[footprints[0], None], crs="EPSG:4326")
    with pytest.raises(GeometryError, match="row 2"):
        building_locations(nowhere)


@settings(deadline=None, max_examples=25)
@given(seeds)
def test_verdicts_keep_the_index_and_agree_with_brute_force(seed: int) -> None:
    rng = np.random.default_rng(seed)
    buildings = town(rng, 30, PLACES[seed % 3])
    stations = posts(np.array(PLACES[seed % 3]) + rng.uniform(-0.01, 0.01, (6, 2)))
    is_open = pd.Series(rng.random(6) < 0.4, index=stations.index)
    before = buildings.copy()
    verdicts = coverage_verdicts(buildings, stations, is_open, thresholds_m=(250, 800))
    pd.testing.assert_frame_equal(before, buildings)
    assert verdicts.index.equals(buildings.index)
    places = building_locations(buildings)
    index, distance = brute_force(
        np.column_stack([places.x, places.y]),
        np.column_stack([stations.geometry.x, stations.geometry.y]),
        is_open.to_numpy(),
    )
    np.testing.assert_array_equal(verdicts["distance_m"], distance)
    np.testing.assert_array_equal(verdicts["within_250_m"], distance <= 250)
    np.testing.assert_array_equal(verdicts["within_800_m"], distance <= 800)
    if is_open.any():
        assert verdicts["station_id"].tolist() == stations["id"].to_numpy()[index].tolist()
        assert verdicts["reason"].isna().all()
    else:
        assert verdicts["station_id"].isna().all()
        assert (verdicts["reason"] == "no_open_station").all()


def test_verdicts_need_one_answer_per_station() -> None:
    buildings, stations = town(np.random.default_rng(1), 3, HEFEI), posts(np.array([HEFEI]))
    with pytest.raises(InvalidInputError, match="open_stations"):
        coverage_verdicts(buildings, stations, pd.Series([True]))
    with pytest.raises(InvalidInputError, match="radius"):
        coverage_verdicts(
            buildings, stations, pd.Series([True], index=stations.index), thresholds_m=[0.0]
        )


@settings(deadline=None, max_examples=30)
@given(seeds, st.sampled_from([300.0, 500.0, 1000.0]))
def test_shares_add_up_and_grow_with_the_radius(seed: int, radius: float) -> None:
    rng = np.random.default_rng(seed)
    buildings = town(rng, 40, HEFEI)
    distance = pd.Series(rng.uniform(0, 1500, 40), index=buildings.index)
    distance[rng.random(40) < 0.2] = np.nan
    by = pd.Series(rng.choice(["g1", "g2", "g3"], 40), index=buildings.index)
    shares = coverage_shares(buildings, distance, by, radius)
    assert shares.index.is_monotonic_increasing
    for name in PEOPLE:
        assert shares[name].sum() == buildings[name].sum()
        assert shares[f"{name}_covered"].sum() == buildings.loc[distance <= radius, name].sum()
        expected = shares[f"{name}_covered"] / shares[name]
        np.testing.assert_allclose(shares[f"{name}_share"].astype(float), expected)
    wider = coverage_shares(buildings, distance, by, radius * 1.5)
    assert (wider["households_covered"] >= shares["households_covered"]).all()
    uncovered = uncovered_buildings(buildings, distance, radius)
    covered = shares["households_covered"].sum()
    assert uncovered["households"].sum() + covered == buildings["households"].sum()
    assert uncovered["households"].is_monotonic_decreasing
    assert uncovered.index.isin(buildings.index).all()
    assert isinstance(uncovered, gpd.GeoDataFrame)


def test_a_group_without_people_has_no_share() -> None:
    buildings = town(np.random.default_rng(2), 3, HEFEI)
    buildings[list(PEOPLE)] = 0
    buildings.loc[buildings.index[0], "households"] = 4
    distance = pd.Series(10.0, index=buildings.index)
    by = pd.Series(["a", "b", None], index=buildings.index)
    shares = coverage_shares(buildings, distance, by, 300.0)
    assert shares.index.tolist() == ["a", "b"]  # a building without a group is left out
    assert shares.loc["a", "households_share"] == 1.0
    assert shares.loc["b", "households_share"] is pd.NA
    assert not shares.isin([np.nan, np.inf]).to_numpy(dtype=bool, na_value=False).any()
    with pytest.raises(InvalidInputError, match="by"):
        coverage_shares(buildings, distance, by.reset_index(drop=True), 300.0)


@settings(deadline=None, max_examples=25)
@given(seeds, st.sampled_from([300.0, 500.0, 1000.0]), st.integers(0, 6))
def test_gaps_agree_with_the_verdicts_of_buildings(seed: int, radius: float, count: int) -> None:
    rng = np.random.default_rng(seed)
    place = PLACES[seed % 3]
    crs = projected_crs(*place)
    buildings = town(rng, 60, place)
    scope = shapely.box(*buildings.total_bounds)
    lonlat = np.array(place) + rng.uniform(-0.015, 0.015, (count, 2))
    stations = posts(lonlat.reshape(count, 2))
    gap = gap_areas(scope, stations.geometry.to_numpy(), radius, crs)
    verdicts = coverage_verdicts(buildings, stations, pd.Series(True, index=stations.index))
    clear = ~((verdicts["distance_m"] / radius - 1).abs() < 2e-4)
    in_gap = building_locations(buildings).intersects(gap)
    expected = ~(verdicts["distance_m"] <= radius)
    assert (in_gap == expected)[clear].all()
    polygons = gap_polygons(scope, stations.geometry.to_numpy(), radius, crs, buildings=buildings)
    for name in PEOPLE:
        assert polygons[name].sum() == buildings.loc[in_gap, name].sum()
    area = shapely.area(to_projected([gap], crs)).sum()
    assert polygons["area_m2"].sum() == pytest.approx(area, abs=1e-3)
    assert polygons["households"].is_monotonic_decreasing


@pytest.mark.parametrize("radius", [300.0, 1000.0])
@pytest.mark.parametrize("place", PLACES, ids=["hefei", "las_palmas", "helsinki"])
def test_the_rim_of_a_gap_is_at_the_radius_on_the_spheroid(
    place: tuple[float, float], radius: float
) -> None:
    lon, lat = place
    edge = lon + 1.4  # near the edge of a zone, where its scale differs most
    crs = projected_crs(*place)
    scope = shapely.box(edge - 0.05, lat - 0.02, edge + 0.05, lat + 0.02)
    gap = gap_areas(scope, np.array([shapely.Point(edge, lat)]), radius, crs)
    rim = shapely.get_coordinates(gap.interiors[0])
    distance = geodesic_distance_m(edge, lat, rim[:, 0], rim[:, 1])
    np.testing.assert_allclose(distance, radius, rtol=1e-5)


def test_small_gaps_are_left_out_unless_somebody_lives_there() -> None:
    crs = projected_crs(*HEFEI)
    buildings = town(np.random.default_rng(5), 200, HEFEI)
    scope = shapely.box(*buildings.total_bounds)
    stations = np.array([shapely.Point(HEFEI)])
    everything = gap_polygons(scope, stations, 1700.0, crs)  # four corners stay
    assert len(everything) == 4
    assert gap_polygons(scope, stations, 1700.0, crs, minimum_area_m2=1e7).empty
    lived_in = gap_polygons(scope, stations, 1700.0, crs, buildings=buildings, minimum_area_m2=1e7)
    assert (lived_in["residents"] > 0).all()
    nothing = gap_areas(scope, stations, 9_000.0, crs)
    assert nothing.is_empty
    assert gap_polygons(scope, stations, 9_000.0, crs, buildings=buildings).empty


@settings(deadline=None)
@given(seeds, st.integers(0, 300), st.integers(1, 6), st.integers(7, 10))
def test_density_counts_every_point_once_and_hides_small_counts(
    seed: int, count: int, minimum: int, resolution: int
) -> None:
    rng = np.random.default_rng(seed)
    lon, lat = (np.array(HEFEI) + rng.normal(0, 0.004, (count, 2))).T
    density = incident_density(lon, lat, resolution, minimum)
    assert density.cells["count"].sum() + density.suppressed_points == count
    assert (density.cells["count"] >= minimum).all()
    assert density.cells["cell"].is_monotonic_increasing
    assert density.cells["cell"].is_unique
    assert density.suppressed_points <= density.suppressed_cells * (minimum - 1)
    shuffled = rng.permutation(count)
    again = incident_density(lon[shuffled], lat[shuffled], resolution, minimum)
    pd.testing.assert_frame_equal(again.cells, density.cells)
    polygons = cell_polygons(density.cells["cell"])
    points = shapely.points(lon, lat)
    for polygon, shown in zip(polygons, density.cells["count"], strict=True):
        # An edge of a cell is a line on H3's own sphere faces: allow a point beside it.
        assert abs(int(shapely.intersects(polygon, points).sum()) - shown) <= 1


@pytest.mark.parametrize(
    ("lon", "lat", "resolution"),
    [
        ([117.0], [31.0], 16),
        ([117.0], [31.0, 32.0], 9),
        ([np.nan], [31.0], 9),
        ([31.0], [117.0], 9),
    ],
)
def test_density_refuses_what_is_not_on_the_globe(
    lon: list[float], lat: list[float], resolution: int
) -> None:
    with pytest.raises(InvalidInputError):
        incident_density(lon, lat, resolution)
