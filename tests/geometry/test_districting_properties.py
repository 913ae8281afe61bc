"""What holds of every drawing, on random planar ground and on towns drawn in letters."""

import hashlib
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from gis.districting import CellGraph, DrawOptions, Locks, Plan, draw_grids, evaluate
from tests.geometry.mosaics import mosaics, squares
from tests.geometry.planar_ground import (
    fewest_by_exhaustion,
    graph_of_ground,
    has_plan_by_milp,
    out_of_range,
    random_ground,
)

pytestmark = pytest.mark.geometry

#: The presets that keep the hard rules; the first is quick enough for many examples.
PRESETS = ["fast", "balanced", "compact", "tight"]
EVERY_PRESET = [
    "fast",
    *(pytest.param(preset, marks=pytest.mark.slow) for preset in PRESETS[1:]),
]
KINDS_OF_JOIN = {"noncontiguous_ground", "impassable_join"}
few = settings(deadline=None, max_examples=12, suppress_health_check=[HealthCheck.too_slow])


def pieces(graph: CellGraph, edges, label) -> np.ndarray:
    """Return the connected piece of each cell over ``edges`` within one label."""
    kept = edges & (label[graph.source] == label[graph.indices])
    pairs = (graph.source[kept], graph.indices[kept])
    matrix = coo_array((np.ones(kept.sum()), pairs), (graph.size, graph.size))
    return connected_components(matrix, directed=False)[1]


def missed(graph: CellGraph, plan: Plan) -> int:
    """Return the households out of range."""
    return int(out_of_range(evaluate(graph, plan.grid).households).sum())


def prove_complete(graph: CellGraph, plan: Plan) -> None:
    """Prove that each cell is in one grid, and each grid in one community and told of."""
    assert plan.grid.shape == (graph.size,)
    assert (plan.grid >= 0).all()
    homes = {(g, c) for g, c in zip(plan.grid.tolist(), graph.community.tolist(), strict=True)}
    assert len(homes) == len(set(plan.grid.tolist()))
    assert {t.grid for t in plan.trace} == set(plan.grid.tolist())


def prove_contiguous(graph: CellGraph, plan: Plan) -> None:
    """Prove that where people live a grid is in one piece on foot, unless it is told."""
    told = {e.grid for e in plan.exceptions if e.kind in KINDS_OF_JOIN}
    piece = pieces(graph, graph.open_edge, plan.grid)
    lived = np.bincount(piece, graph.households) > 0
    inhabited = np.unique(piece[lived[piece]])
    grid_of = dict(zip(piece.tolist(), plan.grid.tolist(), strict=True))
    torn = {g for g, n in Counter(grid_of[p] for p in inhabited.tolist()).items() if n > 1}
    assert torn <= told
    # Over all borders, walls too, nothing lies apart but what is told.
    anywhere = pieces(graph, np.ones(len(graph.indices), dtype=bool), plan.grid)
    for each in set(plan.grid.tolist()) - told:
        assert len(np.unique(anywhere[plan.grid == each])) == 1


def prove_whole(graph: CellGraph, plan: Plan) -> None:
    """Prove that a unit in one piece, at most the maximum, lies in one grid."""
    if graph.unit is None:
        return
    piece = pieces(graph, graph.open_edge, np.where(graph.unit < 0, -1, graph.unit))
    for unit in np.unique(graph.unit[graph.unit >= 0]).tolist():
        cells = np.flatnonzero(graph.unit == unit)
        if len(np.unique(piece[cells])) == 1 and graph.households[cells].sum() <= 500:
            assert len(np.unique(plan.grid[cells])) == 1


def prove(graph: CellGraph, plan: Plan) -> None:
    prove_complete(graph, plan)
    prove_contiguous(graph, plan)
    prove_whole(graph, plan)


