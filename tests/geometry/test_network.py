"""Walks on random towns against a search that shares nothing with ours; drawn corner cases."""

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from gis.errors import InvalidInputError, NotFoundError
from gis.frames import BUILDINGS, ROADS, stable_ids
from gis.geometry.crs import to_lonlat
from gis.network import (
    SPEEDS,
    WalkFactors,
    WalkGraph,
    build_walk_graph,
    minutes,
    nearest,
    nearest_sets,
    node_distances,
    path,
    snap,
    snap_buildings,
    unreached,
    within,
)
from gis.network.packing import pack, unpack
from tests.geometry.network_ground import (
    CRS,
    EAST,
    NORTH,
    at,
    drawn,
    random_town,
    roads,
    walked,
)

pytestmark = pytest.mark.geometry

AT = np.array([EAST, NORTH])
seeds = st.integers(0, 2**32 - 1)


def towns(seed: int, places: int = 25, stations: int = 4):
    rng = np.random.default_rng(seed)
    town = random_town(rng, side=int(rng.integers(2, 6)), keep=float(rng.uniform(0.4, 1.0)))
    spots = rng.uniform(-60, town.span + 60, (places + stations, 2))
    return town, build_walk_graph(town.roads, CRS), spots[:places], spots[places:]


@settings(max_examples=30, deadline=None)
@given(seeds)
def test_nearest_walks_are_those_of_a_plain_search(seed: int):
    town, graph, places, stations = towns(seed)
    truth = walked(town, places, stations, 50.0)
    serving = np.random.default_rng(seed).random(len(stations)) < 0.7
    walk = nearest(
        graph, snap(graph, places + AT, reach_m=50), snap(graph, stations + AT, reach_m=50), serving
    )
    cost = np.where(serving, truth[:, :, 0], np.inf)
    best = cost.argmin(axis=1)
    reached = np.isfinite(cost.min(axis=1))
    assert np.array_equal(walk.station >= 0, reached)
    rows = np.flatnonzero(reached)
    assert np.array_equal(walk.station[rows], best[rows])
    np.testing.assert_allclose(walk.cost_m[rows], truth[rows, best[rows], 0], atol=1e-4)
    np.testing.assert_allclose(walk.distance_m[rows], truth[rows, best[rows], 1], atol=1e-4)
    assert np.isnan(walk.cost_m[~reached]).all()
    assert np.isnan(walk.distance_m[~reached]).all()


@settings(max_examples=30, deadline=None)
@given(seeds, st.sampled_from(["cost", "distance"]), st.floats(20, 700))
def test_pairs_within_a_limit_are_those_of_a_plain_search(seed: int, by: str, limit: float):
    town, graph, places, stations = towns(seed)
    truth = walked(town, places, stations, 50.0)
    measured = truth[:, :, 0 if by == "cost" else 1]
    if (np.abs(measured - limit) < 1e-3).any():
        limit += 0.01
    table = within(
        graph,
        snap(graph, places + AT, reach_m=50),
        snap(graph, stations + AT, reach_m=50),
        limit,
        by=by,
    )
    station, origin = np.nonzero(limit >= measured.T)
    assert np.array_equal(table.station, station)
    assert np.array_equal(table.origin, origin)
    np.testing.assert_allclose(table.cost_m, truth[origin, station, 0], atol=1e-4)
    np.testing.assert_allclose(table.distance_m, truth[origin, station, 1], atol=1e-4)


@settings(max_examples=8, deadline=None)
@given(seeds)
def test_a_path_is_as_long_as_its_walk_and_stays_on_the_roads(seed: int):
    town, graph, places, stations = towns(seed, places=10)
    from_, to = (snap(graph, xy + AT, reach_m=60) for xy in (places, stations))
    walk = nearest(graph, from_, to)
    streets = shapely.union_all([line for _, _, line, _ in town.stretches])
    for row in np.flatnonzero(walk.station >= 0).tolist():
        there = int(walk.station[row])
        way = path(graph, from_, to, row, there)
        assert way.distance_m == pytest.approx(walk.distance_m[row], abs=1e-6)
        assert way.cost_m == pytest.approx(walk.cost_m[row], abs=1e-6)
        xy = shapely.get_coordinates(way.line_m) - AT
        np.testing.assert_allclose(xy[[0, -1]], [places[row], stations[there]], atol=1e-6)
        legs = [shapely.LineString([xy[0], from_.xy_m[row] - AT])]
        legs += [shapely.LineString([xy[-1], to.xy_m[there] - AT])]
        ground = shapely.buffer(shapely.union_all([streets, *legs]), 1e-3)
        assert ground.covers(shapely.LineString(xy))


