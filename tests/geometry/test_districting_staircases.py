"""Large buildings split between their staircases: nothing is lost, borders are where they lie."""

from dataclasses import replace
from itertools import combinations, pairwise

import numpy as np
import pytest
import shapely
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from gis.districting import CellGraph, DrawOptions, draw_grids
from gis.districting.staircases import split_buildings
from gis.districting.staircases_cuts import split_polygon
from gis.districting.staircases_told import primary_grids, split_told
from gis.errors import InvalidInputError
from tests.geometry.mosaics import mosaics, squares

pytestmark = pytest.mark.geometry

SHAPES = {
    "slab": shapely.box(500_000, 3_500_000, 500_072, 3_500_013),
    "turned": shapely.affinity.rotate(shapely.box(0, 0, 60, 12), 33),
    "tall": shapely.box(0, 0, 10, 80),
    "angle": shapely.Polygon([(0, 0), (60, 0), (60, 40), (45, 40), (45, 15), (0, 15)]),
    "court": shapely.box(0, 0, 60, 50).difference(shapely.box(15, 15, 45, 35)),
    "two": shapely.union(shapely.box(0, 0, 20, 10), shapely.box(30, 0, 50, 10)),
}


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("parts", [1, 2, 5, [3, 1, 2]])
def test_parts_of_a_polygon_tile_it_by_their_shares(shape, parts):
    shares = np.ones(parts) if isinstance(parts, int) else np.array(parts)
    cut = split_polygon(shape, parts)
    areas = shapely.area(cut)
    assert areas == pytest.approx(shares / shares.sum() * shape.area, rel=1e-9)
    assert shapely.coverage_is_valid(cut)
    assert shapely.symmetric_difference(shapely.union_all(cut), shape).area < 1e-9 * shape.area
    corners = {tuple(xy) for xy in shapely.get_coordinates(shape).tolist()}
    assert corners <= {tuple(xy) for xy in shapely.get_coordinates(cut).tolist()}


def test_a_polygon_is_cut_across_its_long_axis_from_the_west_or_south():
    east = shapely.centroid(split_polygon(SHAPES["turned"], 4))
    assert (np.diff(shapely.get_x(east)) > 0).all()
    north = shapely.centroid(split_polygon(SHAPES["tall"], 4))
    assert (np.diff(shapely.get_y(north)) > 0).all()
    leaning = shapely.affinity.rotate(SHAPES["tall"], 0.1)  # its north end lies to the west
    assert (np.diff(shapely.get_y(shapely.centroid(split_polygon(leaning, 4)))) > 0).all()


def test_ground_is_cut_where_the_building_on_it_is():
    ground = shapely.box(0, 0, 60, 40)
    assert (np.diff(shapely.get_x(shapely.centroid(split_polygon(ground, 2)))) > 0).all()
    footprint = shapely.box(25, 2, 35, 22)
    south, north = split_polygon(ground, [3, 1], footprint)
    assert shapely.symmetric_difference(south, shapely.box(0, 0, 60, 17)).area < 1e-6
    assert shapely.symmetric_difference(north, shapely.box(0, 17, 60, 40)).area < 1e-6
    beyond = shapely.box(25, 2, 35, 62)  # only the part on the ground counts
    assert shapely.area(split_polygon(ground, 2, beyond)) == pytest.approx([21 * 60, 19 * 60])


@pytest.mark.parametrize(("shape", "parts"), [(shapely.Polygon(), 2), (SHAPES["slab"], [1, 0])])
def test_what_cannot_be_cut_is_refused(shape, parts):
    with pytest.raises(InvalidInputError, match="cannot be split"):
        split_polygon(shape, parts)


def groups_by_trial(stairs, maximum):
    """Return the fewest parts, and the largest part of the most even choice of so many."""
    n = len(stairs)
    for count in range(1, n + 1):
        sizes = [
            [sum(stairs[a:b]) for a, b in pairwise((0, *cut, n))]
            for cut in combinations(range(1, n), count - 1)
        ]
        if count == n or min(max(s) for s in sizes) <= maximum:
            return count, min(max(s) for s in sizes)
    raise AssertionError


