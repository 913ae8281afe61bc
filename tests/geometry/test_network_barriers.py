"""How drawn roads meet: bridges, touching ends, rivers, walls, gates, islands."""

import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from gis.geometry.crs import projected_crs, to_projected
from gis.network import build_walk_graph, nearest, snap, snap_buildings
from gis.samples import generate_subdistrict
from tests.geometry.network_ground import (
    CRS,
    EAST,
    at,
    barriers,
    crossings,
    drawn,
    quarters,
    roads,
)

pytestmark = pytest.mark.geometry


def walk_m(graph, from_, to) -> float:
    """Return the metres walked between two places of a drawing, NaN: no walk."""
    origins, stations = (snap(graph, at(xy)) for xy in (from_, to))
    return float(nearest(graph, origins, stations).distance_m[0])


def test_a_bridge_is_not_joined_to_the_road_under_it():
    graph = build_walk_graph(
        roads(
            [(0, 0), (20, 0)],
            [(20, 0), (60, 0)],
            [(60, 0), (100, 0)],
            [(40, -60), (40, 60)],
            [(100, 0), (100, 60), (40, 60)],
            bridge=[False, True, False, False, False],
        ),
        CRS,
        noding="crossings",
    )
    assert walk_m(graph, (0, 0), (40, -60)) == pytest.approx(100 + 60 + 60 + 120, abs=1e-3)
    assert walk_m(graph, (0, 0), (100, 0)) == pytest.approx(100, abs=1e-3)


@pytest.mark.parametrize("level", ["bridge", "tunnel"])
def test_what_is_drawn_as_a_bridge_or_an_underpass_leads_over_or_under(level: str):
    sign = {"bridge": "=", "tunnel": ":"}[level]
    graph = build_walk_graph(drawn(f"a+--{sign}{sign}{sign}--+b").roads, CRS)
    shut = barriers([(50, -100), (50, 100)], kind="river")
    barred = build_walk_graph(drawn(f"a+--{sign}{sign}{sign}--+b").roads, CRS, barriers=shut)
    assert walk_m(graph, (10, 0), (90, 0)) == walk_m(barred, (10, 0), (90, 0)) == pytest.approx(80)
    plain = build_walk_graph(drawn("a+-------+b").roads, CRS, barriers=shut)
    assert np.isnan(walk_m(plain, (10, 0), (90, 0)))
    # Nobody gets onto a bridge or into a tunnel from the side.
    side = snap(graph, at((50, 5)))
    assert abs(side.xy_m[0, 0] - EAST - 50) >= 10


def test_crossing_lines_are_joined_where_they_are_drawn_without_vertices():
    grid = [[(0, y), (600, y)] for y in (50, 150, 450)]
    grid += [[(x, 0), (x, 600)] for x in (50, 150, 350)]
    graph = build_walk_graph(roads(*grid), CRS)
    assert graph.report.noding == "crossings"
    assert graph.report.crossings == 9
    assert graph.report.components == 1
    assert walk_m(graph, (50, 0), (350, 600)) == pytest.approx(900, abs=1e-3)
    level = build_walk_graph(roads(*grid), CRS, noding="vertices")
    assert level.report.components == 6


def test_one_crossing_without_a_vertex_among_many_with_one_is_left_as_drawn():
    lattice = drawn("\n".join(["+--+--+--+", "|  |  |  |"] * 4 + ["+--+--+--+"])).roads
    over = roads([(15, 600), (15, -10)])
    graph = build_walk_graph(pd.concat([lattice, over], ignore_index=True), CRS)
    assert graph.report.noding == "vertices"
    assert graph.report.crossings == 1
    assert graph.report.components == 2


@settings(max_examples=30, deadline=None)
@given(
    st.floats(-0.6, 0.6),
    st.floats(-0.6, 0.6),
    st.floats(1, 99),
    st.booleans(),
)
def test_ends_that_almost_touch_a_road_or_each_other_are_joined(dx, dy, x, backwards):
    side = [(x, dy), (x, 60)]
    on = [(100 + dx, dy), (180, 0)]
    lines = [[(0, 0), (100, 0)], side[::-1] if backwards else side, on[::-1] if backwards else on]
    graph = build_walk_graph(roads(*lines), CRS)
    assert graph.report.components == 1
    assert walk_m(graph, (0, 0), (x, 60)) == pytest.approx(x + 60, abs=2.5)
    assert walk_m(graph, (x, 60), (180, 0)) == pytest.approx(240 - x, abs=4)


def test_an_end_farther_than_a_metre_from_long_roads_touches_nothing():
    graph = build_walk_graph(roads([(0, 0), (600, 0)], [(50, 2), (50, 600)]), CRS)
    assert graph.report.components == 2
    assert graph.report.touching_ends == 0


