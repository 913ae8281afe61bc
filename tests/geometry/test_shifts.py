"""Shifted degrees of web maps and the Chinese systems: there, back, and what is not known."""

import math

import numpy as np
import pytest
import shapely

from gis.errors import CrsMismatchError
from gis.geometry import shifts
from gis.geometry.crs import CHINA_EAST, CHINA_NORTH, CHINA_SOUTH, CHINA_WEST, geodesic_distance_m
from gis.geometry.source_crs import SourceCrs

pytestmark = pytest.mark.geometry

PAIRS = {
    "gcj02": (shifts.wgs84_to_gcj02, shifts.gcj02_to_wgs84),
    "bd09": (shifts.wgs84_to_bd09, shifts.bd09_to_wgs84),
    "bd09 of gcj02": (shifts.gcj02_to_bd09, shifts.bd09_to_gcj02),
}
MANY = 200_000
MILLIMETRE = 0.001


@pytest.fixture(scope="module")
def china():
    """Lon and lat of many points, even over China's box."""
    rng = np.random.default_rng(20240501)
    return rng.uniform(CHINA_WEST, CHINA_EAST, MANY), rng.uniform(CHINA_SOUTH, CHINA_NORTH, MANY)


@pytest.mark.slow
@pytest.mark.parametrize("name", PAIRS)
def test_the_inverse_errs_by_less_than_a_millimetre(china, name):
    there, back = PAIRS[name]
    lon, lat = back(*there(*china))
    assert geodesic_distance_m(*china, lon, lat).max() < MILLIMETRE


@pytest.mark.slow
@pytest.mark.parametrize("name", PAIRS)
def test_what_is_undone_and_done_again_is_the_same(china, name):
    there, back = PAIRS[name]
    lon, lat = there(*back(*china))
    assert geodesic_distance_m(*china, lon, lat).max() < MILLIMETRE


@pytest.mark.parametrize(
    ("name", "least", "most"), [("gcj02", 0.0, 900.0), ("bd09", 300.0, 2000.0)]
)
def test_shifts_are_as_long_as_is_known_of_them(china, name, least, most):
    moved = geodesic_distance_m(*china, *PAIRS[name][0](*china))
    assert least < moved.min()
    assert moved.max() < most


@pytest.mark.parametrize("name", PAIRS)
def test_nothing_outside_the_shifted_box_moves(name):
    rng = np.random.default_rng(7)
    lon, lat = rng.uniform(-180, 180, MANY), rng.uniform(-90, 90, MANY)
    # A degree from the box no shift reaches it, nor is reached.
    west, south, east, north = shifts.SHIFTED_BOX
    outside = (lon < west - 1) | (lon > east + 1) | (lat < south - 1) | (lat > north + 1)
    for function in PAIRS[name]:
        x, y = function(lon[outside], lat[outside])
        assert (x == lon[outside]).all()
        assert (y == lat[outside]).all()


#: Pairs that others publish for the same formula: WGS-84 lon, lat and GCJ-02 lon, lat.
#: Source: test/app.js of wandergis/coordtransform, go/transform_test.go of googollee/eviltransform.
PUBLISHED = [
    ((116.404, 39.915), (116.41024449916938, 39.91640428150164)),
    ((121.5272106, 31.1774276), (121.531541859215, 31.17530398364597)),
    ((113.912316, 22.543847), (113.9171764808363, 22.540796131694766)),
    ((116.377817, 39.911954), (116.38404722455657, 39.91334545536069)),
]


@pytest.mark.parametrize(("wgs84", "gcj02"), PUBLISHED)
def test_published_points(wgs84, gcj02):
    # The second source rounds the first eccentricity in another place: 0.1 m.
    assert geodesic_distance_m(*shifts.wgs84_to_gcj02(*wgs84), *gcj02) < 0.1
    assert geodesic_distance_m(*shifts.gcj02_to_wgs84(*gcj02), *wgs84) < 0.1


def test_a_published_point_of_bd09():
    # Source: test/app.js of wandergis/coordtransform.
    there = shifts.gcj02_to_bd09(116.404, 39.915)
    assert geodesic_distance_m(*there, 116.41036949371029, 39.92133699351021) < MILLIMETRE


def _edge(side: str, away_m: float, count: int = 400) -> tuple[np.ndarray, np.ndarray]:
    """Points along one side of the shifted box, so far outside it (inside, if negative)."""
    west, south, east, north = shifts.SHIFTED_BOX
    step = away_m / 111_000
    along = np.linspace(0.05, 0.95, count)
    if side in "we":
        lon = np.full(count, west - step if side == "w" else east + step)
        return lon, south + along * (north - south)
    lat = np.full(count, south - step if side == "s" else north + step)
    return west + along * (east - west), lat


SIDES = pytest.mark.parametrize("side", ["w", "e", "s", "n"])
AWAY = pytest.mark.parametrize("away_m", [-2000.0, -300.0, -1.0, 1.0, 300.0, 2000.0])


@SIDES
@pytest.mark.parametrize("away_m", [-2000.0, -300.0, -20.0])
def test_what_is_moved_comes_back_unless_it_was_moved_over_the_edge(side, away_m):
    wgs84 = _edge(side, away_m)
    moved = shifts.wgs84_to_gcj02(*wgs84)
    back = shifts.gcj02_to_wgs84(*moved)
    inside = shifts.is_shifted(*moved)
    assert (geodesic_distance_m(*wgs84, *back)[inside] < MILLIMETRE).all()
    # Outside it could have been there all the time, so there it stays.
    assert (np.array(back)[:, ~inside] == np.array(moved)[:, ~inside]).all()


