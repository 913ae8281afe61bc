"""Small counts of people: withheld from viewers, told to managers, and not to be worked out."""

import base64
import json
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import combinations
from typing import Any

import httpx
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.access import Role
from gis.coverage.shares import PEOPLE
from gis.frames.small_counts import SENSITIVE
from gis.frames.telling import base_of
from gis.settings import Settings
from tests.api.people import add_people, bearer, key_of, served, storing
from tests.people import OWNER, community, role_in
from tests.streets import add_streets
from tests.town import CODE_OF, grid_id, key

pytestmark = pytest.mark.api

BELOW = Settings().suppress_below
BASE = base_of(BELOW)
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


#: Operations whose answers are worked out from each house: people are not told of in them.
WORKED_OUT = ("/v1/coverage/accessibility", "/v1/coverage/capacity")
#: Those that tell who is within reach, at the usual limits.
WITHIN_REACH: dict[str, dict[str, str]] = {
    "/v1/coverage": {"per": "community"},
    "/v1/coverage/sensitivity": {},
    "/v1/coverage/week": {"monday": "2026-06-01"},
    "/v1/coverage/delivery": {"service": "canteen"},
    "/v1/coverage/gaps": {"metres": "300"},
    "/v1/catchments": {"minutes": "10"},
}


def few_are_poor(session: Session) -> None:
    """Two poor households in one grid of A, nine in two houses of the other."""
    home = {"home": key("communities", "A")}
    none = "UPDATE buildings SET low_income_households = 0 WHERE community_id = :home"
    session.execute(text(none), home)
    for grid, counts in (("a", (2,)), ("b", (5, 4))):
        houses = text(
            "SELECT building_id FROM building_grids m JOIN buildings b ON b.id = m.building_id "
            "WHERE m.grid_id = :grid ORDER BY b.households DESC, b.id LIMIT :many"
        )
        asked = {"grid": grid_id("plan", grid), "many": len(counts)}
        for house, count in zip(session.execute(houses, asked).scalars(), counts, strict=True):
            one = text("UPDATE buildings SET low_income_households = :count WHERE id = :house")
            session.execute(one, {"count": count, "house": house})


@pytest.fixture(scope="module")
def asking(new_database: Callable[[str], str]) -> Iterator[dict[str, Get]]:
    url = new_database("town")
    with storing(url) as session:
        add_streets(session, OWNER)
        few_are_poor(session)
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
        for count in SENSITIVE:
            seen = [("all", area["counts"][count])]
            seen += [(str(one["threshold"]), one["covered"][count]) for one in area["within"]]
            known = [(name, value) for name, value in seen if value is not None]
            for (a, first), (b, second) in combinations(known, 2):
                if 0 < abs(first - second) < BELOW:
                    found.append((area["code"], count, a, b, first, second))
    return found


@pytest.mark.slow
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
        refused = 403 if path in WORKED_OUT else 422
        assert answer.status_code in {200, 404, 409, 422, refused}, answer.text
        assert answer.status_code == 200 or path != "/v1/coverage"
        assert small(counts_in(answer.json())) == []


radii = st.lists(st.integers(20, 900), min_size=2, max_size=8, unique=True)


@pytest.mark.slow
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


@pytest.mark.parametrize("path", WITHIN_REACH)
def test_people_within_reach_are_told_rounded_to_who_sees_no_small_counts(
    asking: dict[str, Get], path: str
):
    asked = WITHIN_REACH[path] | ({} if "week" in path else {"at": MOMENT})
    told = asking["viewer"](path, **asked).raise_for_status().json()
    assert told["rounded_to"] == BASE
    people = [(at, n) for at, n in counts_in(told) if at.rsplit(".", 1)[1] in SENSITIVE]
    assert all(count % BASE == 0 for _, count in people), people
    assert "sensitivity" in path or any(count > 0 for _, count in people)
    whole = asking["manager"](path, **asked).raise_for_status().json()
    assert whole["rounded_to"] is None
    homes = [n for at, n in counts_in(whole) if at.endswith(".households")]
    assert homes == [n for at, n in counts_in(told) if at.endswith(".households")]
    true = dict(counts_in(whole))
    assert all(abs(true[at] - count) < 1.5 * BASE for at, count in people)


@pytest.mark.parametrize("path", WITHIN_REACH)
def test_who_is_shown_houses_is_told_of_homes_alone(asking: dict[str, Get], path: str):
    asked = WITHIN_REACH[path] | ({} if "week" in path else {"at": MOMENT})
    told = asking["grid-worker"](path, **asked).raise_for_status().json()
    assert told["rounded_to"] is None
    names = [at.rsplit(".", 1)[1] for at, _ in counts_in(told)]
    assert set(names) <= {"households", "stations_offering"}
    assert "sensitivity" in path or names


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        ("/v1/coverage", {"metres": "300,501"}),
        ("/v1/coverage", {"minutes": "7"}),
        ("/v1/coverage/sensitivity", {"metres": "499"}),
        ("/v1/coverage/week", {"threshold": "499", "monday": "2026-06-01"}),
        ("/v1/coverage/delivery", {"service": "canteen", "limit_min": "14"}),
        ("/v1/coverage/gaps", {"metres": "499"}),
        ("/v1/catchments", {"minutes": "10", "speed_m_s": "1.21"}),
    ],
)
def test_at_other_limits_a_viewer_is_told_of_homes_alone(
    asking: dict[str, Get], path: str, asked: dict[str, str]
):
    told = asking["viewer"](path, **asked).raise_for_status().json()
    assert {at.rsplit(".", 1)[1] for at, _ in counts_in(told)} <= {"households"}