@pytest.mark.parametrize("kind", ["river", "railway", "wall"])
@pytest.mark.parametrize("vertex", [False, True], ids=["between vertices", "at a vertex"])
def test_a_barrier_stops_every_road_but_at_an_open_crossing(kind: str, vertex):
    lines = [[(0, y), (50, y), (100, y)] if vertex else [(0, y), (100, y)] for y in (0, 200)]
    ladder = roads(*lines, [(0, 0), (0, 200)], [(100, 0), (100, 200)])
    shut = barriers([(50, -50), (50, 90), (50, 250)], kind=kind)
    graph = build_walk_graph(ladder, CRS, barriers=shut)
    assert graph.report.barred == 2
    assert np.isnan(walk_m(graph, (40, 0), (60, 0)))
    opener = "gate" if kind == "wall" else "level_crossing"
    opened = crossings((52, 195), kind=opener)
    graph = build_walk_graph(ladder, CRS, barriers=shut, crossings=opened)
    assert graph.report.barred == 1
    assert walk_m(graph, (40, 0), (60, 0)) == pytest.approx(40 + 200 + 100 + 200 + 40, abs=1e-3)
    for useless in (
        crossings((50, 200), kind=opener, open_to_walkers=False),
        crossings((50, 170), kind=opener),
        crossings((50, 200), kind="bridge" if kind == "wall" else "gate"),
    ):
        graph = build_walk_graph(ladder, CRS, barriers=shut, crossings=useless)
        assert graph.report.barred == 2


def test_an_arterial_road_bars_nobody_on_foot():
    shut = barriers([(50, -50), (50, 50)], kind="arterial")
    graph = build_walk_graph(roads([(0, 0), (100, 0)]), CRS, barriers=shut)
    assert walk_m(graph, (0, 0), (100, 0)) == pytest.approx(100)


def test_a_path_along_a_bank_is_reached_from_land_only():
    # The bank runs along the path; one road comes from the land, one pier goes off to the water.
    lines = [
        [(0, 0), (100, 0), (200, 0)],
        [(100, 0), (100, 100)],
        [(100, 100), (50, 200)],
        [(100, 0), (100, -100)],
    ]
    bank = barriers([(-50, 0), (0, 0), (100, 0), (200, 0), (250, 0)], kind="river")
    graph = build_walk_graph(roads(*lines), CRS, barriers=bank)
    assert np.isnan(walk_m(graph, (100, 100), (100, -100)))
    # Walls do not stop who walks along them, on one side.
    assert walk_m(graph, (0, 0), (200, 0)) == pytest.approx(200)


def test_a_wall_is_passed_behind_its_end_and_at_no_corner():
    bent = [(50, -50), (50, 0), (150, 0)]
    graph = build_walk_graph(
        roads([(0, 50), (50, 0), (100, -50)], [(150, 0), (150, -80)], [(150, 0), (150, 80)]),
        CRS,
        barriers=barriers(bent, kind="wall"),
    )
    assert np.isnan(walk_m(graph, (0, 50), (100, -50)))
    assert walk_m(graph, (150, -80), (150, 80)) == pytest.approx(160)
    two = barriers(bent[:2], bent[1:], kind="wall")
    graph = build_walk_graph(roads([(0, 50), (50, 0), (100, -50)]), CRS, barriers=two)
    assert np.isnan(walk_m(graph, (0, 50), (100, -50)))


ESTATE = shapely.box(100, 0, 200, 100)
#: A street along the west side, drawn a little inside, and one lane through, from west to east.
LANES = (
    [(102, -200), (102, 300)],
    [(102, 50), (150, 50)],
    [(150, 50), (300, 50)],
    [(300, 50), (300, 300)],
    [(300, 300), (102, 300)],
)


def test_a_walled_quarter_is_entered_through_its_gates_only():
    ground = quarters(ESTATE)
    lanes = roads(*LANES)
    gate = crossings((201, 52), kind="gate")
    graph = build_walk_graph(lanes, CRS, quarters=ground, crossings=gate)
    assert walk_m(graph, (102, 0), (150, 50)) == pytest.approx(300 + 198 + 250 + 150, abs=0.1)
    both = crossings((201, 52), (103, 50), kind="gate")
    graph = build_walk_graph(lanes, CRS, quarters=ground, crossings=both)
    assert walk_m(graph, (102, 0), (150, 50)) == pytest.approx(98, abs=0.1)


def test_a_quarter_without_walls_or_without_known_gates_is_open():
    lanes = roads(*LANES)
    for ground, gate, unknown in (
        (quarters(ESTATE, gated=False), crossings((201, 52), kind="gate"), ()),
        (quarters(ESTATE), None, (0,)),
        (quarters(ESTATE), crossings((201, 52), kind="gate", open_to_walkers=False), (0,)),
        (quarters(ESTATE), crossings((400, 400), kind="gate"), (0,)),
    ):
        graph = build_walk_graph(lanes, CRS, quarters=ground, crossings=gate)
        assert graph.report.quarters_without_gates == unknown
        assert walk_m(graph, (102, 0), (150, 50)) == pytest.approx(98, abs=0.1)


