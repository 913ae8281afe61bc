"""Catchments tile what is reached, and hold the buildings whose nearest station is theirs."""

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from gis.coverage.catchments import catchments
from gis.coverage.field import field_ground, walk_field
from gis.coverage.isochrones import isochrones, reached_ground
from gis.coverage.partition import differing_sides, label_polygons
from gis.coverage.settling import settled
from gis.coverage.shares import PEOPLE
from gis.errors import InvalidInputError
from gis.network import Walk, build_walk_graph, nearest, snap, snap_buildings
from tests.geometry.field_ground import AT, houses, town
from tests.geometry.network_ground import CRS, roads

pytestmark = pytest.mark.geometry
seeds = st.integers(0, 10_000)


def in_metres(frame):
    return np.asarray(frame.geometry.to_crs(CRS).to_numpy(), dtype=object)


def overlap(parts):
    return shapely.area(parts).sum() - shapely.area(shapely.union_all(parts))


@pytest.mark.slow
@settings(max_examples=25, deadline=None)
@given(seeds, st.integers(1, 6), st.floats(30, 700))
def test_catchments_tile_what_is_reached(seed, stations, limit):
    ground = town(seed, stations=stations)
    frame = catchments(ground.field, limit, CRS)
    reached = reached_ground(ground.field, limit)
    parts = in_metres(frame)
    assert shapely.is_valid(frame.geometry.to_numpy()).all()
    assert overlap(parts) == pytest.approx(0, abs=1e-3)
    assert frame["area_m2"].sum() == pytest.approx(reached.area, rel=1e-9, abs=1e-6)
    together = shapely.union_all(parts)
    assert shapely.symmetric_difference(together, reached).area == pytest.approx(0, abs=1e-3)
    assert frame["station"].is_monotonic_increasing
    assert frame["station"].is_unique


@pytest.mark.slow
@settings(max_examples=25, deadline=None)
@given(seeds, st.floats(30, 700))
def test_places_of_the_raster_are_in_the_catchment_of_their_station(seed, limit):
    field = town(seed, stations=4).field
    frame = catchments(field, limit, CRS)
    x, y = np.meshgrid(field.ground.x_m, field.ground.y_m)
    for station, part in zip(frame["station"], in_metres(frame), strict=True):
        mine = (field.station == station) & (field.cost_m <= limit)
        inside = shapely.contains_xy(part, x, y)
        # A place may lie on the very border of a part that only the projection moved.
        assert (mine == inside).mean() > 0.999
        assert not (inside & (field.station != station)).any()


@pytest.mark.slow
@settings(max_examples=25, deadline=None)
@given(seeds, st.integers(1, 6), st.floats(30, 700))
def test_buildings_lie_in_the_catchment_of_their_station(seed, stations, limit):
    ground = town(seed, stations=stations)
    walk = ground.walk
    frame = catchments(ground.field, limit, CRS, buildings=ground.buildings, walk=walk)
    shapes = ground.buildings.geometry.to_numpy()
    owner = np.where(walk.cost_m <= limit, walk.station, -1)
    whole = np.zeros(len(shapes), dtype=bool)
    for station, part in zip(frame["station"], frame.geometry, strict=True):
        assert part.is_valid
        held = shapely.area(shapely.intersection(part, shapes)) / shapely.area(shapes)
        np.testing.assert_allclose(held, owner == station, atol=1e-6)
        whole |= held > 0.5
    assert (whole == (owner >= 0)).all()
    assert overlap(in_metres(frame)) == pytest.approx(0, abs=1e-3)
    for name in PEOPLE:
        found = dict(zip(frame["station"], frame[name], strict=True))
        for station in range(stations):
            expected = ground.buildings[name][owner == station].sum()
            assert found.get(station, 0) == expected
    alike = isochrones(ground.field, [limit], CRS, buildings=ground.buildings, cost_m=ground.cost_m)
    difference = shapely.symmetric_difference(
        shapely.union_all(in_metres(frame)), in_metres(alike)[0]
    )
    assert difference.area == pytest.approx(0, abs=1e-3)


