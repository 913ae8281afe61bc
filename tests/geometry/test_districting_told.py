"""What a plan tells: reasons, what could not be met and what would help."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gis.districting import CellGraph, DrawOptions, evaluate
from gis.districting.explain import Tracing, traces_of
from gis.districting.ground import components, ground_of
from gis.districting.infeasible import exceptions_of, feasible_of, shortfall
from gis.districting.nodes import nodes_of
from gis.districting.plan import LIMITS, NOTES
from tests.geometry.mosaics import labels, mosaics, squares

pytestmark = pytest.mark.geometry

OPTIONS = DrawOptions()


def letters(drawing: str) -> np.ndarray:
    """Return the letters of a drawing as numbers, dots left out, dashes as -1."""
    return np.array(
        [-1 if s == "-" else ord(s) for line in drawing.split() for s in line if s != "."]
    )


def river(graph: CellGraph, column: int, kind: int = 3, side: int = 50) -> CellGraph:
    """Return the graph with a river, a railway or an arterial to the west of a column."""
    west = graph.x_m < graph.x_m.min() - side / 2 + column * side
    over = west[graph.source] != west[graph.indices]
    return replace(
        graph,
        barrier_class=np.where(over, kind, graph.barrier_class),
        passable=graph.open_edge & ~(over & (kind == 3)),
    )


def tracing_of(graph, options=OPTIONS, *, frozen=None, fixed=None, current=None):
    none = np.zeros(graph.size, dtype=bool)
    frozen, fixed = (none if held is None else held for held in (frozen, fixed))
    apart = replace(graph, dedicated=np.where(fixed, -2, dedicated(graph)))
    joined = ground_of(apart, options.minimum).joined
    current = np.full(graph.size, -1) if current is None else current
    node = nodes_of(graph, joined, options.maximum, frozen | fixed, current)
    return Tracing(node, joined, frozen, fixed)


def dedicated(graph):
    return np.full(graph.size, -1) if graph.dedicated is None else graph.dedicated


def told(graph, grid, options=OPTIONS, **locks: np.ndarray):
    """Return traces by the letter of their grid, and exceptions."""
    tracing = tracing_of(graph, options, **locks)
    measures = evaluate(graph, grid, options)
    traces = traces_of(graph, options, grid, measures, tracing)
    return (
        {chr(trace.grid): trace for trace in traces},
        exceptions_of(graph, options, grid, measures, tracing),
    )


# --- reasons


BARS = ("contiguity", "barrier", "shape", "possible_moves", "locked", "community_line")


def naive_bars(graph, grid, tracing):
    """Return per grid how many moves would bring it nearer to the target, by what bars them."""
    target = OPTIONS.target
    total = Counter()
    for cell in range(graph.size):
        total[grid[cell]] += int(graph.households[cell])
    unit = tracing.node * 100 + grid
    same = tracing.joined & (unit[graph.source] == unit[graph.indices])
    piece = components(graph.size, graph.source[same], graph.indices[same])[1]
    nodes = sorted(set(zip(piece.tolist(), grid.tolist(), strict=True)))
    cells_of = {key: np.flatnonzero(piece == key[0]).tolist() for key in nodes}
    out = {int(g): Counter() for g in grid}
    for (_, came), cells in cells_of.items():
        people = int(graph.households[cells].sum())
        alone = sum(each[1] == came for each in nodes) == 1
        for into, edges in {} if alone else naive_ways(graph, grid, cells).items():
            away = {came: (total[came], -people), into: (total[into], people)}
            nearer = {g: abs(h - target) - abs(h + d - target) for g, (h, d) in away.items()}
            if sum(nearer.values()) <= 0:
                continue
            bars = (naive_bar(graph, grid, tracing, cells, edge, into) for edge in edges)
            bar = min(bars, key=BARS.index)
            for each, gain in nearer.items():
                out[each][bar] += gain > 0
    return {g: Counter({bar: n for bar, n in bars.items() if n}) for g, bars in out.items()}


def naive_ways(graph, grid, cells):
    """Return the borders of a unit with each other grid."""
    ways = {}
    for cell in cells:
        for edge in range(graph.indptr[cell], graph.indptr[cell + 1]):
            into = int(grid[graph.indices[edge]])
            if into != grid[cell]:
                ways.setdefault(into, []).append(edge)
    return ways


def naive_bar(graph, grid, tracing, cells, edge, into):
    came = int(grid[cells[0]])
    if graph.community[cells[0]] != graph.community[graph.indices[edge]]:
        return "community_line"
    still = {int(g) for g in grid[tracing.fixed]}
    if tracing.frozen[cells].any() or {came, into} & still:
        return "locked"

    def pieces(rest: list[int]) -> int:
        inside = np.isin(np.arange(graph.size), rest)
        kept = tracing.joined & inside[graph.source] & inside[graph.indices]
        return components(graph.size, graph.source[kept], graph.indices[kept])[0] - (
            graph.size - len(rest)
        )

    whole = np.flatnonzero(grid == came).tolist()
    rest = [cell for cell in whole if cell not in cells]
    if tracing.joined[edge] and pieces(rest) > pieces(whole):
        return "contiguity"
    if not tracing.joined[edge] or graph.barrier_class[edge] >= 2:
        return "barrier"
    moved = grid.copy()
    moved[cells] = into
    (old, oldest), (new, newest) = (shapes(graph, each, (came, into)) for each in (grid, moved))
    longer, rounder = new - old, newest - oldest
    return "shape" if longer > 0 or rounder < 0 else "possible_moves"


def shapes(graph, grid, pair):
    """Return metres of border between grids, and the sum of Polsby-Popper of two grids."""
    cut = grid[graph.source] != grid[graph.indices]
    total = 0.0
    for each in pair:
        inside = grid == each
        around = graph.outer_border_m[inside].sum()
        around += graph.border_m[cut & inside[graph.source]].sum()
        total += 4 * np.pi * graph.area_m2[inside].sum() / around**2
    return graph.border_m[cut].sum() / 2, total


def any_town(seed: int) -> tuple[CellGraph, np.ndarray, Tracing]:
    """Return a graph of 36 cells with borders of any length, in grids, some of it locked."""
    rng = np.random.default_rng(seed)
    graph = squares("aaaaaa " * 6)[0].graph
    a, b = graph.source, graph.indices
    n, pair = graph.size, np.minimum(a, b) * graph.size + np.maximum(a, b)
    border = dict(zip(pair.tolist(), rng.uniform(20, 80, len(pair)).tolist(), strict=True))
    weak = dict(zip(pair.tolist(), rng.random(len(pair)).tolist(), strict=True))
    draw = np.array([weak[p] for p in pair.tolist()])
    graph = replace(
        graph,
        border_m=np.array([border[p] for p in pair.tolist()]),
        barrier_class=(draw * 10).astype(int) % 4 * (draw < 0.7),
        passable=draw > 0.03,
        area_m2=rng.uniform(1500, 4000, n),
        households=rng.integers(0, 120, n),
        community=(np.arange(n) >= 24 + 12 * rng.integers(2)).astype(int),
        unit=rng.integers(-6, 2, n).clip(-1),
        **dict.fromkeys(("vertex_indptr", "vertex_x_m", "vertex_y_m")),
    )
    seeds = rng.choice(n, 5, replace=False)
    away = np.hypot(*(each[:, None] - each[seeds] for each in (graph.x_m, graph.y_m)))
    grid = 2 * away.argmin(axis=1) + graph.community
    frozen = rng.random(n) < 0.05
    fixed = grid == rng.integers(40)
    return graph, grid, tracing_of(graph, frozen=frozen, fixed=fixed, current=grid)


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 10**6))
def test_bars_are_those_of_a_naive_trial_of_every_move(seed):
    graph, grid, tracing = any_town(seed)
    measures = evaluate(graph, grid, OPTIONS)
    expected = naive_bars(graph, grid, tracing)
    for trace in traces_of(graph, OPTIONS, grid, measures, tracing):
        assert (trace.fixed == "locked") == tracing.fixed[grid == trace.grid].any()
        if trace.fixed or trace.limits in ((), ("whole_ground",), ("single_unit",)):
            continue
        bars = {r.limit: r.values["count"] for r in trace.reasons if r.limit in BARS}
        inside = {k: v for k, v in expected[trace.grid].items() if k != "community_line"}
        assert bars == (inside or dict(expected[trace.grid]))
        assert ("size_of_units" in trace.limits) == (not inside)


TOWN = """
aaabbb
aaabbb
cccddd
cccddd
"""


def town(people, **columns: np.ndarray):
    """Return a town of four grids of two by three cells, with their ids."""
    mosaic, grid = squares(TOWN, households=people, **columns)
    return mosaic.graph, grid


def test_a_grid_on_target_needs_no_reason_and_the_only_one_is_all_the_ground():
    graph, grid = town(np.full(24, 60))
    graph = replace(graph, households=np.where(grid == ord("a"), 400 // 6, 60))
    graph = replace(graph, households=graph.households + (np.arange(24) == 0) * 4)
    traces, _ = told(graph, grid)
    assert (traces["a"].deviation, traces["a"].reasons) == (0, ())
    whole, _ = told(graph, np.full(24, ord("z")))
    assert whole["z"].limits == ("whole_ground",)
    assert whole["z"].street_share is None
    assert whole["z"].line_m == pytest.approx(2 * (300 + 200))


def test_borders_are_told_by_class_with_the_share_on_streets():
    graph, grid = town(np.full(24, 66))
    graph = river(river(graph, 3), 2, kind=1)
    traces, _ = told(graph, grid)
    assert traces["a"].border_by_class_m == (150.0, 0.0, 0.0, 100.0)
    assert traces["a"].street_share == pytest.approx(0.4)
    assert traces["a"].line_m == pytest.approx(250)


def test_the_mean_of_the_ground_is_a_reason_where_it_is_as_far_off():
    graph, grid = town([65] * 6 + [65] * 6 + [65] * 6 + [65] * 6)
    traces, _ = told(graph, grid)
    reason = traces["a"].reasons[0]
    assert reason.limit == "average"
    assert reason.values == {"total": 1560, "count": 4, "mean": 390.0, "target": 400}
    assert reason.sentence.startswith("1560 households in 4 grids are 390.0 on average")
    graph = replace(graph, households=np.where(grid == ord("a"), 60, 65))
    assert "average" not in told(graph, grid)[0]["a"].limits


def test_large_units_are_named():
    people = np.full(24, 50)
    people[0] = 260
    graph, grid = town(people, unit=letters("xy---- yy---- ------ ------"))
    traces, _ = told(graph, grid)
    [reason] = [r for r in traces["a"].reasons if r.limit == "large_unit"]
    assert reason.sentence == "One quarter of 260 households takes up most of it."
    assert [(u.unit, u.households, u.cell) for u in traces["a"].largest] == [
        (ord("x"), 260, 0), (ord("y"), 150, 1), (None, 50, 2),
    ]  # fmt: skip
    assert traces["a"].units == 4
    assert traces["b"].largest[0].unit is None
    more = np.where((grid == ord("a")) & (people != 260), 50 + 20, people)
    fuller, _ = told(replace(graph, households=more), grid)
    assert fuller["a"].households > 520  # 260 is more than half of the target, not of the grid
    assert "large_unit" not in fuller["a"].limits
    one, _ = told(replace(graph, unit=None), grid)
    [reason] = [r for r in one["a"].reasons if r.limit == "large_unit"]
    assert reason.message == LIMITS["large_building"]


def test_a_river_bars_what_would_bring_a_grid_nearer():
    people = np.full(24, 60)
    people[3:6] = 100  # the north of grid b
    graph, grid = town(people)
    free, _ = told(graph, grid)
    assert "barrier" not in free["a"].limits
    barred, _ = told(river(graph, 3), grid)
    [reason] = [r for r in barred["b"].reasons if r.limit == "barrier"]
    assert (reason.values["arterial_m"], reason.values["water_m"]) == (0, 100)
    arterial, _ = told(river(graph, 3, kind=2), grid)
    [reason] = [r for r in arterial["b"].reasons if r.limit == "barrier"]
    assert (reason.values["arterial_m"], reason.values["water_m"]) == (100, 0)


def test_locks_and_dedicated_grids_are_told():
    graph, grid = town(np.full(24, 55))
    frozen = grid == ord("a")
    graph = replace(graph, households=np.where(frozen, 80, 55))
    traces, _ = told(graph, grid, frozen=frozen, current=grid)
    assert "locked" in traces["c"].limits
    traces, _ = told(graph, grid, fixed=frozen, current=grid)
    assert traces["a"].fixed == "locked"
    assert traces["a"].reasons == ()
    assert "locked" in traces["c"].limits
    market = replace(graph, dedicated=np.where(frozen, 1, -1))
    assert told(market, grid)[0]["a"].fixed == "dedicated"


def test_one_undivided_unit_is_a_reason():
    graph, grid = town(np.full(24, 30), unit=letters("xxx--- xxx--- ------ ------"))
    traces, _ = told(graph, grid)
    assert traces["a"].limits == ("single_unit",)
    assert traces["a"].reasons[0].values == {"households": 180}


# --- what could not be met


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 6000), st.integers(1, 400), st.integers(0, 300))
def test_shortfalls_are_those_of_every_number_of_grids(households, minimum, width):
    maximum = minimum + width

    def missed(count: int) -> int:
        """Households out of the band when they are shared out evenly, or in any other way."""
        return max(0, count * minimum - households, households - count * maximum)

    short = shortfall(households, minimum, maximum)
    counts = range(1, households // minimum + 3)
    assert (short is None) == any(missed(k) == 0 for k in counts)
    if short is None:
        return
    assert short.missed == min(missed(k) for k in counts) == missed(short.count)
    assert short.more == short.fewer + 1
    assert short.lack == missed(short.more)
    assert 0 <= short.minimum < minimum
    if short.minimum:
        assert shortfall(households, short.minimum, maximum) is None
    assert shortfall(households, short.minimum + 1, maximum) is not None
    if short.fewer:
        assert short.excess == missed(short.fewer)
        assert shortfall(households, minimum, short.maximum) is None
        assert shortfall(households, minimum, short.maximum - 1) is not None


@settings(deadline=None, max_examples=50)
@given(mosaics(), st.data())
def test_ranges_and_exceptions_follow_from_the_numbers(mosaic, data):
    graph, n = mosaic.graph, mosaic.graph.size
    grid = data.draw(labels(graph)).astype(np.int64)
    graph = replace(
        graph, unit=np.array(data.draw(st.lists(st.integers(-1, 1), min_size=n, max_size=n)))
    )
    tracing, measures = tracing_of(graph), evaluate(graph, grid, OPTIONS)
    for each in feasible_of(graph, OPTIONS, grid, measures):
        here = graph.community == each.community
        assert each.households == graph.households[here].sum()
        assert each.drawn == len(np.unique(grid[here]))
        fits = [k for k in range(1, 40) if 300 * k <= each.households <= 500 * k]
        assert fits == list(range(each.low, each.high + 1))
    exceptions = exceptions_of(graph, OPTIONS, grid, measures, tracing)
    people = dict(zip(measures.grid.tolist(), measures.households.tolist(), strict=True))
    out = {g: h for g, h in people.items() if not 300 <= h <= 500}
    banded = {e.grid: e for e in exceptions if e.kind in ("below_minimum", "above_maximum")}
    assert {g: e.households for g, e in banded.items()} == out
    for e in banded.values():
        assert e.missed == max(300 - e.households, e.households - 500)
        assert e.note.values["minimum"] <= e.households <= e.note.values["maximum"]
        assert e.note.values["minimum"] <= 300
        assert e.note.values["maximum"] >= 500
    split = {
        (int(c), int(u), number)
        for c in set(graph.community.tolist())
        for u in (0, 1)
        if (
            number := len(
                set(
                    grid[
                        (graph.unit == u) & (graph.community == c) & (graph.households > 0)
                    ].tolist()
                )
            )
        )
        > 1
    }
    quarters = [e for e in exceptions if e.kind.startswith("quarter")]
    assert {(e.community, e.unit, e.count) for e in quarters} == split
    for e in quarters:
        assert (e.kind == "quarter_above_maximum") == (e.households > 500)
        assert graph.households[list(e.cells)].sum() == e.households
    for e in exceptions:
        assert "{" not in e.sentence
        assert e.note is None or "{" not in e.note.sentence


@pytest.mark.parametrize(
    ("people", "kinds", "note"),
    [
        (
            [34],
            {"below_minimum", "no_feasible_count"},
            "One grid lacks 266 households: a minimum of 34 would do.",
        ),
        ([0], {"below_minimum", "no_feasible_count"}, NOTES["nobody"]),
        (
            [275, 275],
            {"above_maximum", "no_feasible_count"},
            NOTES["counts"].format(fewer=1, excess=50, more=2, lack=50, maximum=550, minimum=275),
        ),
        ([200, 200], set(), None),
    ],
)
def test_a_community_without_a_feasible_number_is_told_what_would_do(people, kinds, note):
    mosaic, grid = squares("a" * len(people), households=np.array(people))
    _, exceptions = told(mosaic.graph, grid)
    assert {e.kind for e in exceptions} == kinds
    notes = [e.note.sentence for e in exceptions if e.kind == "no_feasible_count"]
    assert notes == ([note] if note else [])


def test_ground_that_a_river_cuts_off_is_told_on_its_own():
    mosaic, grid = squares("aabb", households=np.array([275, 275, 200, 200]))
    _, exceptions = told(river(mosaic.graph, 2), grid)
    [count] = [e for e in exceptions if e.kind == "no_feasible_count"]
    assert (count.households, count.count, count.cells, count.missed) == (550, 1, (0, 1), 50)
    [above] = [e for e in exceptions if e.kind == "above_maximum"]
    assert (
        above.note.sentence == "A band of 300 to 550 would admit every grid drawn on this ground."
    )


def test_quarters_are_told_why_they_lie_in_several_grids():
    people = np.full(24, 50)
    graph, grid = town(people, unit=letters("xxxxxx ------ yyyyyy yyyyyy"))
    _, exceptions = told(graph, grid)
    large, small = sorted(
        (e for e in exceptions if "quarter" in e.kind), key=lambda e: -e.households
    )
    assert (large.kind, large.unit, large.households, large.limit) == (
        "quarter_above_maximum", ord("y"), 600, 500,
    )  # fmt: skip
    assert large.note.sentence == "To stay whole it would need a maximum of 600."
    assert (small.kind, small.unit, small.note) == ("quarter_split", ord("x"), None)
    frozen = np.isin(np.arange(24), [0, 5])
    _, exceptions = told(graph, grid, frozen=frozen, current=grid)
    assert NOTES["locks"] in {e.note.message for e in exceptions if e.kind == "quarter_split"}
    _, exceptions = told(river(graph, 3), grid)
    [torn] = [e for e in exceptions if e.kind == "quarter_split"]
    assert torn.note.sentence == "It lies in 2 pieces that no ground of its own joins."


def test_a_building_above_the_maximum_is_told_with_the_parts_it_needs():
    people = np.full(24, 30)
    people[7] = 1001
    graph, grid = town(people)
    _, exceptions = told(graph, grid)
    [building] = [e for e in exceptions if e.kind == "building_above_maximum"]
    assert (building.cells, building.missed, building.note.values) == ((7,), 501, {"parts": 3})
    market = replace(graph, dedicated=np.where(grid == ord("a"), 1, -1))
    assert "building_above_maximum" not in {e.kind for e in told(market, grid)[1]}
