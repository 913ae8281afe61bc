"""A siting names houses: to a manager without the small counts that buildings are shown without."""

import io
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import openpyxl
import pytest

from gis.access import Role
from gis.jobs import siting
from gis.settings import Settings
from tests.api.people import bearer, key_of, storing
from tests.api.serving import serving
from tests.api.test_small_counts import few_are_poor
from tests.people import OWNER, PASSWORD, add_person, community, role_in
from tests.streets import add_streets
from tests.working import work_once

pytestmark = pytest.mark.api

SITING = {"service": "canteen", "count": 1, "radius_m": 50, "as_of": "2026-06-01"}
Asks = Callable[..., httpx.Response]


@pytest.fixture(scope="module")
def town(
    new_database: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[dict[str, Asks], dict[str, str]]]:
    """Return who asks, and a siting of each."""
    url = new_database("town")
    roles = {"manager": Role.MANAGER, "planner": Role.PLANNER}
    with storing(url) as session:
        add_streets(session, OWNER)
        few_are_poor(session)
        users = {
            login: add_person(session, login, role_in(role, community("A")), password=PASSWORD)
            for login, role in roles.items()
        }
    home = tmp_path_factory.mktemp("home")
    settings = Settings(database_url=url, home=home, access_cache_s=0.0)
    with serving(settings) as client:

        def of(login: str) -> Asks:
            known = bearer(key_of(url, users[login]))
            return lambda method, path, **sent: client.request(method, path, headers=known, **sent)

        ask = {login: of(login) for login in roles}
        made = {}
        for login, asks in ask.items():
            begun = asks("POST", "/v1/siting", json=SITING)
            assert begun.status_code == 202, begun.text
            made[login] = begun.json()["id"]
        work_once(settings, siting.WORKS)
        yield ask, made


def named(ask: Asks, job: str) -> dict[str, dict[str, Any]]:
    report = ask("GET", f"/v1/siting/{job}").raise_for_status().json()
    return {one["building_id"]: one for one in report["uncovered"]["named"]}


def test_a_manager_is_told_the_counts_of_houses_that_buildings_show(
    town: tuple[dict[str, Asks], dict[str, str]],
):
    ask, made = town
    houses = named(ask["manager"], made["manager"])
    assert len(houses) > 3
    assert any(one["suppressed"] for one in houses.values())
    for key, house in houses.items():
        shown = ask["manager"]("GET", f"/v1/buildings/{key}").raise_for_status().json()
        told = shown["properties"]
        assert house["suppressed"] == told["suppressed"]
        assert all(house[name] is None for name in house["suppressed"])
    full = named(ask["planner"], made["planner"])
    assert full.keys() == houses.keys()
    assert not any(one["suppressed"] for one in full.values())


def test_so_are_its_other_forms(town: tuple[dict[str, Asks], dict[str, str]]):
    ask, made = town
    houses, path = named(ask["manager"], made["manager"]), f"/v1/siting/{made['manager']}"
    told = ask["manager"]("GET", path, params={"format": "geojson"}).raise_for_status().json()
    left = [one["properties"] for one in told["features"]]
    left = [one for one in left if one["role"] == "uncovered"]
    assert {one["building_id"]: one["suppressed"] for one in left} == {
        key: one["suppressed"] for key, one in houses.items()
    }
    file = ask["manager"]("GET", f"{path}/export", params={"format": "xlsx"}).raise_for_status()
    sheet = openpyxl.load_workbook(io.BytesIO(file.content))["siting_uncovered"]
    head, *rows = sheet.iter_rows(values_only=True)
    at = head.index("low_income_households")
    poor = [row[at] for row in rows if row[head.index("building_id")] in houses]
    assert len(poor) == len(houses)
    assert not [count for count in poor if isinstance(count, int) and 0 < count < 3]
    assert sum(not isinstance(count, int) for count in poor) == sum(
        "low_income_households" in one["suppressed"] for one in houses.values()
    )


def test_the_job_itself_names_no_house(town: tuple[dict[str, Asks], dict[str, str]]):
    ask, made = town
    for login, job in made.items():
        answer = ask[login]("GET", f"/v1/jobs/{job}").raise_for_status()
        assert answer.json()["report"]["proof"]
        assert answer.json()["report"]["uncovered"]["named"] == []
        assert not [one for one in named(ask[login], job) if one in answer.text]
        listed = ask[login]("GET", "/v1/jobs").raise_for_status().json()["jobs"]
        assert all(one["report"]["uncovered"]["named"] == [] for one in listed)
