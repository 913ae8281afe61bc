"""Siting over HTTP: asked for, done by a real worker, told, swapped, refused."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from gis.database.engine import make_engine, session_factory, transaction
from gis.jobs.siting import WORKS
from gis.scope import Scope
from gis.settings import Settings
from tests.api.serving import is_problem, serving
from tests.streets import add_streets
from tests.town import key
from tests.working import work_once

pytestmark = pytest.mark.api

CANTEENS = {"service": "canteen", "count": 2, "radius_m": 200, "as_of": "2026-06-01"}


def streets_in(url: str, home: Path) -> Settings:
    engine = make_engine(url)
    with transaction(session_factory(engine)) as session:
        add_streets(session, Scope.local_owner())
    engine.dispose()
    return Settings(database_url=url, home=home, pool_size=4)


@pytest.fixture
def here(new_database: Callable[[str], str], tmp_path: Path) -> Settings:
    return streets_in(new_database("town"), tmp_path / "home")


@pytest.fixture(scope="module")
def untouched(town_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A client for what is refused and so changes nothing."""
    with serving(streets_in(town_url, tmp_path_factory.mktemp("home"))) as client:
        yield client


@pytest.fixture
def client(here: Settings) -> Iterator[httpx.Client]:
    with serving(here) as client:
        yield client


def done(client: httpx.Client, here: Settings, begun: httpx.Response) -> dict[str, Any]:
    """Let the worker do what was asked for, and return the job as it ended."""
    assert begun.status_code == 202, begun.text
    work_once(here, WORKS)
    job: dict[str, Any] = client.get(begun.headers["Location"]).raise_for_status().json()
    return job


@pytest.mark.slow
def test_sites_are_chosen_told_and_one_is_swapped(client: httpx.Client, here: Settings):
    begun = client.post("/v1/siting", json=CANTEENS)
    place = f"/v1/siting/{begun.json()['id']}"
    body = is_problem(client.get(place), 409)
    assert "queued" in body["detail"]
    assert begun.json()["waiting_for"] == "worker"
    (listed,) = client.get("/v1/jobs").json()["jobs"]
    assert listed["waiting_for"] == "worker"
    job = done(client, here, begun)
    assert (job["status"], job["done"], job["waiting_for"]) == ("succeeded", None, None)
    told = client.get(place).raise_for_status().json()
    assert told["proof"]["status"] == "optimal"
    assert told["method"] == "walking"
    assert len(told["sites"]) == 2
    drawn = client.get(place, params={"format": "geojson"})
    assert drawn.headers["content-type"] == "application/geo+json"
    roles = [one["properties"]["role"] for one in drawn.json()["features"]]
    assert roles.count("site") == 2
    assert roles.count("swap") == len(told["swaps"]) == 10
    assert roles.count("uncovered") == told["uncovered"]["buildings"]
    swap = told["swaps"][0]
    job = done(client, here, client.post(f"{place}/swap", json={"rank": 1}))
    again = client.get(f"/v1/siting/{job['id']}").raise_for_status().json()
    assert swap["enter"]["key"] in {site["key"] for site in again["sites"]}
    assert again["proof"]["objective"] == swap["objective"]
    is_problem(client.post(f"{place}/swap", json={"rank": 99}), 404)
    is_problem(client.get(f"/v1/siting/{key('jobs', 'none')}"), 404)