@settings(max_examples=20, deadline=None)
@given(seeds)
def test_sets_of_stations_are_answered_as_one_by_one(seed: int):
    _, graph, places, stations = towns(seed, stations=6)
    from_, to = snap(graph, places + AT), snap(graph, stations + AT)
    masks = np.random.default_rng(seed).random((5, 6)) < 0.5
    masks[4] = masks[0]
    walks = nearest_sets(graph, from_, to, masks)
    assert walks[4] is walks[0]
    for mask, walk in zip(masks, walks, strict=True):
        alone = nearest(graph, from_, to, mask)
        assert np.array_equal(alone.station, walk.station)
        np.testing.assert_array_equal(alone.cost_m, walk.cost_m)
        assert mask[walk.station[walk.station >= 0]].all()


@settings(max_examples=20, deadline=None)
@given(seeds)
def test_how_roads_are_cut_into_rows_changes_no_walk(seed: int):
    town, graph, places, stations = towns(seed)
    rng = np.random.default_rng(seed)
    parts, classes = [], []
    for _, _, line, factor in town.stretches:
        xy = shapely.get_coordinates(line)
        cut = [xy[:2], xy[1:]] if rng.random() < 0.5 else [xy]
        parts += cut
        classes += ["steps" if factor > 1 else "local"] * len(cut)
    other = build_walk_graph(roads(*parts, road_class=classes), CRS)
    assert other.nodes == graph.nodes
    assert other.edges == graph.edges
    walks = [nearest(g, snap(g, places + AT), snap(g, stations + AT)) for g in (graph, other)]
    assert np.array_equal(walks[0].station, walks[1].station)
    np.testing.assert_allclose(walks[0].cost_m, walks[1].cost_m, atol=1e-6)


@settings(max_examples=20, deadline=None)
@given(seeds)
def test_a_graph_holds_all_roads_and_no_node_that_decides_nothing(seed: int):
    town, graph, _, _ = towns(seed)
    drawn_m = sum(line.length for _, _, line, _ in town.stretches)
    assert graph.edge_length_m.sum() == pytest.approx(drawn_m, abs=1e-3)
    np.testing.assert_allclose(shapely.length(graph.edge_line), graph.edge_length_m)
    ends = np.concatenate([graph.edge_from, graph.edge_to])
    factor = np.tile(graph.edge_factor.round(6), 2)
    edge = np.tile(np.arange(graph.edges), 2)
    for node in np.flatnonzero(np.bincount(ends) == 2):
        at = ends == node
        assert len(set(factor[at])) == 2 or len(set(edge[at])) == 1
    first = shapely.get_coordinates(shapely.get_point(graph.edge_line, 0))
    last = shapely.get_coordinates(shapely.get_point(graph.edge_line, -1))
    np.testing.assert_allclose(graph.node_xy_m[graph.edge_from], first, atol=0.01)
    np.testing.assert_allclose(graph.node_xy_m[graph.edge_to], last, atol=0.01)
    lengths = np.bincount(graph.component[graph.edge_from], graph.edge_length_m)
    assert (np.diff(lengths) <= 1e-9).all()
    assert graph.report.components == len(lengths)


@settings(max_examples=15, deadline=None)
@given(seeds)
def test_a_packed_graph_is_the_same_graph(seed: int):
    _, graph, places, stations = towns(seed)
    again = unpack(pack(graph))
    assert again.report == graph.report
    for name in ("node_xy_m", "edge_from", "edge_to", "edge_cost_m", "edge_road", "component"):
        assert np.array_equal(getattr(again, name), getattr(graph, name))
    assert shapely.equals_identical(again.edge_line, graph.edge_line).all()
    ours = nearest(graph, snap(graph, places + AT), snap(graph, stations + AT))
    theirs = nearest(again, snap(again, places + AT), snap(again, stations + AT))
    np.testing.assert_array_equal(ours.cost_m, theirs.cost_m)


def test_what_is_no_packed_graph_is_refused():
    with pytest.raises(InvalidInputError, match="cannot be read"):
        unpack(b"nothing of the kind")


