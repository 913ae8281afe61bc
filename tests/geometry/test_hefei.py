"""What the guard can and cannot say of a real file whose coordinate system nobody declared.

About 1,260 places of incidents in Hefei, with the text they were geocoded from. Known positions
come from elsewhere, each with its source; none is derived from the file.
"""

import json
from pathlib import Path

import numpy as np
import pytest
import shapely

from gis.geometry import shifts
from gis.geometry.crs import geodesic_distance_m
from gis.ingest.crs_guard import detect_shift
from gis.ingest.crs_verdict import Reference

DATA = Path(__file__).parents[3] / "shared/data/hefei"
YAOHAI = DATA / "geojsondata2_yaohai1.geojson"

pytestmark = [
    pytest.mark.geometry,
    pytest.mark.realdata,
    pytest.mark.skipif(not YAOHAI.exists(), reason="the real data of ../shared/data are not here"),
]

#: Junctions of the ring motorway around Hefei, WGS-84, clockwise from the north-east. Source:
#: OpenStreetMap (ODbL), nodes motorway_junction 1834257881, 1951129785, 1951088129, 1085479398,
#: 251189246, 940560819, 430360651, 430360644, 1085532480, 1085565389, 526679277, 526679313.
RING = [
    (117.50277, 31.95723),
    (117.50123, 31.93846),
    (117.51699, 31.88440),
    (117.41691, 31.82788),
    (117.33719, 31.80226),
    (117.31005, 31.79786),
    (117.28861, 31.79595),
    (117.24640, 31.78929),
    (117.14342, 31.85669),
    (117.09948, 31.97996),
    (117.14764, 31.99303),
    (117.29272, 32.01746),
]
#: Text in the file → WGS-84, and where that is published.
CONTROLS = {
    # Wikipedia, "Hefei Olympic Sports Center Stadium": 31°47′52.0″N 117°13′21.3″E.
    "习友路东段奥体中心门口": (117 + 13 / 60 + 21.3 / 3600, 31 + 47 / 60 + 52.0 / 3600),
    # As a program for Baidu's map has it, so in BD-09 by definition: 117.324592, 31.889789.
    "合肥火车站": shifts.bd09_to_wgs84(117.324592, 31.889789),
    # A sample of Baidu's navigation kit, in BD-09: 117.296652, 31.805594.
    "庐州大道中铁建设集团承建合肥南站工程门牌附近（无名路）": shifts.bd09_to_wgs84(
        117.296652, 31.805594
    ),
}
HYPOTHESES = {
    "wgs84": lambda lon, lat: (lon, lat),
    "gcj02": shifts.gcj02_to_wgs84,
    "bd09": shifts.bd09_to_wgs84,
}


@pytest.fixture(scope="module")
def yaohai():
    features = json.loads(YAOHAI.read_text())["features"]
    return np.array([feature["geometry"]["coordinates"] for feature in features])


@pytest.fixture(scope="module")
def places():
    """Lon and lat by text, of every district."""
    found = {}
    for path in sorted(DATA.glob("clusterdata_*.json")):
        for cluster in json.loads(path.read_text()):
            found |= {point["sgdd"]: (point["lng"], point["lat"]) for point in cluster["points"]}
    return found


def _away_m(places: dict[str, tuple[float, float]], text: str, hypothesis: str) -> float:
    return float(geodesic_distance_m(*CONTROLS[text], *HYPOTHESES[hypothesis](*places[text])))


def test_a_boundary_much_larger_than_the_shift_cannot_tell_and_says_so(yaohai):
    ring = Reference(shapely.Polygon(RING), outline_name="the ring motorway")
    verdict = detect_shift(yaohai, ring)
    assert verdict.kind == "unclear"
    assert verdict.inside == 1.0
    assert {a.code for a in verdict.alternatives} >= {"gcj02_as_wgs84", "bd09_as_wgs84"}
    assert all(alternative.inside == 1.0 for alternative in verdict.alternatives)
    assert "cannot rule out GCJ-02 read as WGS-84 (100%), BD-09 read" in verdict.notes[0]


def test_the_whole_city_spills_over_the_ring_and_nothing_is_concluded(places):
    ring = Reference(shapely.Polygon(RING), outline_name="the ring motorway")
    verdict = detect_shift(np.array(list(places.values())), ring)
    assert verdict.kind == "unclear"
    assert verdict.inside < 0.9


@pytest.mark.parametrize("text", CONTROLS)
def test_known_places_speak_for_bd09(places, text):
    assert _away_m(places, text, "bd09") < 250
    assert _away_m(places, text, "gcj02") > 700
    assert _away_m(places, text, "wgs84") > 1_000


def test_the_one_control_in_wgs84_itself_gives_bd09s_vector_within_the_geocoders_error(places):
    [(lon, lat)] = [places["习友路东段奥体中心门口"]]
    known = CONTROLS["习友路东段奥体中心门口"]
    east = float(geodesic_distance_m(known[0], lat, lon, lat))
    north = float(geodesic_distance_m(lon, known[1], lon, lat))
    # BD-09 read as WGS-84 lies 1,146 m east and 420–450 m north of the truth in Hefei.
    assert east == pytest.approx(1_150, abs=60)
    assert north == pytest.approx(430, abs=60)


def test_three_landmarks_are_too_few_for_the_guard_to_conclude_anything(places):
    known = np.array([tuple(map(float, place)) for place in CONTROLS.values()])
    verdict = detect_shift(np.array([places[text] for text in CONTROLS]), Reference(None, known))
    assert verdict.kind == "unclear"


def test_one_position_stands_for_many_texts(yaohai):
    """A geocoder that did not find the house gave the road or the crossing."""
    assert len(np.unique(yaohai, axis=0)) < 0.6 * len(yaohai)


@pytest.mark.parametrize(("declared", "true"), [("wgs84", "gcj02"), ("wgs84", "bd09")])
def test_against_itself_put_right_the_guard_names_what_was_done(yaohai, declared, true):
    """The same places in a known system take the part of the buildings: the vector is exact."""
    known = np.column_stack(shifts.bd09_to_wgs84(*yaohai.T))
    there = {"gcj02": shifts.wgs84_to_gcj02, "bd09": shifts.wgs84_to_bd09}[true]
    verdict = detect_shift(np.column_stack(there(*known.T)), Reference(None, known))
    assert verdict.cause == f"{true}_as_{declared}"
    assert verdict.length_m == pytest.approx({"gcj02": 570, "bd09": 1_225}[true], abs=15)
