"""A station that opens, closes or moves: written down, and coverage measured anew."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.orm import Session

from gis.database.engine import make_engine, session_factory, transaction
from gis.jobs.coverage_run import WORKS
from gis.layers import audit
from gis.scope import Scope
from gis.services.locating import local_day
from gis.settings import Settings
from tests.api.serving import is_problem, runs_due, serving
from tests.streets import add_streets
from tests.town import key, lon_lat
from tests.working import work_once

pytestmark = pytest.mark.api

HUB = key("stations", "Hub")
PLACE = f"/v1/stations/{HUB}"
ANY = {"If-Match": "*"}


@pytest.fixture
def here(
    new_database: Callable[[str], str], scope: Scope, tmp_path_factory: pytest.TempPathFactory
) -> Settings:
    url = new_database("town")
    engine = create_engine(url)
    with Session(engine) as session, session.begin():
        add_streets(session, scope)
    engine.dispose()
    return Settings(database_url=url, pool_size=4, home=tmp_path_factory.mktemp("home"))


@pytest.fixture
def walkable(here: Settings) -> Iterator[httpx.Client]:
    with serving(here) as client:
        yield client


def move(client: httpx.Client, x: float, y: float, version: str = "*") -> httpx.Response:
    lon, lat = lon_lat(x, y)
    return client.patch(PLACE, json={"lon": lon, "lat": lat}, headers={"If-Match": version})


def test_a_station_moves_into_another_community_and_that_is_written_down(
    walkable: httpx.Client, here: Settings
):
    before = walkable.get(PLACE).json()
    answer = move(walkable, 1.5, 1.5, '"1"')
    assert answer.status_code == 200, answer.text
    after = answer.json()
    assert answer.headers["etag"] == '"2"'
    assert after["geometry"]["coordinates"] == pytest.approx(lon_lat(1.5, 1.5))
    assert after["properties"]["community_id"] == key("communities", "A")
    assert before["properties"]["community_id"] != key("communities", "A")
    engine = make_engine(str(here.database_url))
    with transaction(session_factory(engine)) as session:
        (row,) = audit.history(session, Scope.local_owner(), "stations", HUB)
    engine.dispose()
    assert set(row.before) == {"version", "geometry", "community_id"}
    assert row.after["community_id"] == key("communities", "A")
    assert row.before["geometry"] != row.after["geometry"]


def test_half_a_place_and_one_off_the_globe_are_refused(walkable: httpx.Client):
    for sent in ({"lon": 117.3}, {"lon": 117.3, "lat": 91}, {"lon": None, "lat": 31.8}):
        is_problem(walkable.patch(PLACE, json=sent, headers=ANY), 422)
    assert walkable.get(PLACE).json()["properties"]["version"] == 1


def test_a_station_does_not_leave_every_community_without_a_word(
    walkable: httpx.Client, here: Settings
):
    lon, lat = lon_lat(1.5, 1.5)
    away = {"lon": lon + 1.0, "lat": lat}
    problem = is_problem(walkable.patch(PLACE, json=away, headers=ANY), 422)
    assert problem["field"] == "lon"
    assert "outside" in problem["remedy"]
    assert walkable.get(PLACE).json()["properties"]["version"] == 1
    is_problem(walkable.patch(PLACE, json={**away, "outside": "yes"}, headers=ANY), 422)
    answer = walkable.patch(PLACE, json={**away, "outside": True}, headers=ANY)
    assert answer.status_code == 200, answer.text
    told = answer.json()["properties"]
    assert (told["community_id"], told["road_near"]) == (None, False)


@pytest.mark.slow
def test_a_station_that_moves_hears_whether_a_road_is_near(walkable: httpx.Client, here: Settings):
    assert move(walkable, 1.5, 1.5).json()["properties"]["road_near"] is True
    engine = create_engine(str(here.database_url))
    with engine.begin() as connection:
        connection.execute(text("UPDATE roads SET walkable = false"))
    assert move(walkable, 1.5, 1.5).json()["properties"]["road_near"] is False
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM roads"))
    engine.dispose()
    assert move(walkable, 1.5, 1.5).json()["properties"]["road_near"] is None
    note = {"exceptions": [{"day": "2026-10-01", "hours": "off"}]}
    answer = walkable.patch(PLACE, json=note, headers=ANY)
    assert "road_near" not in answer.json()["properties"]


def serving_on(client: httpx.Client, day: str) -> int:
    """Return how many stations count on a day, in a straight line: the network is not asked."""
    asked = {"as_of": day, "by": "straight_line"}
    answer = client.get("/v1/coverage", params=asked).raise_for_status()
    return int(answer.json()["stations_serving"])


@pytest.mark.slow
def test_closing_a_station_leaves_the_past_alone(walkable: httpx.Client, here: Settings):
    today = local_day(datetime.now(UTC), here.timezone)
    yesterday, now = f"{today - timedelta(days=1)}", f"{today}"
    then, at_first = serving_on(walkable, yesterday), serving_on(walkable, now)
    closed = walkable.patch(PLACE, json={"status": "closed"}, headers=ANY).raise_for_status()
    assert closed.json()["properties"]["closes_on"] == now
    assert (serving_on(walkable, yesterday), serving_on(walkable, now)) == (then, at_first - 1)
    again = walkable.patch(PLACE, json={"status": "open"}, headers=ANY).raise_for_status()
    assert again.json()["properties"]["closes_on"] is None
    assert (serving_on(walkable, yesterday), serving_on(walkable, now)) == (then, at_first)
    engine = make_engine(str(here.database_url))
    with transaction(session_factory(engine)) as session:
        rows = audit.history(session, Scope.local_owner(), "stations", HUB)
    engine.dispose()
    dates = [(row.before["closes_on"], row.after["closes_on"]) for row in rows]
    assert sorted(dates, key=str) == sorted([(None, now), (now, None)], key=str)


def test_a_planned_station_that_opens_serves_from_today(walkable: httpx.Client, here: Settings):
    today = local_day(datetime.now(UTC), here.timezone)
    yesterday, now = f"{today - timedelta(days=1)}", f"{today}"
    planned = {"status": "planned", "opens_on": f"{today + timedelta(days=90)}"}
    walkable.patch(PLACE, json=planned, headers=ANY).raise_for_status()
    then, before = serving_on(walkable, yesterday), serving_on(walkable, now)
    opened = walkable.patch(PLACE, json={"status": "open"}, headers=ANY).raise_for_status()
    assert opened.json()["properties"]["opens_on"] == now
    assert (serving_on(walkable, yesterday), serving_on(walkable, now)) == (then, before + 1)


@pytest.mark.slow
def test_changes_make_one_run_due_that_sees_them_all(walkable: httpx.Client, here: Settings):
    assert move(walkable, 9.5, 3.5).status_code == 200
    (job,) = runs_due(walkable, 1)
    assert job["status"] == "queued"
    assert move(walkable, 1.5, 1.5).status_code == 200
    note = {"exceptions": [{"day": "2026-10-01", "hours": "off"}]}
    assert walkable.patch(PLACE, json=note, headers=ANY).status_code == 200
    (same,) = runs_due(walkable, 1)
    assert same["id"] == job["id"]
    work_once(here, WORKS)
    (done,) = runs_due(walkable, 1)
    assert done["status"] == "succeeded", done["error"]
    (run,) = walkable.get("/v1/coverage/runs").json()["runs"]
    assert run["id"] == done["report"]["run_id"]
    asked = {"indicator": "households_covered:any_500_m", "area_kind": "subdistrict"}
    first = walkable.get("/v1/indicators", params=asked).json()["indicators"][0]
    closed = {"status": "closed", "closes_on": "2026-01-01"}
    for station in walkable.get("/v1/stations").json()["features"]:
        place = f"/v1/stations/{station['id']}"
        walkable.patch(place, json=closed, headers=ANY)
    runs_due(walkable, 2)
    work_once(here, WORKS)
    second = walkable.get("/v1/indicators", params=asked).json()["indicators"][0]
    assert second["value"] == 0 < first["value"]
    assert len(walkable.get("/v1/coverage/runs").json()["runs"]) == 2  # both versions are kept
