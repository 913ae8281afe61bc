"""Pieces of features that tile edges cut are whole again, and nothing else is changed."""

import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from gis.ingest.dissolve import SNAP_DEGREES, dissolve

pytestmark = pytest.mark.geometry


def frame(**columns: list) -> pd.DataFrame:
    return pd.DataFrame({name: pd.Series(values, dtype=object) for name, values in columns.items()})


def shapes(*values: shapely.Geometry | None) -> np.ndarray:
    return np.array(values, dtype=object)


def box(west, south, east, north):
    return shapely.box(west, south, east, north)


def test_a_polygon_cut_by_a_tile_edge_is_one():
    put = dissolve(
        frame(id=[7, 8, 7], name=["甲", "乙", "甲"]),
        shapes(box(0, 0, 1, 1), box(5, 5, 6, 6), box(1, 0, 3, 1)),
        "id",
    )
    assert put.columns["name"].tolist() == ["甲", "乙"]
    assert shapely.equals(put.geometry[0], box(0, 0, 3, 1))
    assert put.geometry[1] == box(5, 5, 6, 6)
    assert put.first.tolist() == [0, 1]
    assert put.report == {
        "pieces": 3,
        "features": 2,
        "put_together": 1,
        "still_apart": 0,
        "labels": 0,
        "conflicts": {},
    }


def test_a_gap_and_an_overlap_at_the_edge_are_closed():
    gap = SNAP_DEGREES / 3
    left, right = box(0, 0, 0.001, 0.001), box(0.001 + gap, 0, 0.002, 0.001)
    put = dissolve(frame(id=[1, 1]), shapes(left, right), "id")
    assert put.geometry[0].geom_type == "Polygon"
    assert not put.geometry[0].interiors
    assert put.geometry[0].area == pytest.approx(0.002 * 0.001, rel=1e-3)
    overlapping = box(0.0009, 0, 0.002, 0.001)
    put = dissolve(frame(id=[1, 1]), shapes(left, overlapping), "id")
    assert shapely.equals(put.geometry[0], box(0, 0, 0.002, 0.001))


def test_a_sliver_left_by_the_cut_is_no_courtyard_but_a_courtyard_stays():
    court = shapely.Polygon([(0, 0), (3, 0), (3, 3), (0, 3)], [[(1, 1), (2, 1), (2, 2), (1, 2)]])
    west, east = court & box(0, 0, 1.5, 3), court & box(1.5, 0, 3, 3)
    put = dissolve(frame(id=["a", "a"]), shapes(west, east), "id")
    assert len(put.geometry[0].interiors) == 1
    notch = shapely.Polygon([(0, 0), (1, 0), (1, 1), (1 - 1e-8, 2), (1, 3), (0, 3)])
    other = box(1, 0, 2, 3)
    put = dissolve(frame(id=["a", "a"]), shapes(notch, other), "id")
    assert put.geometry[0].geom_type == "Polygon"
    assert not put.geometry[0].interiors


def test_pieces_that_do_not_meet_are_said():
    put = dissolve(frame(id=[1, 1]), shapes(box(0, 0, 1, 1), box(2, 0, 3, 1)), "id")
    assert put.geometry[0].geom_type == "MultiPolygon"
    assert put.report["still_apart"] == 1


def test_lines_are_merged_and_forks_are_not_apart():
    put = dissolve(
        frame(id=[1, 1, 1]),
        shapes(
            shapely.LineString([(0, 0), (1, 0)]),
            shapely.LineString([(1, 0), (2, 0)]),
            shapely.LineString([(1.5, 0), (2, 0)]),
        ),
        "id",
    )
    assert put.geometry[0].geom_type == "LineString"
    assert put.geometry[0].length == pytest.approx(2.0)
    fork = dissolve(
        frame(id=[1, 1, 1]),
        shapes(
            shapely.LineString([(0, 0), (1, 0)]),
            shapely.LineString([(1, 0), (2, 1)]),
            shapely.LineString([(1, 0), (2, -1)]),
        ),
        "id",
    )
    assert fork.geometry[0].geom_type == "MultiLineString"
    assert fork.report["still_apart"] == 0
    apart = dissolve(
        frame(id=[1, 1]),
        shapes(shapely.LineString([(0, 0), (1, 0)]), shapely.LineString([(3, 0), (4, 0)])),
        "id",
    )
    assert apart.report["still_apart"] == 1