def walks(graph: WalkGraph, places: np.ndarray, stations: np.ndarray):
    return nearest(graph, snap(graph, places), snap(graph, stations))


def test_places_on_the_edge_of_a_station_walk_straight_to_it():
    town = drawn("""
a--s--------b-------------t
""")
    line = roads([(0, 0), (260, 0)])
    graph = build_walk_graph(line, CRS)
    walk = walks(graph, town.xy("ab"), town.xy("st"))
    assert walk.station.tolist() == [0, 0]
    np.testing.assert_allclose(walk.distance_m, [30, 90], atol=1e-6)


def test_the_shorter_way_round_a_ring_is_taken():
    ring = roads([(0, 0), (100, 0), (100, 100), (0, 100), (0, 0)])
    graph = build_walk_graph(ring, CRS)
    assert (graph.nodes, graph.edges) == (1, 1)
    walk = walks(graph, at((10, 0), (60, 100)), at((0, 20), (100, 90)))
    np.testing.assert_allclose(walk.distance_m, [30, 50], atol=1e-6)
    assert walk.station.tolist() == [0, 1]


def test_steps_cost_more_than_the_way_around_and_both_measures_are_told():
    town = drawn("""
a+--#--+s
 |     |
 +-----+
""")
    graph = build_walk_graph(town.roads, CRS)
    over = walks(graph, town.xy("a"), town.xy("s"))
    # 40 m level and 20 m of steps, and 10 m of either leg; around are 100 m.
    assert over.distance_m[0] == pytest.approx(80, abs=1e-3)
    assert over.cost_m[0] == pytest.approx(40 + 20 * 2.06 + 20, abs=1e-3)
    around = build_walk_graph(town.roads, CRS, factors=WalkFactors(steps=5.0))
    walk = walks(around, town.xy("a"), town.xy("s"))
    assert walk.distance_m[0] == walk.cost_m[0] == pytest.approx(120, abs=1e-3)
    assert minutes(walk.cost_m, SPEEDS["elderly"])[0] == pytest.approx(120 / 0.8 / 60)


def test_two_ways_between_the_same_corners_are_both_kept_and_the_cheaper_is_walked():
    graph = build_walk_graph(
        roads(
            [(0, 0), (100, 0)],
            [(0, 0), (50, 40), (100, 0)],
            [(-50, 0), (0, 0)],
            [(100, 0), (150, 0)],
        ),
        CRS,
    )
    assert graph.edges == 4
    walk = walks(graph, at((-50, 0), (50, 40)), at((150, 0)))
    np.testing.assert_allclose(walk.distance_m, [200, np.hypot(50, 40) + 50], atol=1e-6)


def test_a_network_in_two_halves_says_what_cannot_be_reached():
    town = drawn("""
a---------s


      b---------------c
""")
    graph = build_walk_graph(
        roads([(0, 0), (100, 0)], [(60, -30), (220, -30)], [(60, -600), (100, -600)]), CRS
    )
    assert graph.report.components == 3
    assert graph.report.islands_left == 3
    origins = snap(graph, town.xy("abc"))
    walk = nearest(graph, origins, snap(graph, town.xy("s")))
    assert walk.station.tolist() == [0, -1, -1]
    assert unreached(origins, walk).tolist() == [None, *["no_station_reachable"] * 2]
    # The longest piece is the first.
    assert graph.component[graph.edge_from].tolist() == [1, 0, 2]
    with pytest.raises(NotFoundError, match="not connected"):
        path(graph, origins, snap(graph, town.xy("s")), 1, 0)


def test_a_building_three_kilometres_from_any_road_is_out_of_reach():
    graph = build_walk_graph(roads([(0, 0), (100, 0)]), CRS)
    far = shapely.box(EAST, NORTH + 3_000, EAST + 10, NORTH + 3_010)
    near = shapely.box(EAST, NORTH + 290, EAST + 10, NORTH + 310)
    shapes = to_lonlat(np.array([far, near], dtype=object), CRS)
    buildings = gpd.GeoDataFrame(
        {"id": stable_ids("drawn", "buildings", "ab")}, geometry=shapes, crs="EPSG:4326"
    )
    origins = snap_buildings(graph, BUILDINGS.conform(buildings), CRS)
    assert origins.edge.tolist() == [-1, 0]
    assert origins.access_m[1] == pytest.approx(290, abs=1e-3)
    walk = nearest(graph, origins, snap(graph, [[EAST + 100, NORTH]]))
    assert unreached(origins, walk).tolist() == ["no_road_within_reach", None]
    assert np.isnan(walk.distance_m[0])
    with pytest.raises(NotFoundError, match="within reach"):
        path(graph, origins, snap(graph, [[EAST, NORTH]]), 0, 0)