@pytest.mark.slow
def test_a_siting_as_a_file_and_as_planned_stations(client: httpx.Client, here: Settings):
    job = done(client, here, client.post("/v1/siting", json=CANTEENS))
    place = f"/v1/siting/{job['id']}"
    for kind, magic in (("gpkg", b"SQLite format 3"), ("xlsx", b"PK")):
        answer = client.get(f"{place}/export", params={"format": kind, "headers": "zh-CN"})
        assert answer.status_code == 200, answer.text
        assert answer.content.startswith(magic)
        assert f"siting.{kind}" in answer.headers["content-disposition"]
    is_problem(client.get(f"{place}/export", params={"format": "csv"}), 422)
    day = {"opens_on": "2100-03-01", "opening_hours": "10:30-13:00"}
    is_problem(client.post(f"{place}/stations", json={**day, "tier": "castle"}), 422)
    is_problem(client.post(f"{place}/stations", json={**day, "opening_hours": "Mo 25:00"}), 422)
    made = client.post(f"{place}/stations", json=day)
    assert made.status_code == 201, made.text
    for one in made.json()["stations"]:
        station = client.get(f"/v1/stations/{one}").json()["properties"]
        assert (station["status"], station["opens_on"]) == ("planned", "2100-03-01")
        assert [service["service"] for service in station["services"]] == ["canteen"]
    is_problem(client.post(f"{place}/stations", json=day), 409)
    asked = {"service": "canteen", "minutes": "5", "per": "subdistrict"}
    shares = [
        client.get("/v1/coverage", params={**asked, "as_of": on}).raise_for_status().json()
        for on in ("2100-02-28", "2100-03-01")
    ]
    assert [one["stations_serving"] for one in shares] == [2, 4]


@pytest.mark.parametrize(
    "asked",
    [
        {"count": 0},
        {"count": None},
        {"service": "haircut"},
        {"objective": "best"},
        {"objective": "capacitated_mclp"},
        {"capacity": 0},
        {"candidates": "given"},
        {"candidates": "given", "places": [{"lon": 117.3}]},
        {"radius_m": 500, "radius_min": 5},
        {"radius_m": -1},
        {"week": {"monday": "2026-06-02"}, "opening_hours": "24/7"},
        {"week": {"monday": "2026-06-01"}},
        {"week": {"monday": "2026-06-01"}, "opening_hours": "Mo 25:00-26:00"},
        {"equity": {"tall": 2}},
        {"seed": -1},
        {"colour": "red"},
    ],
)
def test_what_cannot_be_asked_is_refused_before_a_job_begins(
    untouched: httpx.Client, asked: dict[str, Any]
):
    body = is_problem(untouched.post("/v1/siting", json={**CANTEENS, **asked}), 422)
    assert body["remedy"]
    assert untouched.get("/v1/jobs").json() == {"jobs": []}


@pytest.mark.parametrize(
    ("asked", "status", "said"),
    [
        ({"community": "340102001999"}, 404, "no community 340102001999"),
        ({"count": 900}, 422, "900 new stations"),
        ({"count": 5, "most_candidates": 4}, 422, "there are 4 candidates"),
        ({"candidates": "pois", "poi_categories": ["none such"]}, 422, "there are 0 candidates"),
        ({"candidates": "given", "places": [{"lon": 117.3, "lat": 31.8}]}, 422, "1 candidates"),
    ],
)
def test_what_the_store_knows_cannot_be_is_refused_before_a_job_begins(
    untouched: httpx.Client, asked: dict[str, Any], status: int, said: str
):
    body = is_problem(untouched.post("/v1/siting", json={**CANTEENS, **asked}), status)
    assert said in body["detail"]
    assert untouched.get("/v1/jobs").json() == {"jobs": []}


def test_what_fails_says_why(client: httpx.Client, here: Settings):
    begun = client.post("/v1/siting", json={**CANTEENS, "candidates": "vacant"})
    job = done(client, here, begun)
    assert job["status"] == "failed"
    assert "no candidates" in job["error"]["message"]
    body = is_problem(client.get(f"/v1/siting/{job['id']}"), 409)
    assert "no candidates" in body["detail"]
    cancelled = client.post("/v1/siting", json=CANTEENS).json()["id"]
    client.post(f"/v1/jobs/{cancelled}/cancel").raise_for_status()
    is_problem(client.get(f"/v1/siting/{cancelled}"), 409)
