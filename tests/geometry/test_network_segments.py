"""Machine code over segments equals GEOS, also where legs touch, run along, or are points."""

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from gis.network.segments import segment_grid

pytestmark = pytest.mark.geometry

#: Corners on a coarse lattice meet, touch and overlap all the time; it is as far off as metres are.
CORNER = st.tuples(st.integers(0, 12), st.integers(0, 12))
LINES = st.lists(st.lists(CORNER, min_size=2, max_size=6, unique=True), min_size=1, max_size=5)
STEP, FAR = 37.5, np.array([520_000.0, 3_500_000.0])


def metres(corners) -> np.ndarray:
    return np.array(corners, dtype=float).reshape(-1, 2) * STEP + FAR


def grid_of(lines):
    drawn = np.array([shapely.LineString(metres(line)) for line in lines], dtype=object)
    return drawn, segment_grid(drawn, np.ones(len(drawn), dtype=bool))


@settings(max_examples=50, deadline=None)
@given(LINES, st.lists(st.tuples(CORNER, CORNER), min_size=1, max_size=12), st.integers(0, 9))
def test_legs_cross_what_they_cross_for_geos(lines, legs, seed):
    drawn, grid = grid_of(lines)
    rough = np.random.default_rng(seed).uniform(-300, 900, (20, 2, 2)) + FAR
    ends = np.concatenate([metres(legs).reshape(-1, 2, 2), rough])
    shapes = [
        shapely.LineString(leg) if (leg[0] != leg[1]).any() else shapely.Point(leg[0])
        for leg in ends
    ]
    # Lines are cut every 60 m at places that are rounded: whoever touches, touches a piece.
    expected = shapely.intersects(shapes, shapely.multilinestrings(grid.lines))
    assert np.array_equal(grid.crossed(ends[:, 0], ends[:, 1]), expected)
    whole = shapely.multilinestrings(drawn)
    assert np.array_equal(shapely.intersects(shapes[-20:], whole), expected[-20:])


@settings(max_examples=50, deadline=None)
@given(LINES, st.integers(0, 9))
def test_the_nearest_place_on_a_line_is_that_of_geos(lines, seed):
    drawn, grid = grid_of(lines)
    rng = np.random.default_rng(seed)
    points = rng.uniform(-200, 700, (30, 2)) + FAR
    line = rng.integers(len(drawn), size=30)
    along, xy = grid.on_lines(points, line)
    gap = shapely.distance(drawn[line], shapely.points(points))
    assert np.hypot(*(xy - points).T) == pytest.approx(gap, abs=1e-6)
    there = shapely.get_coordinates(shapely.line_interpolate_point(drawn[line], along))
    assert xy == pytest.approx(there, abs=1e-6)


def test_nothing_crosses_an_empty_grid():
    _, grid = grid_of([[(0, 0), (1, 0)]])
    none = segment_grid(np.empty(0, dtype=object), np.empty(0, dtype=bool))
    assert none.crossed(FAR[None], FAR[None] + 5).tolist() == [False]
    assert len(grid.crossed(np.empty((0, 2)), np.empty((0, 2)))) == 0
    assert grid.on_lines(np.empty((0, 2)), np.empty(0, dtype=np.int64))[0].shape == (0,)
