"""Coverage over HTTP: on foot and in a straight line, and every answer says which."""

from collections.abc import Callable, Iterator

import httpx
import pyproj
import pytest
from sqlalchemy import create_engine, update
from sqlalchemy.orm import Session

from gis.layers.stations import StationService
from gis.scope import Scope
from gis.settings import Settings
from tests.api.serving import every_page, is_problem, serving
from tests.streets import add_streets
from tests.town import CODE_OF, grid_id, key, lon_lat

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


def test_a_moment_without_a_zone_is_told_which_to_add(walkable: httpx.Client):
    answer = walkable.get("/v1/coverage", params={"at": "2026-05-06T10:00:00"})
    assert "add +08:00 (the place's zone)" in is_problem(answer, 422)["detail"]


def test_a_moment_is_told_in_the_zone_of_the_place(walkable: httpx.Client):
    asked = MORNING | {"at": "2026-05-06T02:00:00Z"}
    assert walkable.get("/v1/coverage", params=asked).json()["at"] == "2026-05-06T10:00:00+08:00"
    now = walkable.get("/v1/coverage", params={"service": "affairs"}).json()
    assert now["at"].endswith("+08:00")


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


def test_the_buildings_behind_a_share_add_up_to_it(walkable: httpx.Client):
    asked = {**MORNING, "per": "grid", "metres": "250"}
    body = walkable.get("/v1/coverage", params=asked).json()
    for area in body["areas"]:
        listed = every_page(
            walkable,
            "/v1/coverage/buildings",
            **MORNING,
            threshold=250,
            listed="covered",
            grid=area["code"],
            limit=2,
        )
        (within, *_) = area["within"]
        households = sum(one["properties"]["households"] for one in listed)
        assert households == within["covered"]["households"]
        assert all(one["properties"]["grid_code"] == area["code"] for one in listed)
        assert all(one["properties"]["distance_m"] <= 250 for one in listed)


def test_a_page_of_verdicts_says_how_many_match_and_may_leave_places_out(walkable: httpx.Client):
    asked = {**MORNING, "limit": 3, "geometry": "none", "listed": "uncovered", "threshold": 200}
    body = walkable.get("/v1/coverage/buildings", params=asked).raise_for_status().json()
    every = every_page(walkable, "/v1/coverage/buildings", **asked)
    assert body["numberMatched"] == len(every) > 3
    assert body["method"] == "walking"
    assert {one["geometry"] for one in body["features"]} == {None}
    assert not any(one["properties"]["covered"] for one in every)
    minutes = "/v1/coverage/buildings"
    soon = every_page(walkable, minutes, **MORNING, unit="min", threshold=3, listed="covered")
    assert all(one["properties"]["walk_minutes"] <= 3 for one in soon)
    assert soon[0]["geometry"]["type"] == "Point"


def test_a_path_is_as_long_as_the_verdict_says(walkable: httpx.Client):
    listed = walkable.get("/v1/coverage/buildings", params=MORNING | {"limit": 5}).json()
    geod = pyproj.Geod(ellps="WGS84")
    for building in listed["features"]:
        asked = MORNING | {"building": building["id"]}
        way = walkable.get("/v1/coverage/path", params=asked).raise_for_status().json()
        facts = way["properties"]
        for name in ("station_id", "distance_m", "walk_minutes"):
            assert facts[name] == building["properties"][name], name
        lon, lat = zip(*way["geometry"]["coordinates"], strict=True)
        assert geod.line_length(lon, lat) == pytest.approx(facts["distance_m"], rel=2e-3)
        assert facts["straight_m"] <= facts["distance_m"]


def test_a_path_from_a_point_to_a_station_that_is_named(walkable: httpx.Client):
    lon, lat = lon_lat(4.2, 2.0)
    hub, here = key("stations", "Hub"), f"{lon},{lat}"
    asked = {"point": here, "station": hub, "speed": "frail"}
    facts = walkable.get("/v1/coverage/path", params=asked).raise_for_status().json()["properties"]
    assert (facts["station_id"], facts["calendar"]) == (hub, None)
    assert facts["walk_minutes"] == pytest.approx(facts["distance_m"] / 39, abs=0.06)
    for bad in (
        {"point": "117.3"},
        {"building": hub, "point": here},
        {},
        {"point": "181,31"},
        {"point": "117.5,31.9", **MORNING},
    ):
        is_problem(walkable.get("/v1/coverage/path", params=bad), 422)
    missing = {"building": hub}, asked | {"station": key("buildings", "0,0")}
    night = {"point": here, "service": "affairs", "at": "2026-05-06T03:00:00+08:00"}
    for bad in (*missing, night):
        assert is_problem(walkable.get("/v1/coverage/path", params=bad), 404)["remedy"]


def test_the_week_knows_holidays_and_agrees_with_a_moment(walkable: httpx.Client):
    asked = {"service": "affairs", "monday": "2026-04-27", "threshold": 300}
    week = walkable.get("/v1/coverage/week", params=asked).raise_for_status().json()
    assert [hour["hour"] for hour in week["hours"]] == list(range(24)) * 7
    rest = [hour["day"] for hour in week["hours"][::24] if hour["of_rest"]]
    assert rest == ["2026-05-01", "2026-05-02", "2026-05-03"]
    for at in (10, 24 * 4 + 10, 19):
        hour = week["hours"][at]
        one = {"service": "affairs", "at": hour["moment"], "metres": 300, "per": "subdistrict"}
        moment = walkable.get("/v1/coverage", params=one).json()
        assert hour["stations_open"] == moment["stations_serving"]
        within = moment["areas"][0]["within"][0]
        assert hour["covered"]["households"] == within["covered"]["households"]
    parts = {one["part"]: one for one in week["gaps"]}
    assert parts["office"]["gap"] == 0
    assert parts["evening"]["gap"] > 0
    assert (week["calendar"], week["method"]) == ("verified", "walking")
    unknown = walkable.get("/v1/coverage/week", params=asked | {"monday": "2031-01-06"}).json()
    assert unknown["calendar"] == "unverified"
    problem = is_problem(
        walkable.get("/v1/coverage/week", params=asked | {"monday": "2026-05-06"}), 422
    )
    assert "2026-05-04" in problem["remedy"]