@settings(deadline=None, max_examples=50)
@given(st.lists(st.integers(0, 200), min_size=2, max_size=7))
def test_a_building_has_as_few_parts_as_fit_and_these_are_even(stairs):
    assume(sum(stairs) > 250)
    mosaic, _ = squares("a", households=np.array([sum(stairs)]))
    graph, origin = split_buildings(mosaic.graph, np.array([len(stairs)]), 250, people={0: stairs})
    count, largest = groups_by_trial(stairs, 250)
    assert (len(origin), graph.households.max()) == (count, largest)
    assert graph.households.sum() == sum(stairs)


def borders(graph: CellGraph, names: np.ndarray) -> dict[tuple[int, int, int, bool], float]:
    """Return metres of border by the names of both cells, the class and the passability."""
    out: dict[tuple[int, int, int, bool], float] = {}
    rows = zip(
        names[graph.source].tolist(),
        names[graph.indices].tolist(),
        graph.barrier_class.tolist(),
        graph.open_edge.tolist(),
        graph.border_m.tolist(),
        strict=True,
    )
    for a, b, kind, passable, metres in rows:
        if a != b:
            out[a, b, kind, passable] = out.get((a, b, kind, passable), 0.0) + metres
    return out


@pytest.mark.slow
@settings(deadline=None, max_examples=50)
@given(mosaics(), st.data())
def test_splitting_keeps_every_sum_and_puts_borders_where_they_lie(mosaic, data):
    n = mosaic.graph.size
    graph = replace(mosaic.graph, balanced=np.arange(n) % 7)
    stairs = np.array(data.draw(st.lists(st.integers(0, 5), min_size=n, max_size=n)))
    split, origin = split_buildings(graph, stairs, 90)
    number = np.bincount(origin, minlength=n)
    assert (np.diff(origin) >= 0).all()
    assert (number >= 1).all()
    for name in ("households", "area_m2", "outer_border_m"):
        total = np.bincount(origin, getattr(split, name), n)
        assert total == pytest.approx(getattr(graph, name).astype(float), rel=1e-9, abs=1e-9)
    assert np.bincount(origin, split.balanced, n).tolist() == graph.balanced.tolist()
    if graph.residents is not None:
        assert np.bincount(origin, split.residents, n).tolist() == graph.residents.tolist()
    assert borders(split, origin) == pytest.approx(borders(graph, np.arange(n)), rel=1e-9)
    for x, y in (("x_m", "x_m"), ("y_m", "y_m")):
        middle = np.bincount(origin, getattr(split, x) * split.area_m2, n) / graph.area_m2
        assert middle == pytest.approx(getattr(graph, y), abs=1e-6)
    for cell in range(n):
        parts = np.flatnonzero(origin == cell)
        must = graph.households[cell] > 90 and stairs[cell] > 1
        assert (len(parts) > 1) == must
        assert len(parts) <= max(stairs[cell], 1)
        assert (split.households[parts] <= 90).all() or len(parts) == max(stairs[cell], 1)
        inner = [
            (int(a), int(b), int(c), bool(o))
            for a, b, c, o in zip(
                split.source, split.indices, split.barrier_class, split.open_edge, strict=True
            )
            if origin[a] == origin[b] == cell and a < b
        ]
        assert inner == [(int(a), int(b), 0, True) for a, b in pairwise(parts)]
        prove_shapes(split, parts, mosaic.polygons[cell])


def prove_shapes(split, parts, polygon):
    """Prove that the vertices of parts are their polygons, whose rings are as long as told."""
    rings = []
    for part in parts.tolist():
        row = slice(split.vertex_indptr[part], split.vertex_indptr[part + 1])
        ring = shapely.Polygon(np.column_stack((split.vertex_x_m[row], split.vertex_y_m[row])))
        around = split.border_m[split.source == part].sum() + split.outer_border_m[part]
        assert ring.length == pytest.approx(around, abs=1e-2)
        assert ring.area == pytest.approx(split.area_m2[part])
        rings.append(ring)
    assert shapely.union_all(rings).area == pytest.approx(polygon.area)


