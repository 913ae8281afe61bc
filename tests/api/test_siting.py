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


@pytest.fixture
def here(new_database: Callable[[str], str], tmp_path: Path, scope: Scope) -> Settings:
    url = new_database("town")
    engine = make_engine(url)
    with transaction(session_factory(engine)) as session:
        add_streets(session, scope)
    engine.dispose()
    return Settings(database_url=url, home=tmp_path / "home", pool_size=4)


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


def test_sites_are_chosen_told_and_one_is_swapped(client: httpx.Client, here: Settings):
    begun = client.post("/v1/siting", json=CANTEENS)
    place = f"/v1/siting/{begun.json()['id']}"
    body = is_problem(client.get(place), 409)
    assert "queued" in body["detail"]
    job = done(client, here, begun)
    assert (job["status"], job["done"]) == ("succeeded", None)
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
