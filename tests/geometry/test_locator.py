"""The locator: exactly what brute force says, on borders, in holes, outside, and at any scale."""

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from gis.errors import GeometryError, InvalidInputError
from gis.locating import GridLocator

pytestmark = pytest.mark.geometry


def draw_grids(drawing: str, side: float = 10.0) -> tuple[list[str], list[shapely.Geometry]]:
    """Turn letters into grids of squares: one letter is one grid, a dot is no grid."""
    rows = drawing.split()
    squares: dict[str, list[shapely.Polygon]] = {}
    for north, row in enumerate(reversed(rows)):
        for east, letter in enumerate(row):
            square = shapely.box(east * side, north * side, (east + 1) * side, (north + 1) * side)
            squares.setdefault(letter, []).append(square)
    squares.pop(".", None)
    letters = sorted(squares)
    return letters, [shapely.union_all(squares[letter]) for letter in letters]


def brute_force(polygons: list[shapely.Geometry], x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return the first polygon that touches each point, -1 if none."""
    points = shapely.points(x, y)
    touching = np.array([shapely.intersects(polygon, points) for polygon in polygons])
    return np.where(touching.any(axis=0), touching.argmax(axis=0), -1)


DRAWINGS = (
    "A",
    "AAB ACC",
    "AAAA ABBA A.BA AAAA",  # a grid around a grid and a hole
    "AB.. ..CD",  # parts far apart, B and C touch in a corner
    "ABA BAB",  # multipolygons
    "...... .A..B. ......",
)
drawings = st.sampled_from(DRAWINGS)
# Multiples of half a metre fall on borders and corners often.
coordinates = st.lists(
    st.tuples(
        st.integers(-40, 140).map(lambda k: k / 2) | st.floats(-60, 90).map(lambda v: round(v, 6)),
        st.integers(-40, 140).map(lambda k: k / 2) | st.floats(-60, 90).map(lambda v: round(v, 6)),
    ),
    min_size=1,
    max_size=60,
)


@settings(deadline=None)
@given(
    drawings,
    coordinates,
    st.sampled_from([0.0, 0.3, 5.0, 12.0]),
    st.sampled_from([1.0, 7.5, 300.0]),
)
def test_locating_is_what_brute_force_says(
    drawing: str, points: list[tuple[float, float]], border_m: float, side: float
) -> None:
    _, grids = draw_grids(drawing, side)
    x, y = np.array(points).T * side / 10
    located = GridLocator(grids).locate(x, y, border_m=border_m)
    np.testing.assert_array_equal(located.index, brute_force(grids, x, y))
    assert [reason is None for reason in located.reason] == (located.index >= 0).tolist()
    assert not located.snapped.any()
    if border_m == 0:
        return
    for row in np.flatnonzero(located.index >= 0):
        point = shapely.Point(x[row], y[row])
        to_border = shapely.distance(shapely.boundary(grids), point)
        own, others = to_border[located.index[row]], np.delete(to_border, located.index[row])
        assert located.border_distance_m[row] == pytest.approx(own, abs=1e-9) or (
            np.isnan(located.border_distance_m[row]) and own > border_m - 1e-9
        )
        if located.neighbour[row] >= 0:
            assert located.neighbour[row] != located.index[row]
            assert to_border[located.neighbour[row]] == pytest.approx(others.min(), abs=1e-9)
            assert others.min() <= border_m + 1e-9
        else:
            assert others.size == 0 or others.min() > border_m - 1e-9


@settings(deadline=None)
@given(drawings, coordinates, st.floats(0.01, 50))
def test_points_outside_go_to_the_nearest_grid_within_the_limit(
    drawing: str, points: list[tuple[float, float]], snap_m: float
) -> None:
    _, grids = draw_grids(drawing)
    x, y = np.array(points).T
    located = GridLocator(grids).locate(x, y, snap_m=snap_m)
    distances = np.array([shapely.distance(grid, shapely.points(x, y)) for grid in grids])
    nearest = distances.min(axis=0)
    expected = np.where(nearest <= snap_m, distances.argmin(axis=0), -1)
    unclear = np.abs(nearest - snap_m) < 1e-9
    np.testing.assert_array_equal(located.index[~unclear], expected[~unclear])
    np.testing.assert_array_equal(located.snapped, (located.index >= 0) & (nearest > 0))
    np.testing.assert_allclose(located.snap_distance_m[located.snapped], nearest[located.snapped])
    assert np.isnan(located.snap_distance_m[~located.snapped]).all()


@pytest.mark.slow
@settings(deadline=None)
@given(st.sampled_from(DRAWINGS[1:]), coordinates, st.randoms(use_true_random=False))
def test_the_answer_does_not_depend_on_the_order_of_grids(
    drawing: str, points: list[tuple[float, float]], random: object
) -> None:
    letters, grids = draw_grids(drawing)
    order = list(range(len(grids)))
    random.shuffle(order)  # type: ignore[attr-defined]
    x, y = np.array(points).T

    def letters_of(rows: list[int]) -> list[list[str]]:
        ids = [letters[row] for row in rows]
        located = GridLocator([grids[row] for row in rows], ids).locate(x, y, snap_m=8.0)
        named = np.array([*ids, "-"])
        return [named[located.index].tolist(), named[located.neighbour].tolist()]

    assert letters_of(order) == letters_of(sorted(order))


def test_a_border_belongs_to_the_smallest_id_and_its_neighbour_is_named() -> None:
    letters, grids = draw_grids("AB CC")
    located = GridLocator(grids[::-1], letters[::-1]).locate(
        [10.0, 9.0, 5.0, 5.0], [15.0, 15.0, 10.0, 5.0]
    )
    assert [letters[::-1][row] for row in located.index] == ["A", "A", "A", "C"]
    assert [letters[::-1][row] for row in located.neighbour] == ["B", "B", "C", "A"]
    assert located.border_distance_m.tolist() == [0.0, 1.0, 0.0, 5.0]


def test_overlapping_polygons_answer_with_the_first() -> None:
    big, small = shapely.box(0, 0, 500, 500), shapely.box(200, 200, 210, 210)
    x, y = np.random.default_rng(3).uniform(190, 220, (2, 500))
    np.testing.assert_array_equal(
        GridLocator([small, big]).locate(x, y).index, brute_force([small, big], x, y)
    )
    assert (GridLocator([big, small]).locate(x, y).index == 0).all()


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 60))
def test_a_city_of_crooked_grids_in_real_coordinates(seed: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    frame = shapely.box(39_400_000, 3_520_000, 39_401_200, 3_521_000)  # a zone with its prefix
    sites = shapely.MultiPoint(
        rng.uniform((39_400_000, 3_520_000), (39_401_200, 3_521_000), (count, 2))
    )
    faces = shapely.get_parts(shapely.voronoi_polygons(sites, extend_to=frame))
    grids = list(shapely.intersection(faces, frame))
    x, y = rng.uniform((39_399_950, 3_519_950), (39_401_250, 3_521_050), (400, 2)).T
    corners = shapely.get_coordinates(grids)
    # Most points lie beside a border, where the raster must not answer by itself.
    along = shapely.line_interpolate_point(
        rng.choice(shapely.boundary(grids), 3000), rng.uniform(0, 1, 3000), normalized=True
    )
    beside = shapely.get_coordinates(along) + rng.normal(0, 0.4, (3000, 2))
    x, y = np.r_[x, corners[:, 0], beside[:, 0]], np.r_[y, corners[:, 1], beside[:, 1]]
    located = GridLocator(grids).locate(x, y)
    np.testing.assert_array_equal(located.index, brute_force(grids, x, y))
    on_corner = slice(400, 400 + len(corners))
    assert (located.index[on_corner] >= 0).all()
    np.testing.assert_allclose(located.border_distance_m[on_corner], 0, atol=1e-6)


def test_one_grid_over_a_wide_land_keeps_the_raster_small() -> None:
    grids = [shapely.box(0, 0, 1, 1), shapely.box(400_000, 300_000, 400_001, 300_001)]
    located = GridLocator(grids).locate([0.5, 200_000.0, 400_000.5], [0.5, 1.0, 300_000.5])
    assert located.index.tolist() == [0, -1, 1]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_coordinates_that_are_no_numbers_are_named_by_row(value: float) -> None:
    locator = GridLocator([shapely.box(0, 0, 1, 1)])
    x = np.zeros(9)
    x[[2, 7]] = value
    with pytest.raises(InvalidInputError, match="3, 8"):
        locator.locate(x, np.zeros(9))
    with pytest.raises(InvalidInputError, match="3, 8"):
        locator.locate(np.zeros(9), x)


def test_enormous_coordinates_are_outside() -> None:
    located = GridLocator([shapely.box(0, 0, 1, 1)]).locate([1e300, -1e300], [0.5, 1e300])
    assert located.index.tolist() == [-1, -1]
    assert located.reason.tolist() == ["outside_every_grid"] * 2


@pytest.mark.parametrize(
    "wrong",
    [
        None,
        shapely.Point(0, 0),
        shapely.LineString([(0, 0), (1, 1)]),
        shapely.Polygon(),
        shapely.Polygon([(0, 0), (1, 1), (1, 0), (0, 1)]),
        shapely.GeometryCollection([shapely.box(0, 0, 1, 1)]),
    ],
)
def test_only_valid_polygons_are_grids(wrong: shapely.Geometry | None) -> None:
    with pytest.raises(GeometryError, match="rows 2 "):
        GridLocator([shapely.box(0, 0, 1, 1), wrong])


def test_polygons_with_heights_are_located_as_flat() -> None:
    tall = shapely.force_3d(shapely.box(0, 0, 10, 10), 55.0)
    assert GridLocator([tall]).locate([5.0, 20.0], [5.0, 5.0]).index.tolist() == [0, -1]


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"snap_m": -1.0}, "snap_m"),
        ({"snap_m": np.nan}, "snap_m"),
        ({"border_m": np.inf}, "border_m"),
        ({"border_m": 1_001.0}, "border_m"),
    ],
)
def test_distances_must_make_sense(options: dict[str, float], name: str) -> None:
    with pytest.raises(InvalidInputError, match=name):
        GridLocator([shapely.box(0, 0, 1, 1)]).locate([0.0], [0.0], **options)


def test_ids_must_be_distinct_and_as_many_as_grids() -> None:
    grids = [shapely.box(0, 0, 1, 1), shapely.box(1, 0, 2, 1)]
    for ids in (["a"], ["a", "a"]):
        with pytest.raises(InvalidInputError, match="distinct"):
            GridLocator(grids, ids)


def test_no_grids_and_no_points() -> None:
    assert GridLocator([]).locate([1.0], [1.0], snap_m=10).index.tolist() == [-1]
    assert len(GridLocator([shapely.box(0, 0, 1, 1)]).locate([], [])) == 0
    with pytest.raises(InvalidInputError, match="shape"):
        GridLocator([]).locate([1.0, 2.0], [1.0])
