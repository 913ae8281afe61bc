"""Small counts of people: withheld from viewers, told to managers, and not to be worked out."""

from collections.abc import Callable, Iterator
from itertools import combinations
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gis.access import Role
from gis.coverage.shares import PEOPLE
from gis.settings import Settings
from tests.api.people import add_people, bearer, key_of, served, storing
from tests.people import OWNER, community, role_in
from tests.streets import add_streets
from tests.town import CODE_OF

pytestmark = pytest.mark.api

BELOW = Settings().suppress_below
MOMENT = "2026-06-01T02:00:00Z"
Get = Callable[..., httpx.Response]
#: A service and a moment that several of the town's stations serve at.
SERVICES = ("affairs", "rest_stop", "canteen", None)
#: Operations of the ground that tell counts, with what they are asked.
TOLD = {
    "/v1/coverage": {"per": "grid", "minutes": "1,2,5"},
    "/v1/coverage/sensitivity": {"metres": "100,200,300"},
    "/v1/coverage/week": {"threshold": "200", "monday": "2026-06-01"},
    "/v1/coverage/accessibility": {"per": "grid", "limit_min": "3"},
    "/v1/coverage/capacity": {"limit_min": "3", "count": "elderly"},
    "/v1/coverage/delivery": {"limit_min": "3"},
    "/v1/coverage/gaps": {"metres": "100"},
    "/v1/catchments": {"metres": "150"},
    "/v1/communities": {},
    "/v1/grids": {},
    "/v1/indicators": {},
}


@pytest.fixture(scope="module")
def asking(new_database: Callable[[str], str]) -> Iterator[dict[str, Get]]:
    url = new_database("town")
    with storing(url) as session:
        add_streets(session, OWNER)
    roles = {
        "viewer": role_in(Role.VIEWER, community("A")),
        "manager": role_in(Role.MANAGER, community("A")),
        "grid-worker": role_in(Role.GRID_WORKER, community("A")),
    }
    users = add_people(url, **roles)
    with served(url, rate_limit="1000000/minute") as client:

        def of(login: str) -> Get:
            headers = bearer(key_of(url, users[login]))
            return lambda path, **asked: client.get(path, params=asked, headers=headers)

        yield {login: of(login) for login in roles}


def counts_in(told: Any, at: str = "") -> Iterator[tuple[str, int]]:
    """Yield every count of people or homes of an answer, with where it stands."""
    if isinstance(told, dict):
        for name, value in told.items():
            here = f"{at}.{name}"
            named = any(name == one or name.endswith(f"_{one}") for one in PEOPLE)
            if named and isinstance(value, int) and not isinstance(value, bool):
                yield here, value
            else:
                yield from counts_in(value, here)
    elif isinstance(told, list):
        for number, value in enumerate(told):
            yield from counts_in(value, f"{at}[{number}]")


def small(counts: Iterator[tuple[str, int]]) -> list[tuple[str, int]]:
    return [(at, count) for at, count in counts if 0 < count < BELOW]


def given_away(answer: dict[str, Any]) -> list[tuple[Any, ...]]:
    """Return the small counts that an answer's sums come to: all less covered, ring by ring."""
    found = []
    for area in answer["areas"]:
        for count in PEOPLE:
            seen = [("all", area["counts"][count])]
            seen += [(str(one["threshold"]), one["covered"][count]) for one in area["within"]]
            known = [(name, value) for name, value in seen if value is not None]
            for (a, first), (b, second) in combinations(known, 2):
                if 0 < abs(first - second) < BELOW:
                    found.append((area["code"], count, a, b, first, second))
    return found


@pytest.mark.parametrize("login", ["viewer", "grid-worker"])
@pytest.mark.parametrize("path", TOLD)
def test_no_small_count_is_told_to_whom_they_are_withheld_from(
    asking: dict[str, Get], path: str, login: str
):
    times = {} if path in {"/v1/communities", "/v1/grids", "/v1/indicators"} else {"at": MOMENT}
    if path == "/v1/coverage/week":
        times = {}
    for service in SERVICES if "coverage" in path or "catch" in path else (None,):
        asked = {**TOLD[path], **times, **({"service": service} if service else {})}
        answer = asking[login](path, **asked)
        assert answer.status_code in {200, 404, 409, 422}, answer.text
        assert answer.status_code == 200 or path != "/v1/coverage"
        assert small(counts_in(answer.json())) == []


radii = st.lists(st.integers(20, 900), min_size=2, max_size=8, unique=True)


@given(metres=radii, service=st.sampled_from(SERVICES), per=st.sampled_from(["grid", "community"]))
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_nor_can_one_be_worked_out_of_sums(
    asking: dict[str, Get], metres: list[int], service: str | None, per: str
):
    asked = {"metres": ",".join(map(str, sorted(metres))), "per": per, "by": "straight_line"}
    if service is not None:
        asked["service"] = service
    told = asking["viewer"]("/v1/coverage", at=MOMENT, **asked)
    answer = told.raise_for_status().json()
    assert small(counts_in(answer["areas"])) == []
    assert given_away(answer) == []
    whole = asking["manager"]("/v1/coverage", at=MOMENT, **asked)
    shown = whole.raise_for_status().json()
    assert all(one["suppressed"] == [] for one in shown["areas"])
    assert [one["code"] for one in shown["areas"]] == [one["code"] for one in answer["areas"]]


def test_a_manager_sees_small_counts_of_own_areas_and_nothing_of_others(asking: dict[str, Get]):
    """Somewhere on the way out the house of two old people is the next to be reached."""
    seen: set[int] = set()
    for metres in ("20,40,60,80,100,120,140,160", "180,200,220,240,260,280,300,320"):
        asked = {"at": MOMENT, "metres": metres, "by": "straight_line"}
        answer = asking["manager"]("/v1/coverage", per="grid", **asked).raise_for_status().json()
        assert {one["community_code"] for one in answer["areas"]} == {CODE_OF["A"]}
        seen |= {count for *_, a, b in given_away(answer) for count in (abs(a - b),)}
    assert seen & set(range(1, BELOW))
    other = asking["manager"]("/v1/coverage", community=CODE_OF["B"])
    assert other.status_code == 404