@pytest.mark.parametrize("path", WORKED_OUT)
def test_what_is_worked_out_from_houses_is_told_of_homes(asking: dict[str, Get], path: str):
    for login in ("viewer", "grid-worker"):
        asked = {"service": "canteen", "at": MOMENT}
        assert asking[login](path, **asked).status_code == 403
        assert asking[login](path, count="households", **asked).status_code == 200
    assert asking["manager"](path, service="canteen", at=MOMENT).status_code == 200


@pytest.mark.parametrize("login", ["manager", "grid-worker"])
@pytest.mark.parametrize("day", ["1990-01-01", "2099-01-01"])
def test_what_is_withheld_of_a_house_does_not_hang_on_the_day_that_is_asked_about(
    asking: dict[str, Get], login: str, day: str
):
    rows = rows_of(asking[login], "/v1/buildings")
    assert any(row["suppressed"] for row in rows)
    for row in rows:
        told = asking[login](f"/v1/buildings/{row['id']}", at=day).raise_for_status().json()
        assert told["properties"]["suppressed"] == row["suppressed"]


def rows_of(get: Get, path: str, **asked: str) -> list[dict[str, Any]]:
    """Return the properties of every row of a list, with its key."""
    told = get(path, limit=500, **asked).raise_for_status().json()
    assert len(told["features"]) == told["numberReturned"] < 500
    return [{"id": one["id"], **one["properties"]} for one in told["features"]]


def alone(rows: list[dict[str, Any]], group: Callable[[dict[str, Any]], Any]) -> list[Any]:
    """Return the groups of which a single count is withheld: the sum less the others."""
    hidden = Counter((group(row), name) for row in rows for name in row["suppressed"])
    return [one for one, number in hidden.items() if number == 1]


def test_the_grids_of_a_community_do_not_add_up_to_one_that_is_withheld(asking: dict[str, Get]):
    rows = rows_of(asking["viewer"], "/v1/grids")
    poor = {row["code"]: row["low_income_households"] for row in rows}
    assert poor == {f"{CODE_OF['A']}001": None, f"{CODE_OF['A']}002": None}
    assert alone(rows, lambda row: row["community_id"]) == []
    for row in rows:  # one by one they are as in the list
        told = asking["viewer"](f"/v1/grids/{row['id']}").json()["properties"]
        assert told["suppressed"] == row["suppressed"]
        assert all(told[name] is None for name in row["suppressed"])
    assert not any(row["suppressed"] for row in rows_of(asking["manager"], "/v1/grids"))


@pytest.mark.slow
@pytest.mark.parametrize("login", ["manager", "grid-worker"])
def test_the_buildings_of_a_grid_do_not_add_up_to_one_that_is_withheld(
    asking: dict[str, Get], login: str
):
    grid_of: dict[str, str] = {}
    for grid in rows_of(asking[login], "/v1/grids"):
        own = rows_of(asking[login], "/v1/buildings", grid=grid["code"])
        grid_of |= {one["id"]: grid["code"] for one in own}
    rows = rows_of(asking[login], "/v1/buildings")
    if login == "grid-worker":  # the grid's nine are withheld, so its houses do not tell them
        poor = [row["low_income_households"] for row in rows if grid_of[row["id"]].endswith("002")]
        assert 5 in poor
        assert 4 not in poor
        assert None in poor
    assert set(grid_of) == {row["id"] for row in rows}
    assert any(row["suppressed"] for row in rows)
    grids = {grid["code"]: grid for grid in rows_of(asking[login], "/v1/grids")}
    for code, name in alone(rows, lambda row: grid_of[row["id"]]):
        total = grids[code][name]  # None: it is withheld as well
        shown = sum(row[name] or 0 for row in rows if grid_of[row["id"]] == code)
        assert total is None or total - shown >= BELOW
    listed = rows_of(
        asking[login], "/v1/coverage/buildings", at=MOMENT, by="straight_line", geometry="none"
    )
    assert {row["id"]: row["suppressed"] for row in listed} == {
        row["id"]: row["suppressed"] for row in rows
    }
    for row in rows:
        told = asking[login](f"/v1/buildings/{row['id']}").json()["properties"]
        assert told["suppressed"] == row["suppressed"]


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


@pytest.mark.slow
def test_maps_of_who_sees_houses_tell_of_homes_alone(asking: dict[str, Get]):
    """Beside each house the map would tell the rest of a set by subtraction."""
    told = {}
    for login in ("grid-worker", "manager"):
        page = asking[login]("/maps/coverage", lang="en").raise_for_status().text
        data = json.loads(page.split('id="wangge-data">')[1].split("</script>")[0])
        asked = data["choices"]
        shape = (len(asked["scenarios"]), len(asked["thresholds"]), 4, -1)
        for name, area in data["uncovered"].items():
            counts = np.frombuffer(base64.b64decode(area["counts"]), dtype="<i4").reshape(shape)
            told[login, name] = counts
    for (login, name), counts in told.items():
        assert (counts[:, :, 0] >= 0).all()
        if login == "manager":
            assert (counts[:, :, 1:] >= 0).any()
            assert (counts[:, :, 0] == told["grid-worker", name][:, :, 0]).all()
        else:
            assert (counts[:, :, 1:] == -1).all()
