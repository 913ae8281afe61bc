"""Measures of a plan are those of its polygons."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from gis.districting import CellGraph, DrawOptions, evaluate
from gis.districting.ground import ground_of
from gis.districting.measuring import enclosing_radius
from gis.errors import InvalidInputError
from tests.geometry.mosaics import EAST, NORTH, Mosaic, labels, mosaics, squares

pytestmark = pytest.mark.geometry

CLOSE = {"rel": 1e-9, "abs": 1e-9, "nan_ok": True}


def pieces(mosaic: Mosaic, members: list[int], minimum: int) -> int:
    """Count the pieces of a grid by walking it; ground of nobody belongs to what it touches."""
    graph = mosaic.graph
    whole = ground_of(graph, minimum).joined | graph.open_edge
    pairs = list(zip(graph.source.tolist(), graph.indices.tolist(), whole.tolist(), strict=True))
    inside = [(a, b, walk) for a, b, walk in pairs if {a, b} <= set(members)]
    parts = walks([{m} for m in members], [(a, b) for a, b, walk in inside if walk])
    lived = [bool(graph.households[sorted(part)].any()) for part in parts]
    of = {cell: i for i, part in enumerate(parts) for cell in part}
    touching = [(a, b) for a, b, _ in inside if not (lived[of[a]] and lived[of[b]])]
    return len(walks(parts, touching))


def walks(parts: list[set[int]], pairs: list[tuple[int, int]]) -> list[set[int]]:
    for a, b in pairs:
        one = next(p for p in parts if a in p)
        two = next(p for p in parts if b in p)
        if one is not two:
            parts = [p for p in parts if p is not one and p is not two] + [one | two]
    return parts


def length_between(mosaic: Mosaic, grid: np.ndarray, kind: int, *, cut: bool) -> dict[int, float]:
    """Sum shared borders of a class by grid, between grids or inside them, by polygons."""
    graph, total = mosaic.graph, dict.fromkeys(grid.tolist(), 0.0)
    for a, b, each in zip(graph.source, graph.indices, graph.barrier_class, strict=True):
        if each == kind and (grid[a] != grid[b]) == cut:
            shared = shapely.intersection(mosaic.polygons[a], mosaic.polygons[b])
            total[int(grid[a])] += shapely.length(shared)
    return total


def ratio(a: float, b: float) -> float:
    return a / b if b > 0 else float("nan")


@settings(max_examples=50)
@given(st.data())
def test_measures_are_those_of_the_polygons(data: st.DataObject):
    mosaic = data.draw(mosaics())
    graph = mosaic.graph
    grid = data.draw(labels(graph))
    options = DrawOptions(target=120, minimum=data.draw(st.sampled_from([60, 100])), maximum=200)
    told = evaluate(graph, grid, options)
    assert told.grid.tolist() == sorted(set(grid.tolist()))
    inside = [length_between(mosaic, grid, kind, cut=False) for kind in (2, 3)]
    for i, each in enumerate(told.grid.tolist()):
        members = np.flatnonzero(grid == each).tolist()
        ground = shapely.union_all([mosaic.polygons[m] for m in members])
        area, perimeter = shapely.area(ground), shapely.length(ground)
        radius = float(shapely.minimum_bounding_radius(ground))
        people = int(graph.households[members].sum())
        assert told.households[i] == people
        assert told.residents[i] == (
            0 if graph.residents is None else graph.residents[members].sum()
        )
        assert told.area_m2[i] == pytest.approx(area, **CLOSE)
        assert told.perimeter_m[i] == pytest.approx(perimeter, **CLOSE)
        assert told.polsby_popper[i] == pytest.approx(4 * np.pi * area / perimeter**2, **CLOSE)
        assert told.reock[i] == pytest.approx(area / (np.pi * radius**2), **CLOSE)
        assert told.pieces[i] == pieces(mosaic, members, options.minimum)
        assert told.barrier_inside_m[i] == pytest.approx(sum(s[each] for s in inside) / 2, **CLOSE)
        assert told.in_range[i] == (options.minimum <= people <= options.maximum)
    deviation = np.abs(told.households - options.target)
    cut = [sum(length_between(mosaic, grid, k, cut=True).values()) / 2 for k in range(4)]
    assert told.count == len(told.grid)
    assert told.share_in_range == pytest.approx(told.in_range.mean())
    assert told.mean_deviation == pytest.approx(deviation.mean())
    assert told.max_deviation == deviation.max()
    assert told.noncontiguous == (told.pieces > 1).sum()
    assert told.border_by_class_m == pytest.approx(cut, **CLOSE)
    assert told.border_m == pytest.approx(sum(cut), **CLOSE)
    assert told.mean_polsby_popper == pytest.approx(told.polsby_popper.mean(), **CLOSE)
    assert told.mean_reock == pytest.approx(told.reock.mean(), **CLOSE)


@settings(max_examples=25)
@given(st.data())
def test_pieces_of_open_ground_are_the_parts_of_its_polygon(data: st.DataObject):
    mosaic = data.draw(mosaics())
    graph = replace(mosaic.graph, passable=None)
    grid = data.draw(labels(graph))
    told = evaluate(graph, grid)
    for each, number in zip(told.grid, told.pieces, strict=True):
        ground = shapely.union_all(
            [p for p, g in zip(mosaic.polygons, grid, strict=True) if g == each]
        )
        assert number == len(shapely.get_parts(ground))


def test_a_drawn_plan_is_measured_by_hand():
    mosaic, grid = squares("aabb aabc ..cc")
    told = evaluate(mosaic.graph, grid)
    assert told.households.tolist() == [160, 120, 120]
    assert told.area_m2.tolist() == [10_000, 7_500, 7_500]
    assert told.perimeter_m.tolist() == [400, 400, 400]
    assert told.border_by_class_m == (250.0, 0.0, 0.0, 0.0)
    assert told.reock[0] == pytest.approx(2 / np.pi)
    assert told.polsby_popper[0] == pytest.approx(np.pi / 4)


def test_a_walled_piece_counts_unless_nobody_lives_there():
    # Walls stand between the second and the third of three houses; each side is a ground itself.
    for people, expected in (([400, 400, 400], 2), ([400, 400, 0], 1)):
        mosaic, grid = squares("aaa", households=people, walls=[0, 1])
        assert evaluate(mosaic.graph, grid).pieces.tolist() == [expected]


def test_dedicated_grids_have_a_row_but_no_part_in_the_sums():
    mosaic, grid = squares("aab", households=[200, 200, 9], dedicated=[-1, -1, 4])
    told = evaluate(mosaic.graph, grid)
    assert told.dedicated.tolist() == [False, True]
    assert (told.count, told.share_in_range, told.max_deviation) == (1, 1.0, 0)
    alone = evaluate(replace(mosaic.graph, dedicated=np.full(3, 1)), grid)
    assert (alone.count, alone.share_in_range, alone.mean_deviation) == (0, 1.0, 0.0)
    assert np.isnan([alone.mean_polsby_popper, alone.mean_reock]).all()


def test_without_vertices_there_is_no_reock():
    mosaic, grid = squares("ab")
    bare = replace(mosaic.graph, vertex_indptr=None, vertex_x_m=None, vertex_y_m=None)
    told = evaluate(bare, grid)
    assert np.isnan(told.reock).all()
    assert np.isnan(told.mean_reock)
    assert told.mean_polsby_popper == pytest.approx(np.pi / 4)


def test_no_cells_have_no_grids():
    columns = ("indices", "border_m", "barrier_class", "households", "area_m2")
    columns += ("outer_border_m", "x_m", "y_m", "community")
    nothing = CellGraph(indptr=[0], **{name: [] for name in columns})
    told = evaluate(nothing, np.array([], dtype=int))
    assert (told.count, told.border_m, len(told.grid)) == (0, 0.0, 0)


@pytest.mark.parametrize("grid", [[0], [0, 0, 0], [0.0, 1.0], [0, -1], [[0, 1]]])
def test_a_plan_that_does_not_fit_is_refused(grid):
    with pytest.raises(InvalidInputError):
        evaluate(squares("ab")[0].graph, grid)


def test_a_grid_over_a_community_line_is_named():
    graph = squares("ab", community=[0, 1])[0].graph
    with pytest.raises(InvalidInputError, match="Grid 7 crosses"):
        evaluate(graph, [7, 7])


COORDINATE = st.one_of(st.integers(-3, 3), st.floats(-500, 500))
SPOTS = st.lists(st.tuples(COORDINATE, COORDINATE), max_size=12)


@given(SPOTS, st.sampled_from([(0, 0), (EAST, NORTH)]))
def test_the_smallest_circle_is_that_of_shapely(points, origin):
    cloud = np.array(points, dtype=float).reshape(-1, 2) + origin
    radius = enclosing_radius(cloud[:, 0].copy(), cloud[:, 1].copy())
    expected = float(shapely.minimum_bounding_radius(shapely.MultiPoint(cloud)))
    assert radius == pytest.approx(expected, rel=1e-9, abs=1e-8)


@pytest.mark.parametrize(
    ("points", "radius"),
    [
        ([], 0.0),
        ([(7, 8)], 0.0),
        ([(7, 8), (7, 8), (7, 8)], 0.0),
        ([(0, 0), (6, 8)], 5.0),
        ([(0, 0), (1, 1), (2, 2), (4, 4), (3, 3)], 8**0.5),
        ([(0, 0), (4, 0), (4, 4), (0, 4), (2, 2)], 8**0.5),
        ([(0, 0), (2, 0), (1, 3**0.5), (1, 0.5)], 2 / 3**0.5),
        ([(-5, 0), (5, 0), (0, 5), (3, 4), (-3, -4)], 5.0),
        ([(0, 0), (1e-7, 0), (1000, 0)], 500.0),
    ],
)
def test_smallest_circles_known_by_heart(points, radius):
    cloud = np.array(points, dtype=float).reshape(-1, 2)
    for order in (slice(None), slice(None, None, -1)):
        x, y = cloud[order, 0].copy(), cloud[order, 1].copy()
        assert enclosing_radius(x, y) == pytest.approx(radius, rel=1e-12, abs=1e-12)


def test_many_points_on_one_circle_have_it():
    turn = np.linspace(0, 2 * np.pi, 5000, endpoint=False)
    radius = enclosing_radius(EAST + 300 * np.cos(turn), NORTH + 300 * np.sin(turn))
    assert radius == pytest.approx(300, rel=1e-9)


def test_the_name_alone_loads_no_compiler():
    code = "import sys, gis.districting.measure; print('numba' in sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "False"
