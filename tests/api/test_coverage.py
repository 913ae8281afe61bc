"""Coverage over HTTP: on foot and in a straight line, and every answer says which."""

from collections.abc import Callable, Iterator

import httpx
import pytest
from sqlalchemy import create_engine
from sqlalchemy.orm import Session

from gis.scope import Scope
from gis.settings import Settings
from tests.api.serving import is_problem, serving
from tests.streets import add_streets
from tests.town import CODE_OF, grid_id, lon_lat

pytestmark = pytest.mark.api

MORNING = {"service": "affairs", "at": "2026-05-06T10:00:00+08:00"}


@pytest.fixture(scope="module")
def walkable_url(new_database: Callable[[str], str], scope: Scope) -> str:
    url = new_database("town")
    engine = create_engine(url)
    with Session(engine) as session, session.begin():
        add_streets(session, scope)
    engine.dispose()
    return url


@pytest.fixture(scope="module")
def walkable(walkable_url: str) -> Iterator[httpx.Client]:
    """A client on the town with streets; small counts are shown."""
    settings = Settings(database_url=walkable_url, pool_size=4, suppress_below=1)
    with serving(settings) as client:
        yield client


def test_shares_of_the_whole_say_how_they_were_measured(walkable: httpx.Client):
    asked = {**MORNING, "per": "subdistrict", "metres": "500,300", "minutes": "5"}
    body = walkable.get("/v1/coverage", params=asked).raise_for_status().json()
    assert (body["method"], body["speed"], body["speed_m_s"]) == ("walking", "adult", 1.2)
    assert (body["calendar"], body["stations_serving"], body["reason"]) == ("verified", 3, None)
    assert body["network"]
    (area,) = body["areas"]
    assert [(w["threshold"], w["unit"]) for w in area["within"]] == [
        (300, "m"),
        (500, "m"),
        (5, "min"),
    ]
    for within in area["within"]:
        share = within["covered"]["households"] / area["counts"]["households"]
        assert within["share"]["households"] == pytest.approx(share, abs=1e-4)
        assert 0 < share <= 1


def test_the_straight_line_needs_no_roads_and_never_covers_fewer(
    client: httpx.Client, walkable: httpx.Client
):
    asked = {**MORNING, "per": "community", "metres": "300", "by": "straight_line"}
    straight = client.get("/v1/coverage", params=asked).raise_for_status().json()
    walked = walkable.get("/v1/coverage", params=asked | {"by": "walking"}).json()
    assert (straight["method"], straight["network"]) == ("straight_line", None)
    assert [a["code"] for a in straight["areas"]] == sorted(CODE_OF.values())
    pairs = zip(straight["areas"], walked["areas"], strict=True)
    gaps = [
        a["within"][0]["covered"]["households"] - b["within"][0]["covered"]["households"]
        for a, b in pairs
    ]
    assert min(gaps) >= 0
    assert max(gaps) > 0


def test_grids_are_those_of_the_plan_in_effect_on_the_day(walkable: httpx.Client):
    asked = {"service": "affairs", "as_of": "2025-06-01", "per": "grid"}
    old = walkable.get("/v1/coverage", params=asked).json()
    new = walkable.get("/v1/coverage", params=asked | {"as_of": "2026-06-01"}).json()
    assert {a["id"] for a in old["areas"]} == {grid_id("old", "A"), grid_id("old", "B")}
    assert {a["id"] for a in new["areas"]} == {grid_id("plan", letter) for letter in "abcde"}
    # The office that has closed since counted then.
    assert (old["stations_serving"], new["stations_serving"]) == (4, 3)
    assert old["outside"] == new["outside"] > 0  # community C has no plan
    problem = is_problem(walkable.get("/v1/coverage", params=asked | {"as_of": "2024-06-01"}), 422)
    assert "per=community" in problem["remedy"]


def test_without_roads_it_says_what_to_do(client: httpx.Client):
    problem = is_problem(client.get("/v1/coverage", params=MORNING), 422)
    assert "straight line" in problem["remedy"]


@pytest.mark.parametrize(
    "bad",
    [
        {"metres": "0"},
        {"metres": "1e9"},
        {"metres": "."},
        {"metres": "1,,2"},
        {"minutes": "-5"},
        {"minutes": "1,2,3,4,5,6,7,8,9"},
        {"speed": "runner"},
        {"by": "car"},
        {"as_of": "2026-05-01"},
        {"per": "building"},
    ],
)
def test_what_cannot_be_asked_is_422(walkable: httpx.Client, bad: dict[str, str]):
    is_problem(walkable.get("/v1/coverage", params=MORNING | bad), 422)


def test_a_community_that_is_not_there_is_404(walkable: httpx.Client):
    asked = MORNING | {"community": "340102001099"}
    is_problem(walkable.get("/v1/coverage", params=asked), 404)


def test_the_nearest_on_foot_says_so(walkable: httpx.Client):
    lon, lat = lon_lat(2.4, 2.0)
    asked = {**MORNING, "lon": lon, "lat": lat, "limit": 5}
    straight = walkable.get("/v1/stations/nearest", params=asked).json()
    walked = walkable.get("/v1/stations/nearest", params=asked | {"by": "walking"}).json()
    slow = walkable.get(
        "/v1/stations/nearest", params=asked | {"by": "walking", "speed": "elderly"}
    ).json()
    assert (straight["method"], straight["network"]) == ("straight_line", None)
    assert (walked["method"], bool(walked["network"])) == ("walking", True)
    assert len(straight["stations"]) == len(walked["stations"]) == 3
    metres = {s["station_id"]: s["distance_m"] for s in straight["stations"]}
    for one, other in zip(walked["stations"], slow["stations"], strict=True):
        assert one["distance_method"] == "walking"
        assert one["straight_m"] == metres[one["station_id"]]
        assert one["distance_m"] > one["straight_m"]
        assert one["walk_minutes"] == pytest.approx(one["distance_m"] / 72, abs=0.051)
        assert other["walk_minutes"] == pytest.approx(one["distance_m"] / 48, abs=0.051)
    minutes = [s["walk_minutes"] for s in walked["stations"]]
    assert minutes == sorted(minutes)


def test_the_nearest_on_foot_has_reasons_of_its_own(walkable: httpx.Client):
    far = {**MORNING, "lon": 117.4, "lat": 31.9, "by": "walking"}
    body = walkable.get("/v1/stations/nearest", params=far).json()
    assert (body["stations"], body["reason"]) == ([], "no_road_within_reach")
    night = far | {"at": "2026-05-06T03:00:00+08:00"}
    assert walkable.get("/v1/stations/nearest", params=night).json()["reason"] == "none_open"
