import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from gis.errors import TessellationError
from gis.geometry.measures import polsby_popper, reock
from gis.geometry.tessellation import (
    check_tessellation,
    polygonize_noded,
    shared_segments,
    tessellation_problems,
)

pytestmark = pytest.mark.geometry

WHOLE = shapely.box(0, 0, 20, 10)
LEFT, RIGHT = shapely.box(0, 0, 10, 10), shapely.box(10, 0, 20, 10)


def kinds(parts, whole=WHOLE):
    return {problem.kind for problem in tessellation_problems(parts, whole)}


def test_halves_tile_their_whole():
    assert tessellation_problems([LEFT, RIGHT], WHOLE) == []
    check_tessellation([LEFT, RIGHT], WHOLE, "Here")


@pytest.mark.parametrize(
    ("right", "expected"),
    [
        (shapely.box(9, 0, 20, 10), "not_matched"),
        (shapely.box(10.01, 0, 20, 10), "not_matched"),
        (shapely.Polygon([(10, 0), (20, 0), (20, 10), (10, 10), (10, 5)]), "not_matched"),
        (shapely.box(10, 0, 19, 10), "area"),
        (shapely.box(10, 0, 21, 10), "area"),
        (RIGHT.difference(shapely.box(14, 4, 14.5, 4.5)), "hole"),
        (RIGHT.difference(shapely.box(14, 4, 16, 6)), "hole"),
    ],
    ids=["overlap", "gap", "unmatched vertex", "too small", "too large", "small hole", "hole"],
)
def test_each_fault_is_found(right, expected):
    assert expected in kinds([LEFT, right])
    with pytest.raises(TessellationError, match="Here is not tiled"):
        check_tessellation([LEFT, right], WHOLE, "Here")


def test_a_hole_of_the_whole_is_no_fault():
    court = shapely.box(14, 4, 16, 6)
    assert kinds([LEFT, RIGHT.difference(court)], WHOLE.difference(court)) == set()


def test_parts_of_a_fault_are_named():
    [problem] = tessellation_problems([LEFT, shapely.box(10.01, 0, 20, 10)], WHOLE)
    assert problem.parts == (0, 1)
    assert "(10" in problem.message


def test_nothing_does_not_tile_something():
    assert kinds([]) == {"area"}


@settings(deadline=None, max_examples=40)
@given(
    st.lists(
        st.tuples(*(st.floats(-5, 105) for _ in range(4))).filter(
            lambda line: abs(line[0] - line[2]) + abs(line[1] - line[3]) > 1
        ),
        max_size=12,
    )
)
def test_noded_faces_tile_whatever_the_lines(ends):
    whole = shapely.box(0, 0, 100, 100)
    lines = [shapely.LineString([line[:2], line[2:]]).intersection(whole) for line in ends]
    faces = polygonize_noded(np.array([whole.boundary, *lines], dtype=object))
    # Without the search for narrow gaps: a strip between two lines may well be narrow here.
    assert tessellation_problems(faces, whole, gap_width_m=0) == []
    segments = shared_segments(faces)
    outer = segments.right < 0
    assert segments.length_m[outer].sum() == pytest.approx(400, abs=0.01)
    both = shapely.length(faces).sum()
    assert segments.length_m[outer].sum() + 2 * segments.length_m[~outer].sum() == pytest.approx(
        both, abs=0.01
    )


def test_an_edge_of_three_polygons_is_refused():
    with pytest.raises(TessellationError, match="More than two"):
        shared_segments(np.array([LEFT, RIGHT, RIGHT], dtype=object))


def test_shapes_are_measured():
    disc = shapely.Point(0, 0).buffer(100, quad_segs=200)
    assert polsby_popper(disc.area, disc.length) == pytest.approx(1, abs=1e-4)
    assert polsby_popper(100, 40) == pytest.approx(np.pi / 4)
    assert np.isnan(polsby_popper([0.0], [0.0])).all()
    assert reock(2, 1) == pytest.approx(2 / np.pi)
    assert np.isnan(reock([1.0], [0.0])).all()
