"""Every operation, asked by every role of a community: for what is its own, and for what is not.

The matrix is generated: operations from OpenAPI, what they ask for from ``DECLARED``, what roles
may from ``MATRIX``. One table says how each operation is asked; without a line there a test fails.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from api.security.declared import DECLARED, KNOWN, OPEN
from gis.access import MATRIX, Permission, Role
from tests.api.access_town import (
    ANY,
    BYTES,
    DAY,
    MATTER,
    MOMENT,
    OF_GRID,
    PERSON,
    SITING,
    STRANGER,
    World,
    job_of,
    request_in,
    state_of,
    world_of,
)
from tests.api.people import ADMIN, storing
from tests.api.serving import is_problem
from tests.api.test_openapi import OPERATIONS
from tests.people import PASSWORD, add_person, community, role_in
from tests.town import CODE_OF, lon_lat, tile_at

pytestmark = pytest.mark.api

Ids = Mapping[str, str]
#: A place in each community.
PLACES = {"A": lon_lat(1.5, 1.5), "B": lon_lat(5.5, 1.5)}


@dataclass(frozen=True)
class Sample:
    """How an operation is asked.

    Parameters
    ----------
    query, body
        Made of the ids of an area.
    sent
        Whatever else goes with the request.
    fresh
        Makes ids of one's own that the request uses up.
    """

    query: Callable[[Ids], dict[str, str]] | None = None
    body: Callable[[Ids], Any] | None = None
    sent: Mapping[str, Any] = field(default_factory=dict)
    fresh: Callable[[World, str], dict[str, str]] | None = None


def of_community(**more: str) -> Sample:
    return Sample(query=lambda ids: {"community": ids["code"], **more})


def at_place(**more: str) -> Sample:
    def query(ids: Ids) -> dict[str, str]:
        lon, lat = place_of(ids)
        return {"lon": str(lon), "lat": str(lat), **more}

    return Sample(query=query)


def place_of(ids: Ids) -> tuple[float, float]:
    return PLACES["A" if ids["code"] == CODE_OF["A"] else "B"]


def tile_of(ids: Ids) -> dict[str, int]:
    """Return the tile of a place of an area, by the names of a path's parameters."""
    tile = tile_at(*place_of(ids), 17)
    return {"z": tile.z, "x": tile.x, "y": tile.y}


def matter(ids: Ids) -> dict[str, Any]:
    lon, lat = place_of(ids)
    return {**MATTER, "lon": lon, "lat": lat}


def demand(ids: Ids) -> dict[str, Any]:
    return {name: value for name, value in matter(ids).items() if name != "category"}


def anew(**body: Any) -> Callable[[World, str], dict[str, str]]:
    """Return what makes a draft of A by its planner, to be used up."""
    made = {"scope_code": CODE_OF["A"], **body}

    def make(world: World, _: str) -> dict[str, str]:
        return {"plan_id": world.make(PERSON[Role.PLANNER], "/v1/plans", made)}

    return make


def own_job(world: World, login: str) -> dict[str, str]:
    return {"job_id": job_of(world, login, like=world.own["job_id"])}


def own_key(world: World, login: str) -> dict[str, str]:
    made = world.make(login, "/v1/keys", {"label": "to be revoked"})
    return {"key_id": made}


def somebody(world: World, _: str) -> dict[str, str]:
    """Open an account with a grant in A, for what is done to it."""
    login = f"short-lived-{len(world.users)}"
    with storing(world.url) as session:
        made = add_person(session, login, role_in(Role.VIEWER, community("A")))
    world.users[login] = made
    given = world.ask(ADMIN, "GET", f"/v1/users/{made}").json()["grants"]
    return {"user_id": made, "grant_id": str(given[0]["id"])}


