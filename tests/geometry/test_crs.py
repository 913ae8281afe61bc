import numpy as np
import pyproj
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from gis.errors import CrsMismatchError
from gis.geometry.crs import geodesic_distance_m, projected_crs, to_lonlat, to_projected

pytestmark = pytest.mark.geometry


@pytest.mark.parametrize(
    ("lon", "lat", "code"),
    [
        (117.3, 31.87, 4548),
        (121.2, 31.2, 4549),
        (75.0, 39.0, 4534),
        (134.9, 48.0, 4554),
        (-15.43, 28.1, 32628),
        (24.94, 60.17, 32635),
        (151.2, -33.9, 32756),
        (180.0, 0.0, 32660),
    ],
)
def test_the_zone_is_the_official_one(lon, lat, code):
    assert projected_crs(lon, lat).to_epsg() == code


@given(st.floats(73.5, 135), st.floats(4, 53))
def test_a_place_in_china_lies_within_its_zone(lon, lat):
    crs = projected_crs(lon, lat)
    assert "CGCS2000" in crs.name
    assert "CM" in crs.name
    assert abs(float(crs.name.rsplit("CM ", 1)[1].rstrip("E")) - lon) <= 1.6


@pytest.mark.parametrize(("lon", "lat"), [(200, 0), (0, 89), (float("nan"), 0)])
def test_a_place_off_the_globe_is_refused(lon, lat):
    with pytest.raises(CrsMismatchError, match="No projected system"):
        projected_crs(lon, lat)


@given(
    st.lists(
        st.tuples(st.floats(115.9, 118.4), st.floats(20, 45)), min_size=2, max_size=6, unique=True
    )
)
def test_there_and_back_is_the_identity(points):
    crs = pyproj.CRS.from_epsg(4548)
    line = shapely.LineString(points)
    there = to_projected([line, None, shapely.Point()], crs)
    back = to_lonlat(there, crs)
    np.testing.assert_allclose(
        shapely.get_coordinates(back[0]), shapely.get_coordinates(line), atol=1e-9
    )
    assert there[1] is None
    assert shapely.is_empty(back[2])


def test_axes_are_east_then_north():
    crs = projected_crs(117.0, 31.87)
    east, north = to_projected([shapely.Point(117.001, 31.87), shapely.Point(117.0, 31.871)], crs)
    assert east.x - north.x == pytest.approx(94.6, abs=0.2)
    assert north.y - east.y == pytest.approx(110.9, abs=0.2)


@pytest.mark.parametrize("code", [4326, 4490, 2263])
def test_a_system_without_metres_is_refused(code):
    with pytest.raises(CrsMismatchError, match="metres"):
        to_projected([shapely.Point(117, 31)], pyproj.CRS.from_epsg(code))


def test_a_coordinate_that_cannot_be_projected_is_named():
    with pytest.raises(CrsMismatchError, match="inf"):
        to_projected([shapely.Point(float("inf"), 0)], projected_crs(117, 31))


def test_nothing_stays_nothing():
    assert len(to_projected([], projected_crs(117, 31))) == 0


def test_distances_are_on_the_spheroid():
    metres = geodesic_distance_m(0, 0, [1, 0], [0, 1])
    np.testing.assert_allclose(metres, [111_319.491, 110_574.389], atol=0.001)
    assert geodesic_distance_m(117.3, 31.87, 117.3, 31.87) == 0


@given(st.floats(-170, 170), st.floats(-79, 79), st.floats(-0.01, 0.01), st.floats(-0.01, 0.01))
def test_projected_and_geodesic_distances_agree(lon, lat, dx, dy):
    crs = projected_crs(lon, lat)
    a, b = to_projected([shapely.Point(lon, lat), shapely.Point(lon + dx, lat + dy)], crs)
    metres = float(geodesic_distance_m(lon, lat, lon + dx, lat + dy))
    assert shapely.distance(a, b) == pytest.approx(metres, rel=0.005, abs=1e-6)
