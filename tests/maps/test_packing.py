"""What is packed for the browser is what comes out again."""

import base64

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from maps.packing import SCALE, pack_geometries, pack_numbers, varints

pytestmark = pytest.mark.maps


def read_varints(data: bytes) -> list[int]:
    """Decode by the definition, one byte after another: a second opinion on ``varints``."""
    out, value, shift = [], 0, 0
    for byte in data:
        value |= (byte & 0x7F) << shift
        shift += 7
        if not byte & 0x80:
            out.append((value >> 1) ^ -(value & 1))
            value, shift = 0, 0
    return out


def unpack(text: str, count: int, origin: tuple[float, float]) -> list[list[np.ndarray]]:
    numbers = iter(read_varints(base64.b64decode(text)))
    shapes = []
    for _ in range(count):
        at = np.round(np.array(origin) * SCALE).astype(np.int64)
        rings = []
        for _ in range(next(numbers)):
            points = []
            for _ in range(next(numbers)):
                at += np.array([next(numbers), next(numbers)])
                points.append(at / SCALE)
            rings.append(np.array(points))
        shapes.append(rings)
    return shapes


@given(st.lists(st.integers(-(2**50), 2**50)))
def test_integers_survive(values: list[int]) -> None:
    assert read_varints(varints(np.array(values, dtype=np.int64))) == values


@given(
    st.lists(
        st.tuples(
            st.floats(-179, 179, allow_nan=False),
            st.floats(-85, 85, allow_nan=False),
            st.floats(0.0001, 0.5),
        ),
        max_size=6,
    )
)
def test_polygons_come_back_to_six_decimals(boxes: list[tuple[float, float, float]]) -> None:
    polygons = [shapely.box(x, y, x + size, y + size) for x, y, size in boxes]
    shapes = unpack(pack_geometries(polygons, origin=(117.3, 31.8)), len(polygons), (117.3, 31.8))
    for polygon, rings in zip(polygons, shapes, strict=True):
        back = shapely.Polygon(rings[0])
        assert shapely.hausdorff_distance(polygon, back) <= 1e-6


def test_outer_rings_turn_left_and_holes_turn_right():
    hole = shapely.box(1, 1, 2, 2)
    donut = shapely.box(0, 0, 3, 3).difference(hole)
    ((outer, inner),) = unpack(pack_geometries([donut], origin=(0, 0)), 1, (0, 0))
    assert shapely.is_ccw(shapely.LinearRing(outer))
    assert not shapely.is_ccw(shapely.LinearRing(inner))
    assert len(outer) == 4, "the closing point is left out"


@pytest.mark.parametrize(
    ("geometry", "rings"),
    [
        (None, 0),
        (shapely.Polygon(), 0),
        (shapely.LineString([(0, 0), (1, 1)]), 1),
        (shapely.MultiPolygon([shapely.box(0, 0, 1, 1), shapely.box(2, 2, 3, 3)]), 2),
        (shapely.MultiLineString([[(0, 0), (1, 1)], [(2, 2), (3, 3)]]), 2),
    ],
)
def test_every_kind_of_geometry(geometry: shapely.Geometry | None, rings: int):
    assert len(unpack(pack_geometries([geometry], origin=(0, 0)), 1, (0, 0))[0]) == rings


def test_nothing_packs_to_nothing():
    assert pack_geometries([], origin=(0, 0)) == ""


def test_numbers_are_little_endian_rows():
    packed = base64.b64decode(pack_numbers([[1, 2], [3, 65_535]], "u2"))
    assert np.frombuffer(packed, "<u2").tolist() == [1, 2, 3, 65_535]