def test_without_roads_there_is_no_network_and_no_error():
    for empty in (ROADS.empty(), roads([(0, 0), (50, 0)], walkable=[False])):
        graph = build_walk_graph(empty, CRS)
        assert (graph.nodes, graph.edges, graph.report.components) == (0, 0, 0)
        origins = snap(graph, [[EAST, NORTH]])
        assert origins.reason.tolist() == ["no_road_within_reach"]
        walk = nearest(graph, origins, origins)
        assert walk.station.tolist() == [-1]
        assert len(within(graph, origins, origins, 500.0)) == 0
        assert len(node_distances(graph, origins)) == 0
        assert unpack(pack(graph)).report == graph.report


def test_no_stations_and_no_places_have_empty_answers():
    graph = build_walk_graph(roads([(0, 0), (100, 0)]), CRS)
    nobody = snap(graph, np.empty((0, 2)))
    somebody = snap(graph, [[EAST, NORTH]])
    assert len(nearest(graph, nobody, somebody).station) == 0
    assert nearest(graph, somebody, nobody).station.tolist() == [-1]
    assert len(within(graph, nobody, somebody, 100.0)) == 0
    assert len(within(graph, somebody, nobody, 100.0)) == 0


def test_people_leave_a_building_by_its_entrance_else_by_its_nearest_side():
    graph = build_walk_graph(roads([(0, 0), (200, 0)], [(0, 100), (200, 100)]), CRS)
    shape = shapely.box(EAST + 20, NORTH + 10, EAST + 60, NORTH + 80)
    door = shapely.Point(EAST + 40, NORTH + 80)
    shapes = to_lonlat(np.array([shape, shape], dtype=object), CRS)
    doors = to_lonlat(np.array([None, door], dtype=object), CRS)
    buildings = gpd.GeoDataFrame(
        {"id": stable_ids("drawn", "buildings", "ab"), "entrance": gpd.GeoSeries(doors, crs=4326)},
        geometry=shapes,
        crs="EPSG:4326",
    )
    found = snap_buildings(graph, BUILDINGS.conform(buildings), CRS)
    np.testing.assert_allclose(found.access_m, [10, 20], atol=1e-6)
    np.testing.assert_allclose(found.from_xy_m[1], [EAST + 40, NORTH + 80], atol=1e-6)
    assert found.from_xy_m[0, 1] == pytest.approx(NORTH + 10, abs=1e-6)
    assert (graph.edge_line[found.edge[1]].bounds[1]) == pytest.approx(NORTH + 100, abs=1e-6)


def test_distances_of_nodes_are_those_of_places_at_nodes():
    graph = build_walk_graph(random_town(np.random.default_rng(5)).roads, CRS)
    stations = snap(graph, at((120, 130), (310, 40)))
    found = node_distances(graph, stations)
    walk = nearest(graph, snap(graph, graph.node_xy_m), stations)
    np.testing.assert_allclose(np.where(np.isfinite(found), found, np.nan), walk.cost_m, atol=1e-6)


@pytest.mark.parametrize(
    ("call", "field"),
    [
        (lambda g, _: snap(g, [[np.nan, 0.0]]), None),
        (lambda g, _: snap(g, [[0.0, 0.0]], reach_m=0), "reach_m"),
        (lambda g, o: within(g, o, o, -1), "limit_m"),
        (lambda g, o: within(g, o, o, np.inf), "limit_m"),
        (lambda g, o: nearest(g, o, o, [True, False]), "serving"),
        (lambda *_: minutes([1.0], 0.0), "speed_m_s"),
        (lambda *_: WalkFactors(steps=0.5), "steps"),
    ],
    ids=["point", "reach", "limit", "endless", "serving", "speed", "factor"],
)
def test_what_makes_no_sense_is_refused_by_name(call, field):
    graph = build_walk_graph(roads([(0, 0), (100, 0)]), CRS)
    with pytest.raises(InvalidInputError) as error:
        call(graph, snap(graph, [[EAST, NORTH]]))
    assert error.value.context.get("field") == field
    assert error.value.remedy