@pytest.mark.slow
@settings(deadline=None, max_examples=20)
@given(mosaics())
def test_without_vertices_every_sum_is_kept(mosaic):
    bare = dict.fromkeys(("vertex_indptr", "vertex_x_m", "vertex_y_m", "residents"))
    graph = replace(mosaic.graph, **bare)
    split, origin = split_buildings(graph, np.full(graph.size, 4), 90)
    total = np.bincount(origin, split.outer_border_m)
    assert total == pytest.approx(graph.outer_border_m, rel=1e-9, abs=1e-9)
    assert borders(split, origin) == pytest.approx(borders(graph, np.arange(graph.size)), rel=1e-9)
    assert split.vertex_indptr is None


def test_borders_of_two_split_neighbours_meet_where_they_lie():
    mosaic, _ = squares("ab ab", side=60, households=np.array([200, 300, 10, 10]))
    split, origin = split_buildings(mosaic.graph, np.array([2, 3, 2, 2]), 100)
    assert origin.tolist() == [0, 0, 1, 1, 1, 2, 3]
    metres = {
        (int(a), int(b)): round(float(m), 6)
        for a, b, m in zip(split.source, split.indices, split.border_m, strict=True)
        if a < b
    }
    # Squares are cut from west to east: the last part of one lies beside the first of the other.
    assert metres == {
        (0, 1): 60, (2, 3): 60, (3, 4): 60, (1, 2): 60,
        (0, 5): 30, (1, 5): 30, (2, 6): 20, (3, 6): 20, (4, 6): 20, (5, 6): 60,
    }  # fmt: skip


def test_the_grid_of_a_split_building_is_that_of_most_of_its_households():
    mosaic, _ = squares("aaa", households=np.array([90, 300, 90]), unit=np.array([-1, 7, -1]))
    split, origin = split_buildings(
        mosaic.graph, np.array([0, 3, 0]), 150, people={1: [80, 140, 80]}
    )
    assert split.households.tolist() == [90, 80, 140, 80, 90]
    assert split.unit.tolist() == [-1, 7, 7, 7, -1]
    grid = np.array([5, 5, 6, 5, 6])
    assert primary_grids(origin, grid, split.households).tolist() == [5, 5, 6]
    [one] = split_told(split, origin, grid)
    assert (one.kind, one.cells, one.grid, one.count, one.households, one.unit) == (
        "building_split", (1,), 5, 2, 300, 7,
    )  # fmt: skip
    assert "300 households" in one.sentence
    assert split_told(split, origin, np.zeros(5, dtype=int)) == ()


def test_a_tower_above_the_maximum_is_drawn_in_range_once_it_is_split():
    mosaic, _ = squares("aaa aaa", households=np.array([60, 60, 60, 60, 860, 60]))
    options = DrawOptions(preset="fast")
    assert draw_grids(mosaic.graph, options).measures.share_in_range < 1
    split, origin = split_buildings(mosaic.graph, np.array([0, 0, 0, 0, 8, 0]), options.maximum)
    plan = draw_grids(split, options)
    assert plan.measures.share_in_range == 1
    assert plan.measures.noncontiguous == 0
    [told] = split_told(split, origin, plan.grid)
    assert told.households == 860


def test_what_is_dedicated_or_small_enough_stays():
    mosaic, _ = squares("aa", households=np.array([800, 500]), dedicated=np.array([1, -1]))
    split, origin = split_buildings(mosaic.graph, np.array([4, 4]), 500)
    assert split is mosaic.graph
    assert origin.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("staircases", "people", "match"),
    [
        ([1], {}, "staircases has shape"),
        ([1.0, 2.0], {}, "staircases has shape"),
        ([2, 2], {0: [1, 2, 3]}, "do not fit"),
        ([2, 2], {4: [1, 2]}, "do not fit"),
        ([2, 2], {1: [-1, 2]}, "do not fit"),
    ],
)
def test_staircases_that_do_not_fit_are_refused(staircases, people, match):
    mosaic, _ = squares("aa")
    with pytest.raises(InvalidInputError, match=match):
        split_buildings(mosaic.graph, np.array(staircases), 500, people=people)