def test_hours_that_nobody_stated_are_counted_as_unknown(walkable: httpx.Client):
    asked = {"service": "health", "monday": "2026-05-04"}
    week = walkable.get("/v1/coverage/week", params=asked).json()
    assert {(h["stations_open"], h["stations_unknown"]) for h in week["hours"]} == {(0, 1)}
    moment = MORNING | {"service": "health", "per": "subdistrict"}
    body = walkable.get("/v1/coverage", params=moment).json()
    assert (body["reason"], body["stations_unknown"]) == ("hours_unknown", 1)
    assert body["not_reached"][0]["reason"] == "no_open_station"


def test_capacity_sends_people_on_and_says_who_finds_no_room(walkable: httpx.Client):
    asked = {**MORNING, "count": "elderly", "share": 0.2}
    body = walkable.get("/v1/coverage/capacity", params=asked).raise_for_status().json()
    assert body["demand"] == pytest.approx(0.2 * 534, abs=1)
    assert body["placed"] + sum(one["people"] for one in body["left_out"]) == body["demand"]
    assert [one["room"] for one in body["stations"]] == [40, 40, 40]
    assert sum(one["people"] for one in body["stations"]) == body["placed"]
    assert all(one["people"] <= 40 for one in body["stations"])
    assert body["gap_m"] == 0
    assert sum(one["people"] for one in body["spill"]) == sum(
        one["taken_in"] for one in body["stations"]
    )
    all_of_them = walkable.get("/v1/coverage/capacity", params=asked | {"share": 1}).json()
    assert all_of_them["placed"] == 120
    assert {one["reason"] for one in all_of_them["left_out"]} == {"no_room"}
    is_problem(walkable.get("/v1/coverage/capacity", params={"count": "elderly"}), 422)


def test_access_conserves_capacity_and_is_nought_where_nobody_serves(walkable: httpx.Client):
    asked = {**MORNING, "per": "subdistrict", "limit_min": 30}
    for more in ({}, {"decay": "gaussian"}, {"model": "shared", "decay": "zones"}):
        body = walkable.get("/v1/coverage/accessibility", params=asked | more).json()
        (area,) = body["areas"]
        assert area["access"] * area["people"] / 1000 == pytest.approx(120, rel=1e-3), more
        assert area["without"] == 0
        assert body["without_capacity"] == []
    agents = asked | {"model": "rational_agents"}
    body = walkable.get("/v1/coverage/accessibility", params=agents).raise_for_status().json()
    assert body["scale"] == "one over the cost"
    assert sum(one["wanted"] for one in body["stations"]) == pytest.approx(4244, abs=1)
    night = asked | {"at": "2026-05-06T03:00:00+08:00"}
    (area,) = walkable.get("/v1/coverage/accessibility", params=night).json()["areas"]
    assert (area["access"], area["without"]) == (0, 1)
    is_problem(walkable.get("/v1/coverage/accessibility", params=agents | {"decay": "zones"}), 422)


def test_sensitivity_begins_with_the_shares_as_asked(walkable: httpx.Client):
    asked = {**MORNING, "metres": "300", "minutes": "5"}
    body = walkable.get("/v1/coverage/sensitivity", params=asked).raise_for_status().json()
    share = walkable.get("/v1/coverage", params=asked | {"per": "subdistrict"}).json()
    found = {(one["unit"], one["variant"]): one for one in body["variants"]}
    for unit, within in zip(("m", "min"), share["areas"][0]["within"], strict=True):
        assert found[unit, "as_asked"]["share"] == within["share"]
        reach = [found[unit, name]["share"]["households"] for name in ("nearer", "farther")]
        assert reach[0] <= within["share"]["households"] <= reach[1]
    assert found["m", "slower"]["share"]["households"] is None
    assert found["min", "slower"]["change"]["households"] <= 0


@pytest.mark.slow
def test_services_that_travel_stand_beside_those_one_walks_to(fresh_url: str, scope: Scope):
    engine = create_engine(fresh_url)
    centre = key("stations", "Centre")
    with Session(engine) as session, session.begin():
        add_streets(session, scope)
        session.execute(
            update(StationService)
            .where(StationService.station_id == centre, StationService.service == "canteen")
            .values(mode="both", delivery_hours="11:00-12:00", delivery_reach_m=400)
        )
    engine.dispose()
    asked = {"service": "canteen", "limit_min": 4}
    with serving(Settings(database_url=fresh_url, suppress_below=1)) as client:
        noon = client.get(
            "/v1/coverage/delivery", params=asked | {"at": "2026-05-06T11:30:00+08:00"}
        ).json()
        late = client.get(
            "/v1/coverage/delivery", params=asked | {"at": "2026-05-06T12:30:00+08:00"}
        ).json()
    of = {one["served"]: one["counts"]["households"] for one in noon["means"]}
    assert list(of) == ["both", "walking", "delivery", "none"]
    assert of["both"] > 0
    assert of["delivery"] > 0
    assert of["walking"] == 0
    assert sum(of.values()) == 2122
    then = {one["served"]: one["counts"]["households"] for one in late["means"]}
    assert (noon["stations_delivering"], late["stations_delivering"]) == (1, 0)
    assert then["both"] == then["delivery"] == 0
    assert then["walking"] == of["both"]