@SIDES
@pytest.mark.parametrize("away_m", [1.0, 300.0, 2000.0])
def test_a_point_outside_the_edge_stays_where_it_is(side, away_m):
    wgs84 = _edge(side, away_m)
    there = shifts.wgs84_to_gcj02(*wgs84)
    assert geodesic_distance_m(*wgs84, *there).max() == 0.0


@SIDES
@AWAY
@pytest.mark.parametrize("name", PAIRS)
def test_at_the_edge_degrees_are_inverted_or_left_as_they_are(side, away_m, name):
    there, back = PAIRS[name]
    x, y = _edge(side, away_m)
    lon, lat = back(x, y)
    again = geodesic_distance_m(x, y, *there(lon, lat))
    if name == "bd09":  # two steps, of which one may have an inverse and the other not
        assert geodesic_distance_m(x, y, lon, lat).max() < 3_000
    else:
        assert ((again < MILLIMETRE) | ((lon == x) & (lat == y))).all()


@pytest.mark.parametrize("name", PAIRS)
@pytest.mark.filterwarnings("error")
def test_what_is_no_number_stays_so_and_harms_nobody(name):
    for function in PAIRS[name]:
        lon, lat = function([117.3, math.nan, math.inf, 117.3], [31.87, 31.87, 31.87, -math.inf])
        alone_lon, alone_lat = function(117.3, 31.87)
        assert (lon[0], lat[0]) == (alone_lon, alone_lat)
        assert not np.isfinite(lon[1:] + lat[1:]).any()
        lon, lat = function([math.nan, math.nan], [math.nan, math.nan])
        assert np.isnan(lon).all()


@pytest.mark.parametrize("name", PAIRS)
def test_shapes_are_kept(name):
    for function in PAIRS[name]:
        for shape in ((), (0,), (3,), (2, 3)):
            lon, lat = function(np.full(shape, 117.3), np.full(shape, 31.87))
            assert np.shape(lon) == np.shape(lat) == shape
        lon, _ = function(np.full((4, 1), 117.3), np.full(3, 31.87))
        assert lon.shape == (4, 3)


def test_the_callers_arrays_are_left_alone():
    lon, lat = np.array([117.3]), np.array([31.87])
    for there, back in PAIRS.values():
        there(lon, lat)
        back(lon, lat)
    assert (lon[0], lat[0]) == (117.3, 31.87)


#: A system, and a place inside its zone.
SYSTEMS = [
    ("EPSG:4490", 117.3),
    *((f"EPSG:{4543 + zone}", 102.0 + 3 * zone) for zone in range(7)),
    *((f"EPSG:{2334 + zone}", 117.0 + 6 * zone) for zone in range(4)),
    *((f"EPSG:{2349 + zone}", 75.0 + 3 * zone) for zone in range(21)),
    *((f"EPSG:{32649 + zone}", 111.0 + 6 * zone) for zone in range(3)),
    ("gcj02", 117.3),
    ("bd09", 117.3),
]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "middle"), SYSTEMS)
def test_systems_round_trip_within_a_millimetre(name, middle):
    crs = SourceCrs.parse(name, "a.gpkg")
    rng = np.random.default_rng(11)
    lon = np.minimum(rng.uniform(middle - 1.4, middle + 1.4, 500), 134.9)
    lat = rng.uniform(18.0, 53.0, 500)
    back = crs.to_lonlat(crs.from_lonlat(shapely.points(lon, lat)))
    assert geodesic_distance_m(lon, lat, *shapely.get_coordinates(back).T).max() < MILLIMETRE


@pytest.mark.slow
@pytest.mark.parametrize(("name", "middle"), SYSTEMS)
def test_x_is_east(name, middle):
    crs = SourceCrs.parse(name, "a.gpkg")
    here, east, north = crs.from_lonlat(
        shapely.points([[middle, 31.87], [middle + 0.01, 31.87], [middle, 31.88]])
    )
    assert east.x > here.x
    assert north.y > here.y
    assert abs(east.y - here.y) < abs(east.x - here.x)


@pytest.mark.parametrize("name", ["EPSG:4326", "EPSG:4490", "EPSG:4548", "EPSG:32650", "gcj02"])
def test_nothing_is_said_of_systems_that_agree_with_wgs84(name):
    crs = SourceCrs.parse(name, "a.gpkg")
    assert crs.accuracy_m <= 1
    assert crs.note == ""


@pytest.mark.parametrize("name", ["EPSG:4610", "EPSG:2334", "EPSG:2363", "EPSG:4214", "EPSG:2416"])
def test_what_no_published_transformation_covers_is_said(name):
    crs = SourceCrs.parse(name, "a.gpkg")
    assert math.isnan(crs.accuracy_m)
    assert "no published transformation" in crs.note
    assert "100 m" in crs.note
    # And true: the datum is left as it is, degree by degree.
    geodetic = SourceCrs(crs.crs.geodetic_crs)
    [point] = geodetic.to_lonlat([shapely.Point(117.3, 31.87)])
    assert (point.x, point.y) == pytest.approx((117.3, 31.87), abs=1e-9)


def test_a_system_with_a_published_transformation_says_how_good_it_is():
    assert 0 < SourceCrs.parse("EPSG:4258", "a.gpkg").accuracy_m < 10


def test_a_zone_number_that_the_system_lacks_is_named():
    crs = SourceCrs.parse("EPSG:4548", "a.gpkg")
    with pytest.raises(CrsMismatchError, match=r"begin with a zone number \(39\)"):
        crs.to_lonlat([shapely.Point(39_528_381, 3_527_000)])


def test_a_zone_number_that_is_missing_is_named():
    crs = SourceCrs.parse("EPSG:4527", "a.gpkg")
    with pytest.raises(CrsMismatchError, match=r"lack the zone number \(39\)"):
        crs.to_lonlat([shapely.Point(528_381, 3_527_000)])