NEW = "another four unrelated words"
READ = Sample()
COVERED = of_community(service="affairs", at=MOMENT, minutes="5")
#: Operation to how it is asked.
SAMPLES: dict[str, Sample] = {
    "healthz": READ,
    "readyz": READ,
    "front": READ,
    "docs": READ,
    "openapi": READ,
    "static": READ,
    "show_sign_in": READ,
    "sign_in_by_form": Sample(sent={"data": {"login": "nobody", "password": "x", "next": "/"}}),
    "sign_out": Sample(sent={"data": {}}),
    "coverage_map": Sample(query=lambda _: {"lang": "en"}),
    "walking_map": Sample(query=lambda _: {"lang": "en", "week": DAY}),
    "list_communities": Sample(query=lambda ids: {"code": ids["code"]}),
    "get_community": READ,
    "list_grids": of_community(),
    "get_grid": READ,
    "locate_point": at_place(near_m="1000", snap_m="1000"),
    "list_stations": of_community(),
    "get_station": READ,
    "find_nearest_stations": at_place(service="affairs", at=MOMENT, limit="50"),
    "update_station": Sample(body=lambda _: {"status": "open"}, sent={"headers": ANY}),
    "list_buildings": of_community(),
    "get_building": READ,
    "list_activities": Sample(query=lambda ids: {"station": ids["station_id"]}),
    "list_incidents": of_community(),
    "get_incident": READ,
    "create_incident": Sample(body=matter),
    "list_demands": of_community(),
    "get_demand": READ,
    "create_demand": Sample(body=demand),
    "match_descriptions": Sample(body=lambda _: {"texts": ["House 4,0", "House 0,0", "School"]}),
    "list_geocoding_requests": READ,
    "get_geocoding_request": READ,
    "resolve_geocoding_request": Sample(
        body=lambda _: {"candidate": 1},
        fresh=lambda world, _: {"key": request_in(world.url, "A")},
    ),
    "reject_geocoding_request": Sample(
        body=lambda _: {"reason": "elsewhere"},
        fresh=lambda world, _: {"key": request_in(world.url, "A")},
    ),
    "get_coverage": COVERED,
    "get_coverage_week": of_community(service="affairs", monday=DAY),
    "get_coverage_capacity": Sample(
        query=lambda _: {"service": "affairs", "at": MOMENT, "count": "households"}
    ),
    "get_coverage_accessibility": of_community(service="affairs", at=MOMENT, count="households"),
    "get_coverage_sensitivity": COVERED,
    "get_coverage_delivery": Sample(query=lambda _: {"service": "affairs", "at": MOMENT}),
    "get_isochrone": Sample(query=lambda ids: {"station": ids["station_id"], "minutes": "5"}),
    "list_catchments": Sample(query=lambda _: {"service": "affairs", "at": MOMENT}),
    "list_coverage_gaps": COVERED,
    "list_coverage_buildings": of_community(service="affairs", at=MOMENT),
    "get_coverage_path": Sample(
        query=lambda ids: {"building": ids["building_id"], "service": "affairs", "at": MOMENT}
    ),
    "get_tile": READ,
    "get_tileset": READ,
    "get_coverage_tile": Sample(query=lambda _: {"service": "affairs", "at": MOMENT}),
    "get_coverage_tileset": Sample(query=lambda _: {"service": "affairs", "at": MOMENT}),
    "start_coverage_run": Sample(body=lambda _: {"as_of": DAY}),
    "list_coverage_runs": READ,
    "list_indicators": of_community(),
    "list_indicator_evidence": Sample(
        query=lambda ids: {
            "indicator": "households_covered:any_500_m",
            "area_kind": "community",
            "area_id": ids["community_id"],
        }
    ),
    "start_siting": Sample(body=lambda ids: {**SITING, "community": ids["code"]}),
    "swap_siting": Sample(body=lambda _: {"rank": 1}, fresh=own_job),
    "get_siting": Sample(fresh=own_job),
    "export_siting_file": Sample(fresh=own_job),
    "adopt_siting": Sample(body=lambda _: {"opens_on": "2027-03-01"}, fresh=own_job),
    "list_plans": READ,
    "get_plan": READ,
    "evaluate_plan": READ,
    "compare_two_plans": Sample(query=lambda ids: {"before": ids["plan_id"]}),
    "create_plan": Sample(body=lambda ids: {"scope_code": ids["code"]}),
    "draw_plan": Sample(body=lambda _: {}, sent={"headers": ANY}, fresh=anew()),
    "rebalance_plan": Sample(body=lambda _: {}, sent={"headers": ANY}, fresh=anew()),
    "delete_plan": Sample(sent={"headers": ANY}, fresh=anew()),
    "list_audits": READ,
    "get_audit": READ,
    "list_findings": READ,
    "create_audit": Sample(body=lambda ids: {"plan_id": ids["plan_id"]}),
    "receive_upload": Sample(
        query=lambda _: {"filename": "houses.csv"}, sent={"content": b"name", "headers": BYTES}
    ),
    "remove_upload": READ,
    "start_import": Sample(body=lambda ids: {"upload_id": ids["upload_id"], "layer": "pois"}),
    "undo_import": READ,
    "list_imports": READ,
    "download_export": of_community(layers="communities,grids,stations", format="csv"),
    "export_coverage_file": of_community(
        layers="coverage_gaps", service="affairs", at=MOMENT, format="xlsx"
    ),
    "list_jobs": READ,
    "get_job": Sample(fresh=own_job),
    "get_job_log": Sample(fresh=own_job),
    "get_job_rejects": Sample(fresh=own_job),
    "cancel_job": Sample(fresh=lambda world, login: {"job_id": job_of(world, login)}),
    "create_token": Sample(body=lambda _: {"login": "nobody", "password": "nothing"}),
    "get_me": READ,
    "end_sessions": READ,
    "change_own_password": Sample(body=lambda _: {"old": PASSWORD, "new": "short"}),
    "list_keys": READ,
    "create_key": Sample(body=lambda _: {"label": "program"}),
    "revoke_key": Sample(fresh=own_key),
    "list_roles": READ,
    "list_users": READ,
    "get_user": READ,
    "create_user": Sample(body=lambda _: {"login": "a"}),
    "disable_user": Sample(fresh=somebody),
    "enable_user": Sample(fresh=somebody),
    "set_user_password": Sample(body=lambda _: {"password": NEW}, fresh=somebody),
    "create_grant": Sample(
        body=lambda ids: {
            "role": "viewer",
            "area_kind": "community",
            "area_code": ids["code"],
        },
        fresh=somebody,
    ),
    "revoke_grant": Sample(fresh=somebody),
    "list_audit_log": READ,
}
#: What concerns the installation and no area: for nobody who is bound to one.
OF_THE_INSTALLATION = frozenset(
    {
        "receive_upload",
        "remove_upload",
        "start_import",
        "undo_import",
        "list_imports",
        "list_audit_log",
    }
)
#: A walk may end at a station of the neighbours: which one is public.
ENDS_AT_STATIONS = frozenset(
    {
        "find_nearest_stations",
        "get_coverage_path",
        "list_coverage_buildings",
        "list_catchments",
        "list_incidents",
        "get_incident",
        "create_incident",
        "list_demands",
        "get_demand",
        "create_demand",
        "get_coverage_accessibility",
        "get_coverage_capacity",
        "get_coverage_delivery",
        "export_coverage_file",
        "get_isochrone",
        "coverage_map",
        "walking_map",
        "get_coverage_tile",
    }
)
#: Their paths name a place: where nothing of one's own lies a tile is empty.
OF_TILES = frozenset({"get_tile", "get_tileset", "get_coverage_tile", "get_coverage_tileset"})
#: They tell of the API alone, with the codes of the town in their examples.
OF_NO_DATA = frozenset({"openapi", "docs"})
#: What may be lacking of a thing that is one's own.
MAY_LACK = frozenset({"get_job_rejects"})
#: They take nothing that says an area; of a siting the worker finds out (test_access_holes.py).
TRIED_LATER = frozenset(
    {"change_own_password", "create_key", "create_user", "start_coverage_run", "start_siting"}
)
PATHS = {operation["operationId"]: (method.upper(), path) for method, path, operation in OPERATIONS}
PATHS |= {
    "front": ("GET", "/"),
    "docs": ("GET", "/docs"),
    "openapi": ("GET", "/openapi.json"),
    "static": ("GET", "/static/site.css"),
    "show_sign_in": ("GET", "/login"),
    "sign_in_by_form": ("POST", "/login"),
    "sign_out": ("POST", "/logout"),
}
GUARDED = sorted(name for name, asked in DECLARED.items() if asked is not OPEN)
#: Operations whose path names something that may be another's.
ABOUT_A_ROW = sorted(
    name for name in GUARDED if "{" in PATHS[name][1] and name not in OF_THE_INSTALLATION | OF_TILES
)
#: Operations that take an area or something of one otherwise.
ABOUT_AN_AREA = sorted(
    name
    for name in GUARDED
    if name not in ABOUT_A_ROW
    and name not in OF_THE_INSTALLATION
    and (SAMPLES[name].query or SAMPLES[name].body or name in OF_TILES)
    and isinstance(DECLARED[name], Permission)
)
#: The others differ from these in the table of roles alone; they are asked in the long run.
QUICK = {PERSON[Role.PLANNER], PERSON[Role.VIEWER], STRANGER}
PEOPLE = [*PERSON.values(), OF_GRID, STRANGER]
EVERYBODY = [
    login if login in QUICK else pytest.param(login, marks=pytest.mark.slow) for login in PEOPLE
]
ROLE_OF = {login: role for role, login in PERSON.items()} | {OF_GRID: Role.GRID_WORKER}