def test_two_stations_share_a_straight_road_in_its_middle():
    graph = build_walk_graph(roads([(0, 0), (470, 0)]), CRS)
    on = snap(graph, AT + np.array([[0, 0], [470, 0]]))
    frame = catchments(walk_field(graph, field_ground(graph), on), 1_000, CRS)
    west, east = in_metres(frame)
    middle = AT[0] + 235
    assert shapely.bounds(west)[2] == pytest.approx(middle, abs=3)
    assert shapely.bounds(east)[0] == pytest.approx(middle, abs=3)


def test_a_station_that_does_not_serve_has_no_catchment():
    ground = town(6, stations=3)
    serving = np.array([True, False, True])
    field = walk_field(ground.graph, ground.field.ground, ground.stations, serving)
    walk = nearest(
        ground.graph,
        snap_buildings(ground.graph, ground.buildings, CRS),
        ground.stations,
        serving,
    )
    frame = catchments(field, 400, CRS, buildings=ground.buildings, walk=walk)
    assert 1 not in frame["station"].tolist()
    nobody = walk_field(ground.graph, ground.field.ground, ground.stations, np.zeros(3, bool))
    assert len(catchments(nobody, 400, CRS)) == 0


def test_walks_of_other_buildings_are_refused():
    ground = town(6)
    few = Walk(*(values[:2] for values in (ground.walk.station, *(2 * [ground.walk.cost_m]))))
    for walk in (None, few):
        with pytest.raises(InvalidInputError, match="no walk for each of"):
            catchments(ground.field, 400, CRS, buildings=ground.buildings, walk=walk)


# --- the parts they are made from ---


@settings(max_examples=50, deadline=None)
@given(seeds, st.integers(2, 9), st.integers(2, 9), st.integers(1, 5))
def test_labels_tile_their_raster(seed, rows, columns, kinds):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, kinds, (rows, columns)) * 3
    x, y = np.arange(columns) * 25.0, np.arange(rows) * 25.0
    east, north = (rng.uniform(0.05, 0.95, len(side[0])) for side in differing_sides(labels))
    names, parts = label_polygons(x, y, labels, east, north)
    assert names.tolist() == np.unique(labels).tolist()
    assert shapely.is_valid(parts).all()
    assert overlap(parts) == pytest.approx(0, abs=1e-6)
    assert shapely.area(parts).sum() == pytest.approx((rows - 1) * (columns - 1) * 625)
    for name, part in zip(names, parts, strict=True):
        assert shapely.intersects_xy(part, *np.meshgrid(x, y))[labels == name].all()


def test_a_border_lies_where_it_is_said_to():
    labels = np.array([[0, 1], [0, 1]])
    x = y = np.array([0.0, 25.0])
    _, (west, east) = label_polygons(x, y, labels, np.array([0.2, 0.8]), np.empty(0))
    assert west.equals(shapely.Polygon([(0, 0), (5, 0), (20, 25), (0, 25)]))
    assert west.union(east).equals(shapely.box(0, 0, 25, 25))


@settings(max_examples=50, deadline=None)
@given(seeds)
def test_footprints_go_to_their_owners_and_parts_stay_apart(seed):
    rng = np.random.default_rng(seed)
    parts = np.array([shapely.box(0, 0, 50, 100), shapely.box(50, 0, 100, 100)], dtype=object)
    corner = rng.uniform(-20, 100, (12, 2))
    shapes = np.array([shapely.box(x, y, x + 15, y + 15) for x, y in corner], dtype=object)
    owner = rng.integers(-1, 2, 12)
    found = settled(parts, shapes, owner)
    assert overlap(found) == pytest.approx(0, abs=1e-9)
    first = np.zeros(0, dtype=int)
    for row in range(12):  # of two that overlap, only what no earlier one covers is certain
        own = shapely.difference(shapes[row], shapely.union_all(shapes[first]))
        for part in range(2):
            held = shapely.intersection(found[part], own).area
            if not shapely.intersects(own, shapely.union_all(shapes[row + 1 :])):
                expected = own.area if owner[row] == part else 0.0
                assert held == pytest.approx(expected, abs=1e-6)
        first = np.append(first, row)


def test_nothing_to_settle():
    parts = np.array([shapely.box(0, 0, 1, 1)], dtype=object)
    none = np.empty(0, dtype=object)
    assert settled(parts, none, np.empty(0, dtype=int)) is parts
    assert len(settled(none, parts, np.array([-1]))) == 0
    rng = np.random.default_rng(0)
    assert len(houses([], rng)) == 0