def test_a_collector_through_a_walled_quarter_stays_a_street_and_lanes_off_it_are_walled():
    lines = [
        [(0, 50), (150, 50)],
        [(150, 50), (300, 50)],
        [(150, 50), (150, 90)],
        [(150, 90), (150, 200)],
    ]
    gate = crossings((150, 100), kind="gate")
    graph = build_walk_graph(
        roads(*lines, road_class=["collector", "collector", "local", "local"]),
        CRS,
        quarters=quarters(ESTATE),
        crossings=gate,
    )
    assert walk_m(graph, (0, 50), (300, 50)) == pytest.approx(300)
    assert np.isnan(walk_m(graph, (150, 80), (0, 50)))
    assert walk_m(graph, (150, 80), (150, 200)) == pytest.approx(120)


def test_legs_stay_on_their_side_of_a_wall_where_a_road_is_there():
    lanes = roads(*LANES[:1], [(160, 20), (300, 20)], [(300, 20), (300, 300)], LANES[4])
    graph = build_walk_graph(
        lanes, CRS, quarters=quarters(ESTATE), crossings=crossings((200, 20), kind="gate")
    )
    inside, outside = snap(graph, at((108, 40), (98, 40))).xy_m - at((0, 0))
    np.testing.assert_allclose(inside, [160, 20], atol=1e-3)
    np.testing.assert_allclose(outside, [102, 40], atol=1e-3)


def test_who_has_no_road_within_the_walls_takes_the_nearest_beyond_and_is_marked():
    lanes = roads([(90, -200), (90, 300)], [(190, 20), (300, 20)])
    graph = build_walk_graph(
        lanes, CRS, quarters=quarters(ESTATE), crossings=crossings((200, 20), kind="gate")
    )
    found = snap(graph, at((105, 90)), reach_m=50)
    assert found.barred.tolist() == [True]
    assert found.access_m[0] == pytest.approx(15, abs=1e-3)


def test_a_station_in_the_river_reaches_no_road_but_over_water_never():
    banks = barriers([(0, 0), (1000, 0)], [(0, 60), (1000, 60)], kind="river")
    lines = [[(0, -10), (1000, -10)], [(0, 70), (1000, 70)], [(500, -10), (500, 70)]]
    graph = build_walk_graph(roads(*lines, bridge=[False, False, True]), CRS, barriers=banks)
    boat = snap(graph, at((480, 30)))
    assert boat.edge.tolist() == [-1]
    assert boat.reason.tolist() == ["roads_behind_barrier"]
    # From a bank the far road is not taken, be it nearer; the near one is.
    bank = snap(graph, at((200, -200), (200, -70)), reach_m=250)
    np.testing.assert_allclose(bank.access_m, [190, 60], atol=1e-6)
    far = build_walk_graph(roads(lines[1]), CRS, barriers=banks)
    assert snap(far, at((200, -5))).reason.tolist() == ["roads_behind_barrier"]


def test_small_islands_are_joined_within_ten_metres_and_not_over_a_barrier():
    lines = [
        [(0, 0), (600, 0)],
        [(100, 8), (100, 60)],
        [(300, 12), (300, 60)],
        [(500, -6), (500, -60)],
    ]
    wall = barriers([(450, -3), (550, -3)], kind="wall")
    graph = build_walk_graph(roads(*lines), CRS, barriers=wall)
    assert (graph.report.islands_joined, graph.report.islands_left) == (1, 2)
    assert walk_m(graph, (0, 0), (100, 60)) == pytest.approx(160, abs=1e-3)
    # What is long by itself is no island, however near.
    long = build_walk_graph(roads([(0, 0), (600, 0)], [(0, 5), (600, 9)]), CRS)
    assert (long.report.islands_joined, long.report.components) == (0, 2)


@pytest.mark.slow
def test_in_the_sample_everybody_gets_out_by_the_gates():
    layers = generate_subdistrict().layers
    crs = projected_crs(*layers["communities"].geometry.iloc[0].representative_point().coords[0])
    names = ("barriers", "crossings", "quarters")
    graph = build_walk_graph(layers["roads"], crs, **{name: layers[name] for name in names})
    assert graph.report.components == 1
    assert graph.report.barred > 5
    assert graph.report.quarters_without_gates == ()
    homes = snap_buildings(graph, layers["buildings"], crs)
    assert (homes.edge >= 0).all()
    assert not homes.barred.any()
    # Who lives behind walls starts on a lane behind the same walls.
    middle = shapely.point_on_surface(to_projected(layers["buildings"].geometry.to_numpy(), crs))
    home, quarter = shapely.STRtree(graph.walls.quarters).query(middle, predicate="within")
    assert len(home) > 100
    assert np.array_equal(graph.edge_quarter[homes.edge[home]], quarter)
