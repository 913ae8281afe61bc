"""Corners of drawing: what is locked, torn, empty, half known, out of bounds, or told to stop."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gis.districting import CellGraph, DrawOptions, Locks, draw_grids, evaluate, solve
from gis.districting.partition import pieces_of
from gis.districting.region import Task, region_of
from gis.districting.search import Clock, Search
from gis.errors import WanggeError

pytestmark = pytest.mark.geometry


def path(hh, comm=None, **k: Any) -> CellGraph:
    n = len(hh)
    near = [[j for j in (i - 1, i + 1) if 0 <= j < n] for i in range(n)]
    idx = [j for row in near for j in row]
    return CellGraph(
        indptr=np.r_[0, np.cumsum([len(row) for row in near])],
        indices=np.array(idx, int),
        border_m=np.full(len(idx), 50.0),
        barrier_class=np.zeros(len(idx), int),
        households=np.array(hh),
        area_m2=np.full(n, 2500.0),
        outer_border_m=np.full(n, 100.0),
        x_m=np.arange(n) * 50.0,
        y_m=np.zeros(n),
        community=np.zeros(n, int) if comm is None else np.array(comm),
        **k,
    )


def lattice(w, h, hh, **k: Any) -> CellGraph:
    n = w * h
    a = np.array(
        [
            (i, i + dx + dy * w)
            for i in range(n)
            for dx, dy in ((0, -1), (-1, 0), (1, 0), (0, 1))
            if 0 <= i % w + dx < w and 0 <= i // w + dy < h
        ]
    )
    return CellGraph(
        indptr=np.r_[0, np.cumsum(np.bincount(a[:, 0], minlength=n))],
        indices=a[:, 1],
        border_m=np.full(len(a), 50.0),
        barrier_class=np.zeros(len(a), int),
        households=np.full(n, hh) if np.isscalar(hh) else hh,
        area_m2=np.full(n, 2500.0),
        outer_border_m=np.zeros(n),
        x_m=(np.arange(n) % w) * 50.0,
        y_m=-(np.arange(n) // w) * 50.0,
        community=np.zeros(n, int),
        **k,
    )


def test_an_empty_corner_with_a_border_of_no_length_stays_in_its_community():
    graph = path(
        [400, 0, 0, 400, 0, 0], [0, 0, 1, 1, 1, 1], dedicated=np.array([-1, 5, -1, -1, 6, -1])
    )
    border, s, t = graph.border_m.copy(), graph.source, graph.indices
    border[(np.minimum(s, t) == 4) & (np.maximum(s, t) == 5)] = 0
    draw_grids(replace(graph, border_m=border), DrawOptions(preset="fast"))


def test_an_empty_corner_never_goes_to_a_grid_that_is_locked_as_a_whole():
    graph = path([400, 0, 0], dedicated=np.array([-1, 6, -1]))
    border, s, t = graph.border_m.copy(), graph.source, graph.indices
    border[(np.minimum(s, t) == 1) & (np.maximum(s, t) == 2)] = 0
    current = np.array([7, 8, 9])
    plan = draw_grids(
        replace(graph, border_m=border),
        DrawOptions(preset="fast"),
        current=current,
        locked=Locks(grids=(7,)),
    )
    assert np.array_equal(plan.grid == 7, current == 7)


@pytest.mark.parametrize("stability", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("preset", ["fast", "balanced"])
def test_a_torn_grid_with_locked_cells_is_joined_where_it_can_be(preset, stability):
    """Grid 0 lies left and in one corner at the right; row 0 between is free: 450, 425 fit."""
    column = np.arange(35) % 7
    current = np.where(column == 3, 1, np.where(column < 3, 0, 2))
    current[6] = 0
    locked = np.zeros(35, bool)
    locked[[0, 6]] = True
    graph = lattice(7, 5, 25)
    plan = draw_grids(
        graph,
        DrawOptions(preset=preset, stability=stability, workers=1),
        current=current,
        locked=Locks(cells=locked),
    )
    assert np.array_equal(plan.grid[locked], current[locked])
    assert plan.measures.noncontiguous == 0


def test_locked_cells_that_nothing_can_join_are_told():
    """A B A on a path, all locked: grid 0 cannot be whole, and the plan must say so."""
    graph, current = path([200, 350, 200]), np.array([0, 1, 0])
    plan = draw_grids(
        graph, DrawOptions(preset="fast"), current=current, locked=Locks(cells=np.ones(3, bool))
    )
    assert plan.measures.noncontiguous == 1
    assert any(
        e.grid == 0 for e in plan.exceptions if e.kind not in ("below_minimum", "above_maximum")
    )


def test_the_bare_partition_keeps_locked_cells_or_refuses():
    current = np.repeat([3, 4, 5, 6], 9)
    locked = np.zeros(36, bool)
    locked[[0, 35]] = True
    try:
        plan = draw_grids(
            lattice(6, 6, 40),
            DrawOptions(preset="metis"),
            current=current,
            locked=Locks(cells=locked),
        )
    except WanggeError:
        return
    assert np.array_equal(plan.grid[locked], current[locked])


def test_the_id_of_a_grid_that_is_gone_is_not_given_to_another():
    """Community 0 merges 5 and 6 into 5; community 1 needs one grid more, which must not be 6."""
    graph = path([60] * 4 + [40] * 4 + [100] * 12, [0] * 8 + [1] * 12)
    current = np.array([5] * 4 + [6] * 4 + [0] * 6 + [1] * 6)
    plan = draw_grids(graph, DrawOptions(preset="fast"), current=current)
    assert set(plan.grid[8:].tolist()).isdisjoint({5, 6})
    assert {o.grid: o.successor for o in plan.outcomes}[6] is None


@pytest.mark.parametrize("current", [None, 0])
def test_who_has_enough_does_not_wait_for_the_exact_search(current, monkeypatch):
    monkeypatch.setattr(solve, "nearest_partition", lambda *_, **__: pytest.fail("searched"))
    rng = np.random.default_rng(4)
    graph = lattice(10, 6, rng.choice([0, 130, 290, 310, 470], 60))
    grid = None if current is None else np.zeros(60, int)
    plan = draw_grids(
        graph,
        DrawOptions(400, 395, 405, preset="fast", workers=1),
        current=grid,
        progress=lambda *_: False,
    )
    assert plan.stopped


@pytest.mark.parametrize("preset", ["fast", "balanced", "compact", "tight"])
@pytest.mark.parametrize("empty", [True, False])
def test_a_stability_of_one_touches_nothing_of_a_plan_within_the_band(preset, empty):
    people = np.where(np.arange(64) % 2 == 0, 50, 0) if empty else np.full(64, 25)
    x, y = np.arange(64) % 8, np.arange(64) // 8
    current = np.where(
        y < 2, np.where(x < 7, 0, 1), np.where(y < 4, 1, np.where((y < 6) | (x >= 7), 2, 3))
    )
    graph = lattice(8, 8, people)
    before = evaluate(graph, current)
    assert before.in_range.all()
    assert not before.noncontiguous
    plan = draw_grids(graph, DrawOptions(preset=preset, stability=1.0, workers=1), current=current)
    assert np.array_equal(plan.grid, current)


def test_a_stability_of_one_leaves_an_islet_in_its_grid():
    graph = path([100] * 8 + [0])
    keep = (graph.source < 8) & (graph.indices < 8)
    graph = replace(
        graph,
        indptr=np.r_[0, np.cumsum(np.bincount(graph.source[keep], minlength=9))],
        indices=graph.indices[keep],
        border_m=graph.border_m[keep],
        barrier_class=graph.barrier_class[keep],
    )
    current = np.array([0] * 4 + [1] * 4 + [0])
    plan = draw_grids(graph, DrawOptions(preset="fast", stability=1.0), current=current)
    assert np.array_equal(plan.grid, current)


def test_progress_ends_at_all_cells_though_nothing_is_drawn():
    calls = []
    draw_grids(
        path([400, 400]),
        DrawOptions(),
        current=[0, 1],
        locked=Locks(grids=(0, 1)),
        progress=lambda *c: calls.append(c),
    )
    assert calls
    assert calls[-1] == (2, 2)


def test_a_locked_cell_of_a_dedicated_area_stays_or_is_told():
    graph = path([100] * 12, dedicated=np.array([-1] * 10 + [3, 3]))
    current = np.repeat([0, 1, 2], 4)
    locked = np.zeros(12, bool)
    locked[11] = True
    try:
        plan = draw_grids(
            graph, DrawOptions(preset="fast"), current=current, locked=Locks(cells=locked)
        )
    except WanggeError:
        return
    assert plan.grid[11] == 2 or plan.exceptions


@pytest.mark.parametrize(
    "options",
    [
        {"seed": -1},
        {"seconds": float("nan")},
        {"maximum": 500.5},
        {"weights": {"deviation": 1e18}},
    ],
)
def test_options_out_of_all_bounds_are_refused(options):
    with pytest.raises(WanggeError):
        draw_grids(path([100] * 9), DrawOptions(**{"preset": "fast", **options}))


@pytest.mark.parametrize(
    "current", [np.full(12, 2**63 - 1), np.full(12, 2**63 + 5, dtype=np.uint64)]
)
def test_ids_at_the_end_of_the_numbers_are_refused_or_kept(current):
    try:
        plan = draw_grids(path([100] * 12), DrawOptions(preset="fast"), current=current)
    except WanggeError:
        return
    assert plan.lineage


def test_locked_grids_may_be_an_array():
    draw_grids(
        path([400] * 3),
        DrawOptions(preset="fast"),
        current=[0, 1, 2],
        locked=Locks(grids=np.array([0, 1])),
    )


def test_one_known_cell_does_not_spoil_the_plan_of_all_the_others():
    graph = lattice(30, 30, np.random.default_rng(1).integers(5, 40, 900))
    current = np.full(900, -1)
    current[0] = 3
    options = DrawOptions(preset="fast", workers=1)
    fresh, known = draw_grids(graph, options), draw_grids(graph, options, current=current)
    assert known.measures.mean_polsby_popper > 0.97 * fresh.measures.mean_polsby_popper


def far_exchange():
    """Two grids side by side: only the ends of their border, 92 and 88, repair 484 and 437."""
    people = np.zeros((7, 4), int)
    people[:, 1], people[:, 2] = 50, 48
    people[0, 1], people[6, 2], people[3, 0], people[3, 3] = 92, 88, 92, 61
    return lattice(4, 7, people.ravel()), np.tile([0, 0, 1, 1], 7), 92 + 88


def chain_of_three():
    """Three grids of 484, 478 and 400: one hands 50 on to the next, and that to the last."""
    people = np.zeros((7, 6), int)
    people[:, [1, 3, 4]] = 50
    people[3, [0, 2, 5]] = 134, 128, 50
    return lattice(6, 7, people.ravel()), np.tile([0, 0, 1, 1, 2, 2], 7), 50 + 50


@pytest.mark.slow
@pytest.mark.parametrize("ground", [far_exchange, chain_of_three])
@pytest.mark.parametrize("stability", [0.5, 0.8, 1.0])
@pytest.mark.parametrize("seed", [0, 1])
def test_a_rebalance_finds_the_one_cheap_exchange_on_the_whole_border(ground, stability, seed):
    graph, current, least = ground()
    options = DrawOptions(maximum=480, stability=stability, seed=seed, workers=1)
    plan = draw_grids(graph, options, current=current)
    assert plan.measures.share_in_range == 1
    assert plan.measures.noncontiguous == 0
    assert plan.moved_households == least


def test_the_cheap_exchange_is_not_made_with_what_is_locked():
    graph, current, least = far_exchange()
    locked = np.zeros(graph.size, bool)
    locked[1] = True
    options = DrawOptions(maximum=480, workers=1)
    plan = draw_grids(graph, options, current=current, locked=Locks(cells=locked))
    assert plan.grid[1] == 0
    assert plan.measures.share_in_range == 1
    assert plan.moved_households > least


def test_a_rebalance_that_is_stopped_at_once_tells_it():
    graph, current, _ = far_exchange()
    options = DrawOptions(maximum=480, workers=1)
    plan = draw_grids(graph, options, current=current, progress=lambda *_: False)
    assert plan.stopped
    assert plan.measures.noncontiguous == 0


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 10**6))
def test_chains_keep_grids_whole_and_cost_what_they_say(seed):
    """After a mend no price is out of step with the grids, and none has got dearer."""
    rng = np.random.default_rng(seed)
    graph = lattice(7, 6, rng.choice([0, 20, 40, 90, 160], 42))
    options = DrawOptions(preset="fast", workers=1)
    current = draw_grids(graph, options).grid
    frozen = rng.random(42) < 0.1
    graph = replace(graph, households=rng.permutation(graph.households))
    task = Task(graph, options, np.ones(len(graph.indices), bool), current, frozen, np.arange(42))
    region = region_of(task, np.arange(42))
    ids, label = np.unique(current, return_inverse=True)
    search = Search(region, label, options, seed, ids.tolist())
    before = search.out_of_range()
    search.mend(20_000, Clock(), 84.0)
    assert search.out_of_range() <= before
    assert (search.label[frozen] == label[frozen]).all()
    assert len(pieces_of(region, search.label.tolist())) == search.count
    fresh = Search(region, search.label, options, seed, ids.tolist())
    assert fresh.total() == search.total()
    assert np.array_equal(fresh.grids.sums, search.grids.sums)


@pytest.mark.parametrize("locks", [(0,), ()])
def test_where_the_only_bridge_is_in_a_locked_grid_measure_and_exception_say_so(locks):
    """Two banks of 300, too few by themselves; the bridge is in the south, in grid 0."""
    graph = lattice(6, 3, 50)
    a, b = np.minimum(graph.source, graph.indices), np.maximum(graph.source, graph.indices)
    river = (a % 6 == 2) & (b == a + 1)
    graph = replace(
        graph, passable=~(river & (a < 12)), barrier_class=np.where(river, 3, graph.barrier_class)
    )
    current = np.array([1, 1, 1, 2, 2, 2] * 2 + [0] * 6)
    options = DrawOptions(minimum=350, target=600, maximum=900, workers=1)
    plan = draw_grids(graph, options, current=current, locked=Locks(grids=locks))
    told = [e for e in plan.exceptions if e.kind == "impassable_join"]
    assert plan.measures.noncontiguous == evaluate(graph, plan.grid, options).noncontiguous
    assert plan.measures.noncontiguous == len({e.grid for e in told}) == len(locks)
    for each in told:
        assert plan.measures.pieces[plan.measures.grid == each.grid].tolist() == [2]
        assert each.note is not None
        assert "2 pieces" in each.note.sentence
        assert "unlocked" in each.note.sentence