def test_the_largest_piece_says_the_attributes():
    put = dissolve(
        frame(id=[1, 1, 1], name=["小", None, "小"], use=[None, "住宅", None], height=[3, 9, 3]),
        shapes(box(0, 0, 1, 1), box(1, 0, 9, 1), box(9, 0, 11, 1)),
        "id",
    )
    row = put.columns.iloc[0]
    assert (row["name"], row["use"], row["height"]) == ("小", "住宅", 9)
    assert put.report["conflicts"] == {"height": 1}


def test_points_label_areas_and_the_central_one_stands_for_points():
    put = dissolve(
        frame(id=[1, 1, 2, 2, 2]),
        shapes(
            shapely.Point(9, 9),
            box(0, 0, 1, 1),
            shapely.Point(0, 0),
            shapely.Point(1, 0),
            shapely.Point(5, 0),
        ),
        "id",
    )
    assert put.geometry[0] == box(0, 0, 1, 1)
    assert put.geometry[1] == shapely.Point(1, 0)
    assert put.report["labels"] == 1


def test_rows_without_an_id_stay_alone():
    put = dissolve(frame(id=[None, float("nan"), ""]), shapes(*[box(0, 0, 1, 1)] * 3), "id")
    assert len(put.columns) == 3


@pytest.mark.parametrize(
    "geometry",
    [
        shapely.Point(1, 2),
        shapely.MultiPoint([(0, 0), (1, 1)]),
        shapely.LineString([(0, 0), (1, 1)]),
        shapely.MultiLineString([[(0, 0), (1, 1)], [(3, 3), (4, 4)]]),
        box(0, 0, 1, 1),
        shapely.MultiPolygon([box(0, 0, 1, 1), box(3, 3, 4, 4)]),
        shapely.Polygon(),
        shapely.Polygon([(0, 0), (1, 1), (1, 0), (0, 1)]),
        None,
    ],
    ids=str,
)
def test_a_feature_of_one_piece_is_not_touched(geometry):
    put = dissolve(frame(id=[1, 2, 2]), shapes(geometry, geometry, geometry), "id")
    for own in put.geometry:
        assert own is None if geometry is None else own.wkb == geometry.wkb
    assert put.report["still_apart"] == 0


@settings(max_examples=40)
@given(
    st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), min_size=3, max_size=9),
    st.integers(2, 6),
    st.randoms(use_true_random=False),
)
def test_cut_by_tiles_and_put_together_is_the_same(corners, tiles, random):
    """Any polygon, cut by any tiles, its pieces in any order, comes out whole."""
    whole = shapely.convex_hull(shapely.MultiPoint(corners))
    if whole.geom_type != "Polygon":
        return
    whole = shapely.transform(whole, lambda xy: 121.48 + xy / 7_000)
    west, south, east, north = whole.bounds
    xs, ys = np.linspace(west, east, tiles), np.linspace(south, north, tiles)
    pieces = [
        whole & box(xs[i], ys[j], xs[i + 1], ys[j + 1])
        for i in range(tiles - 1)
        for j in range(tiles - 1)
    ]
    pieces = [piece for piece in pieces if piece.geom_type == "Polygon" and not piece.is_empty]
    random.shuffle(pieces)
    put = dissolve(frame(id=["b"] * len(pieces)), shapes(*pieces), "id")
    assert len(put.geometry) == 1
    got = put.geometry[0]
    assert got.geom_type == "Polygon"
    assert shapely.is_valid(got)
    assert got.symmetric_difference(whole).area <= 3 * SNAP_DEGREES * whole.length


def test_the_callers_frame_is_not_changed():
    columns = frame(id=[1, 1], name=[None, "b"])
    geometry = shapes(box(0, 0, 2, 1), box(2, 0, 3, 1))
    before, shape_before = columns.copy(), geometry.copy()
    put = dissolve(columns, geometry, "id")
    assert put.columns["name"].tolist() == ["b"]
    pd.testing.assert_frame_equal(columns, before)
    assert all(a is b for a, b in zip(geometry, shape_before, strict=True))