@st.composite
def grounds(draw: st.DrawFn, most: int = 36) -> CellGraph:
    """Draw a thinned triangulation with quarters, walls, one or two communities and parks."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    n = draw(st.integers(1, most))
    people = rng.integers(0, draw(st.sampled_from([60, 200, 400, 650])), n)
    people[rng.random(n) < draw(st.sampled_from([0.0, 0.4]))] = 0
    ground = random_ground(rng, n, draw(st.sampled_from([0.0, 0.5, 1.0])), people)
    graph = graph_of_ground(ground, community=(ground.xy[:, 0] > draw(st.sampled_from([99, 999]))))
    # The nearest of a few middles is a cell's quarter, or it has none.
    middles = rng.random((max(1, n // 3), 2)) * 50 * n**0.5
    away = np.hypot(*(ground.xy[:, None] - middles).T).T
    unit = np.where(away.min(axis=1) < 60, away.argmin(axis=1), -1) + 0
    unit = np.where(unit >= 0, 2 * unit + graph.community, -1)
    low = np.minimum(graph.source, graph.indices)
    high = np.maximum(graph.source, graph.indices)
    wall = (low * 31 + high * 17) % 7 < draw(st.sampled_from([0, 0, 1]))
    return replace(
        graph, unit=unit, passable=~wall, barrier_class=np.where(wall, 3, (low + high) % 3)
    )


@few
@given(grounds() | mosaics().map(lambda made: made.graph), st.integers(0, 2), st.data())
@pytest.mark.parametrize("preset", EVERY_PRESET)
def test_a_plan_keeps_the_hard_rules_and_is_the_same_twice(preset, graph, seed, data):
    options = DrawOptions(preset=preset, seed=seed)
    plan = draw_grids(graph, options)
    prove(graph, plan)
    if data.draw(st.booleans()):
        assert np.array_equal(plan.grid, draw_grids(graph, options).grid)


@few
@given(grounds(), st.data())
@pytest.mark.parametrize("preset", EVERY_PRESET)
def test_locks_are_kept(preset, graph, data):
    options = DrawOptions(preset=preset)
    first = draw_grids(graph, DrawOptions(preset="fast")).grid
    ids = sorted(set(first.tolist()))
    whole = tuple(sorted(data.draw(st.sets(st.sampled_from(ids), max_size=2))))
    seed = data.draw(st.integers(0, 99))
    cells = np.random.default_rng(seed).random(graph.size) < data.draw(st.sampled_from([0, 0.1, 1]))
    grown = replace(graph, households=np.roll(graph.households, 1))
    plan = draw_grids(grown, options, first, Locks(cells=cells, grids=whole))
    prove_complete(grown, plan)
    assert (plan.grid[cells] == first[cells]).all()
    for each in whole:
        assert np.array_equal(plan.grid == each, first == each)


@few
@given(grounds(), st.data())
@pytest.mark.parametrize("preset", EVERY_PRESET)
def test_a_partial_plan_is_completed_with_everything_else_fixed(preset, graph, data):
    first = draw_grids(graph, DrawOptions(preset="fast")).grid
    ids = sorted(set(first.tolist()))
    gone = data.draw(st.sets(st.sampled_from(ids), min_size=1))
    partial = np.where(np.isin(first, sorted(gone)), -1, first)
    fixed = tuple(each for each in ids if each not in gone)
    plan = draw_grids(graph, DrawOptions(preset=preset), partial, Locks(grids=fixed))
    prove_complete(graph, plan)
    prove_whole(graph, plan)
    for each in fixed:
        assert np.array_equal(plan.grid == each, first == each)


@few
@given(grounds(), st.integers(0, 999), st.sampled_from([0.2, 0.5, 1.0]))
@pytest.mark.parametrize("preset", EVERY_PRESET)
def test_a_warm_start_does_not_make_the_plan_worse(preset, graph, seed, stability):
    first = draw_grids(graph, DrawOptions(preset="fast"))
    rng = np.random.default_rng(seed)
    grown = replace(graph, households=graph.households * rng.integers(8, 13, graph.size) // 10)
    plan = draw_grids(grown, DrawOptions(preset=preset, stability=stability), first.grid)
    prove_complete(grown, plan)
    assert missed(grown, plan) <= missed(grown, first)
    again = draw_grids(grown, DrawOptions(preset=preset, stability=1.0), plan.grid)
    assert missed(grown, again) <= missed(grown, plan)


@pytest.mark.slow
@pytest.mark.parametrize("preset", EVERY_PRESET)
@pytest.mark.parametrize("seed", range(4))
def test_it_is_as_near_to_the_band_as_any_plan_of_a_few_cells(seed, preset):
    rng = np.random.default_rng(seed)
    thin = [0.2, 0.9][seed % 2]
    for n in (5, 9, 12):
        ground = random_ground(rng, n, thin, rng.integers(5, 401, n))
        graph = graph_of_ground(ground)
        assert missed(graph, draw_grids(graph, DrawOptions(preset=preset))) == (
            fewest_by_exhaustion(ground)
        )
    ground = random_ground(rng, 16, thin, rng.integers(5, 301, 16))
    graph = graph_of_ground(ground)
    there_is = fewest_by_exhaustion(ground, most=0) is not None
    assert (missed(graph, draw_grids(graph, DrawOptions(preset=preset))) == 0) == there_is


@pytest.mark.slow
@pytest.mark.parametrize("preset", EVERY_PRESET)
@pytest.mark.parametrize(("spread", "plans"), [((5, 301), 4), ((120, 480), 0), ((0, 90), 4)])
def test_programming_finds_no_plan_that_it_misses(spread, plans, preset):
    found = 0
    for seed, n in enumerate([20, 26, 33, 40]):
        rng = np.random.default_rng([seed, *spread])
        ground = random_ground(rng, n, [0.2, 0.6][seed % 2], rng.integers(*spread, n))
        there_is = has_plan_by_milp(ground)
        measures = draw_grids(graph_of_ground(ground), DrawOptions(preset=preset)).measures
        assert (measures.share_in_range == 1) == there_is
        found += there_is
    assert found == plans  # the instances are of both kinds


#: Ground in which letters are communities, households of its cells, and of its grids, ascending.
CASES = {
    "one cell": ("A", 400, [400]),
    "nobody": ("AAA AAA", 0, [0]),
    "34 households": ("AAAA AAAA", [4, 4, 4, 5, 4, 4, 4, 5], [34]),
    "one grid": ("AAAA AAAA", 50, [400]),
    "a path": ("A" * 12, 100, [400, 400, 400]),
    "a star": ("..A.. ..A.. AAAAA ..A.. ..A..", [200] * 4 + [0] + [200] * 4, [400] * 4),
    "a comb": ("AAAAAAA A.A.A.A A.A.A.A", [0] * 7 + [200] * 8, [400] * 4),
    "two communities": ("AAAA BBBB", 100, [400, 400]),
    "islands": ("AA.AA AA.AA", 100, [400, 400]),
    "parks between": ("AAAAAAAA", [200, 0, 0, 200, 200, 0, 0, 200], [400, 400]),
    "a tower": ("AAA AAA", [400, 0, 700, 0, 0, 0], [400, 700]),
}  # fmt: skip


@pytest.mark.parametrize("preset", EVERY_PRESET)
@pytest.mark.parametrize("case", CASES)
def test_ground_of_every_shape(case, preset):
    drawing, households, expected = CASES[case]
    made, letter = squares(drawing)
    graph = replace(
        made.graph,
        households=np.broadcast_to(households, (made.graph.size,)),
        community=letter,
    )
    plan = draw_grids(graph, DrawOptions(preset=preset))
    prove(graph, plan)
    assert sorted(plan.measures.households.tolist()) == expected


@pytest.mark.parametrize("preset", EVERY_PRESET)
@pytest.mark.parametrize("people", [501, 550, 599])
def test_a_community_between_one_grid_and_two_misses_as_little_as_can_be(people, preset):
    households = np.full(10, 50)
    households[0] = people - 450
    made, _ = squares("AAAAA AAAAA")
    graph = replace(made.graph, households=households)
    plan = draw_grids(graph, DrawOptions(preset=preset))
    prove(graph, plan)
    assert missed(graph, plan) == min(people - 500, 600 - people)
    assert "no_feasible_count" in {e.kind for e in plan.exceptions}


@pytest.mark.parametrize("preset", EVERY_PRESET)
@pytest.mark.parametrize("bridge", [True, False])
def test_a_river_is_crossed_at_its_bridge_only(bridge, preset):
    made, letter = squares("wwwweeee wwwweeee")
    west, graph = letter == ord("w"), made.graph
    over = west[graph.source] != west[graph.indices]
    ends = (graph.source[over][0], graph.indices[over][0])
    crossing = np.isin(graph.source, ends) & np.isin(graph.indices, ends) & bridge
    # 550 households in the west are too many for one grid and too few for two; 450 in the east.
    graph = replace(
        graph,
        households=np.where(west, [70, 70, 70, 65] * 4, [55, 55, 60, 55] * 4),
        passable=~over | crossing,
        barrier_class=np.where(over, 3, 0),
    )
    plan = draw_grids(graph, DrawOptions(preset=preset))
    prove(graph, plan)
    assert missed(graph, plan) == (0 if bridge else 50)


@pytest.mark.slow
@pytest.mark.parametrize("preset", PRESETS)
def test_one_worker_and_two_draw_the_same(preset):
    rows = " ".join(["AAAAABBBBBCCCCC"] * 6)
    made, letter = squares(rows)
    people = np.random.default_rng(4).integers(10, 90, made.graph.size)
    graph = replace(made.graph, households=people, community=letter)
    one, two = (draw_grids(graph, DrawOptions(preset=preset, workers=n)).grid for n in (1, 2))
    assert hashlib.sha256(one).digest() == hashlib.sha256(two).digest()