@pytest.fixture(scope="module")
def world(
    new_database: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    with world_of(new_database("town"), tmp_path_factory.mktemp("home")) as made:
        yield made


@pytest.fixture(scope="module")
def before(world: World) -> Mapping[str, str]:
    return state_of(world)


def ask(world: World, login: str | None, operation: str, ids: Ids) -> tuple[httpx.Response, str]:
    """Ask an operation, and return what came of it and all that was sent."""
    sample = SAMPLES[operation]
    method, path = PATHS[operation]
    path = path.replace("{layer}", "grids" if operation in OF_TILES else "pois")
    for name, value in tile_of(ids).items():
        path = path.replace(f"{{{name}}}", str(value))
    for name, value in ids.items():
        path = path.replace(f"{{{name}}}", value)
    sent: dict[str, Any] = dict(sample.sent)
    if sample.query is not None:
        sent["params"] = sample.query(ids)
    if sample.body is not None:
        sent["json"] = sample.body(ids)
    answer = world.ask(login, method, path, **sent)
    return answer, f"{path} {json.dumps(sent.get('params'))} {json.dumps(sent.get('json'))}"


def may(login: str, operation: str) -> bool:
    """Return whether somebody of A has what an operation asks for."""
    asked = DECLARED[operation]
    if asked is KNOWN:
        return True
    if login == STRANGER or operation in OF_THE_INSTALLATION:
        return False
    return asked in MATRIX[ROLE_OF[login]]


def test_every_operation_has_a_sample():
    assert set(SAMPLES) == set(DECLARED)
    assert set(PATHS) == set(DECLARED)


@pytest.mark.parametrize("operation", GUARDED)
def test_without_a_credential_nothing_is_answered(world: World, operation: str):
    answer, _ = ask(world, None, operation, world.own)
    is_problem(answer, 401)


@pytest.mark.parametrize("login", EVERYBODY)
@pytest.mark.parametrize("operation", GUARDED)
def test_what_is_ones_own_is_answered_to_the_roles_that_may(
    world: World, before: Mapping[str, str], operation: str, login: str
):
    allowed = may(login, operation)
    fresh = SAMPLES[operation].fresh
    ids = {**world.own, **(fresh(world, login) if fresh and allowed else {})}
    answer, sent = ask(world, login, operation, ids)
    if not allowed:
        is_problem(answer, 403)
        return
    assert before
    assert answer.status_code in answers_of(login, operation), answer.text
    if operation not in OF_NO_DATA:
        assert not world.seen(answer, sent, stations=operation in ENDS_AT_STATIONS)


def answers_of(login: str, operation: str) -> set[int]:
    """Return what may come of what is allowed: it is done, or the rules of the field refuse it."""
    done = {200, 201, 202, 204, 303, 409, 422}
    if login == OF_GRID or operation in MAY_LACK:  # rows of A that lie in its other grids
        return done | {404}
    if login == PERSON[Role.DEPARTMENT] and DECLARED[operation] is Permission.MATTERS_READ:
        return done | {404}  # no matter says yet which department's it is
    return done


@pytest.mark.parametrize("login", EVERYBODY)
@pytest.mark.parametrize("operation", ABOUT_A_ROW)
def test_what_is_anothers_does_not_exist(
    world: World, before: Mapping[str, str], operation: str, login: str
):
    answer, sent = ask(world, login, operation, world.other)
    is_problem(answer, 404 if may(login, operation) else 403)
    assert not world.seen(answer, sent)
    assert before


@pytest.mark.parametrize("login", EVERYBODY)
@pytest.mark.parametrize("operation", ABOUT_AN_AREA)
def test_asked_about_another_area_nothing_of_it_is_told_or_changed(
    world: World, before: Mapping[str, str], operation: str, login: str
):
    answer, sent = ask(world, login, operation, world.other)
    assert answer.status_code not in {401, 500, 502, 503}, answer.text
    if not may(login, operation):
        is_problem(answer, 403)
    elif not DECLARED[operation].value.endswith((".read", ".make")):
        done = {403, 404, 422} | ({200, 201, 202} if operation in TRIED_LATER else set())
        assert answer.status_code in done, answer.text
    assert not world.seen(answer, sent, stations=operation in ENDS_AT_STATIONS)
    assert before


def test_all_of_that_has_changed_nothing_of_others(world: World, before: Mapping[str, str]):
    assert state_of(world) == before
