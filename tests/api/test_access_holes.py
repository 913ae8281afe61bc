"""A planner of community A tries to get at what is B's, in the ways that people try."""

import socket
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from api.security.declared import DECLARED, OPEN
from gis.access import Permission, Role
from gis.layers.registry import LAYER_BY_NAME
from tests.api.access_town import (
    ANY,
    DAY,
    MOMENT,
    OTHER,
    PERSON,
    SITING,
    WORKS,
    World,
    state_of,
    world_of,
)
from tests.api.people import ADMIN, bearer, key_of
from tests.api.serving import is_problem
from tests.api.test_openapi import OPERATIONS
from tests.town import CODE_OF, key
from tests.working import work_once

pytestmark = pytest.mark.api

PLANNER, VIEWER = PERSON[Role.PLANNER], PERSON[Role.VIEWER]
TOWN = "117.29,31.87,117.32,31.89"
FEATURES = ("communities", "grids", "buildings", "stations", "incidents", "demands")
PLAN_OF_ALL = key("plans", "plan")


@pytest.fixture(scope="module")
def world(
    new_database: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    with world_of(new_database("town"), tmp_path_factory.mktemp("home")) as made:
        yield made


def get(world: World, path: str, who: str | None = PLANNER, **query: str) -> httpx.Response:
    return world.ask(who, "GET", path, params=query)


@pytest.mark.parametrize("layer", FEATURES)
def test_a_box_around_the_town_holds_ones_own_alone(world: World, layer: str):
    answer = get(world, f"/v1/{layer}", bbox=TOWN, limit="1000")
    assert answer.json()["features"]
    stations = layer in {"incidents", "demands"}  # the nearest that served
    assert not world.seen(answer, stations=stations)


@pytest.mark.parametrize("layer", FEATURES)
def test_the_next_page_of_somebody_else_goes_on_in_ones_own(world: World, layer: str):
    theirs = get(world, f"/v1/{layer}", OTHER, limit="1").json()
    nexts = [link["href"] for link in theirs["links"] if link["rel"] == "next"]
    for href in nexts:
        sent = httpx.URL(href).params["cursor"]
        answer = get(world, f"/v1/{layer}", cursor=sent, limit="1000")
        assert answer.status_code in {200, 422}
        assert not world.seen(answer, href, stations=layer in {"incidents", "demands"})


@pytest.mark.parametrize("layer", sorted(LAYER_BY_NAME))
def test_no_layer_is_exported_with_rows_of_others(world: World, layer: str):
    answer = get(world, "/v1/exports", layers=layer, format="csv", bbox=TOWN, suppress="1")
    assert answer.status_code in {200, 403, 404, 409, 422}, answer.text
    assert not world.seen(answer, stations=layer in {"incidents", "demands"})


@pytest.mark.parametrize("plan", ["Draft of B", "id", "plan", "old"])
def test_no_plan_of_others_is_exported_by_name_or_id(world: World, plan: str):
    named = world.other["plan_id"] if plan == "id" else plan
    answer = get(world, "/v1/exports", layers="grids", format="csv", plan=named)
    assert not world.seen(answer, named)
    assert answer.status_code == 404 or plan in {"plan", "old"}


def test_a_plan_of_others_is_compared_with_nothing_from_either_side(world: World):
    own, other = world.own["plan_id"], world.other["plan_id"]
    is_problem(get(world, f"/v1/plans/{own}/comparison", before=other), 404)
    turned = get(world, f"/v1/plans/{other}/comparison", before=own)
    assert turned.status_code in {404, 409}  # one's own is looked at first, and has no grids
    assert not world.seen(turned, other)


@pytest.mark.parametrize("path", ["", "/measures", "/comparison"])
def test_a_plan_of_all_tells_of_ones_own_at_most(world: World, path: str):
    place = f"/v1/plans/{PLAN_OF_ALL}{path}"
    answer = get(world, place, **({"before": key("plans", "old")} if path else {}))
    assert not world.seen(answer)
    assert answer.status_code in {200, 400, 404, 409}


@pytest.mark.parametrize("method", ["DELETE", "POST"])
def test_a_plan_of_all_is_changed_by_nobody_of_one_community(world: World, method: str):
    before = get(world, f"/v1/plans/{PLAN_OF_ALL}", ADMIN).json()
    path = f"/v1/plans/{PLAN_OF_ALL}{'/draw' if method == 'POST' else ''}"
    answer = world.ask(PLANNER, method, path, headers=ANY, json={} if method == "POST" else None)
    assert answer.status_code in {403, 404, 409}
    assert get(world, f"/v1/plans/{PLAN_OF_ALL}", ADMIN).json() == before


def test_a_siting_for_another_community_finds_nothing(world: World):
    begun = world.ask(PLANNER, "POST", "/v1/siting", json={**SITING, "community": CODE_OF["B"]})
    assert begun.status_code in {202, 404}
    if begun.status_code == 202:
        work_once(world.settings, WORKS)
        answer = get(world, begun.headers["Location"])
        assert answer.json()["status"] == "failed"
        assert not world.seen(answer, CODE_OF["B"])


def test_a_siting_of_all_stays_at_home(world: World):
    told = get(world, f"/v1/siting/{world.own['job_id']}", format="geojson")
    assert told.json()["features"]
    assert not world.seen(told, stations=True)
    is_problem(
        world.ask(PLANNER, "POST", f"/v1/siting/{world.other['job_id']}/swap", json={"rank": 1}),
        404,
    )


def test_an_audit_of_all_shows_no_findings_to_somebody_of_one_community(world: World):
    made = world.make(ADMIN, "/v1/audits", {})
    for path in (f"/v1/audits/{made}", f"/v1/audits/{made}/findings", "/v1/audits"):
        answer = get(world, path)
        assert not world.seen(answer)
    is_problem(get(world, f"/v1/audits/{made}"), 404)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["coverage", "walking"])
def test_a_page_that_was_drawn_for_somebody_else_is_not_kept_for_me(world: World, kind: str):
    path, asked = f"/maps/{kind}", {"lang": "en"}
    theirs = get(world, path, ADMIN, **asked)
    assert theirs.status_code == 200
    tag = {"If-None-Match": theirs.headers["etag"]}
    for who in (PLANNER, PERSON[Role.DISPATCHER], OTHER):
        mine = world.ask(who, "GET", path, params=asked, headers=tag)
        assert mine.status_code == 200, "another's tag counts as mine"
        assert mine.headers["etag"] != theirs.headers["etag"]
        assert mine.headers["cache-control"].startswith("private")
    is_problem(world.ask(VIEWER, "GET", path, params=asked, headers=tag), 403)
    again = world.ask(ADMIN, "GET", path, params=asked, headers=tag)
    assert again.status_code == 304
    assert "Community B" not in get(world, path, **asked).text


def test_the_whole_is_not_told_beside_ones_part(world: World):
    """All less one's own would be the others'."""
    for path, asked in {
        "/v1/coverage": {"per": "subdistrict", "at": MOMENT, "minutes": "5"},
        "/v1/indicators": {"area_kind": "subdistrict", "as_of": DAY},
    }.items():
        mine = get(world, path, **asked)
        whole = get(world, path, ADMIN, **asked)
        assert whole.status_code == 200, whole.text
        assert mine.status_code in {200, 403, 404}
        if path == "/v1/indicators" and mine.status_code == 200:
            assert mine.json()["indicators"] == []
        elif mine.status_code == 200:
            assert mine.json() != whole.json()


def test_two_values_of_one_parameter_do_not_pass_by_the_check(world: World):
    for codes in ("AB", "BA"):
        query = "&".join(f"community={CODE_OF[one]}" for one in codes)
        answer = world.ask(PLANNER, "GET", f"/v1/buildings?{query}")
        assert not world.seen(answer, query)


def test_a_key_does_no_more_than_its_holder_may(world: World):
    user = world.users[VIEWER]
    secret = key_of(world.url, user, *Permission)
    answer = world.client.get("/v1/buildings", headers=bearer(secret))
    is_problem(answer, 403)
    narrow = key_of(world.url, world.users[PLANNER], Permission.JOBS_READ)
    is_problem(world.client.get("/v1/buildings", headers=bearer(narrow)), 403)
    assert world.client.get("/v1/jobs", headers=bearer(narrow)).status_code == 200


def test_files_that_others_have_sent_are_nobody_s_of_one_community(world: World):
    sent = world.own["upload_id"]
    for order in (
        {"upload_id": sent, "layer": "pois"},
        {"upload_id": sent, "what": "file", "mapping_upload_id": sent},
    ):
        is_problem(world.ask(PLANNER, "POST", "/v1/imports", json=order), 403)
    is_problem(world.ask(PLANNER, "DELETE", f"/v1/uploads/{sent}"), 403)


@pytest.mark.parametrize(
    "header", ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override", "_method"]
)
def test_no_header_turns_one_method_into_another(world: World, header: str):
    place = f"/v1/plans/{world.own['plan_id']}"
    answer = world.ask(PLANNER, "GET", place, headers={header: "DELETE", **ANY})
    assert answer.status_code == 200
    assert world.ask(PLANNER, "POST", place, headers={header: "DELETE", **ANY}).status_code == 405
    assert get(world, place).status_code == 200


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "TRACE", "PROPFIND"])
def test_other_methods_tell_nothing(world: World, method: str):
    for verb, path, operation in OPERATIONS:
        if verb != "get" or DECLARED[operation["operationId"]] is OPEN or "{" in path:
            continue
        answer = world.client.request(method, path)
        assert answer.status_code in {401, 404, 405}, path
        assert "etag" not in answer.headers


@pytest.mark.parametrize(
    "path",
    [
        "//v1/buildings",
        "/v1//buildings",
        "/v1/buildings/",
        "/V1/buildings",
        "/v1/%62uildings",
        "/v1/./buildings",
        "/v1/%2e/buildings",
        "/v1/x/%2e%2e/buildings",
        "/healthz/../v1/buildings",
        "/healthz/%2e%2e/v1/buildings",
        "/static/..%2f..%2fapp.py",
        "/static/%2e%2e/%2e%2e/app.py",
        "/static//etc/passwd",
        "/static/....//....//app.py",
        "/login;/v1/buildings",
        "/login%3b/../v1/buildings",
        "/v1/buildings%00",
        "/v1/buildings%0d%0aX:%20y",
        "/v1/tiles/grids/14/13500/6700.mvt",
    ],
)
def test_no_way_of_writing_a_path_passes_by_the_gate(world: World, path: str):
    answer = raw(world, f"GET {path} HTTP/1.1")
    assert answer.partition(b" ")[2][:3] in {b"301", b"307", b"308", b"400", b"401", b"404"}, answer
    assert b"FeatureCollection" not in answer
    assert b"create_app" not in answer
    assert b"root:" not in answer


@pytest.mark.parametrize("path", ["/v1/buildings", "http://elsewhere/v1/buildings"])
def test_a_whole_address_as_a_path_asks_who_it_is(world: World, path: str):
    answer = raw(
        world, f"GET {path} HTTP/1.1", "X-Original-URL: /healthz", "X-Rewrite-URL: /healthz"
    )
    assert answer.partition(b" ")[2][:3] in {b"400", b"401", b"404"}


@pytest.mark.parametrize(
    "told",
    ["a\r\nSet-Cookie: wangge_session=x", "a\nX-Evil: 1", "x" * 9_000, "\x00", "<script>", "é"],
)
def test_ids_of_requests_cannot_write_headers_or_lines_of_the_log(world: World, told: str):
    answer = raw(world, "GET /v1/buildings HTTP/1.1", f"X-Request-ID: {told}")
    head = answer.partition(b"\r\n\r\n")[0].lower()
    assert head.partition(b" ")[2][:3] in {b"400", b"401", b"431"}
    assert b"set-cookie" not in head
    assert b"\nx-evil" not in head
    assert b"<script>" not in answer
    assert len(head) < 3_000


@pytest.mark.parametrize(
    "header",
    [
        "Authorization: Bearer " + "a" * 60_000,
        "Authorization: Bearer wg_" + "a" * 3_000,
        "Authorization: Bearer",
        "Authorization: Basic YTpi",
        "Authorization: Bearer a b",
        "Authorization: Bearer null",
        "Cookie: wangge_session=" + "a" * 60_000,
        "Cookie: wangge_session=%00; wangge_session=",
        "X-Filler: " + "a" * 200_000,
    ],
    ids=lambda header: header[:30],
)
def test_headers_of_any_size_and_kind_open_nothing(world: World, header: str):
    answer = raw(world, "GET /v1/buildings HTTP/1.1", header)
    assert answer.partition(b" ")[2][:3] in {b"400", b"401", b"431", b""}, answer[:200]


@pytest.mark.parametrize("name", ["X-Forwarded-For", "Forwarded", "X-Real-IP", "Host"])
def test_saying_to_be_at_home_is_not_believed(world: World, name: str):
    answer = raw(world, "GET /v1/buildings HTTP/1.1", f"{name}: 127.0.0.1")
    assert answer.partition(b" ")[2][:3] in {b"400", b"401"}


def test_what_does_not_exist_and_what_is_anothers_look_the_same(world: World):
    """But for the id that was asked for."""
    nobody = "00000000-0000-4000-8000-000000000000"
    for path in ("buildings", "grids", "communities", "stations", "incidents", "jobs", "plans"):
        name = f"{path[:-1] if path != 'communities' else 'community'}_id"
        theirs = world.other[name]
        told = [plainly(get(world, f"/v1/{path}/{one}"), one) for one in (theirs, nobody)]
        assert told[0] == told[1]


def test_nothing_of_others_was_changed_on_the_way(world: World):
    before = state_of(world)
    for path in (f"/v1/stations/{world.other['station_id']}",):
        is_problem(world.ask(PLANNER, "PATCH", path, json={"status": "closed"}, headers=ANY), 404)
    assert state_of(world) == before


def plainly(answer: httpx.Response, asked: str) -> tuple[int, dict[str, Any]]:
    """Return an answer without what differs from request to request."""
    body = answer.json()
    body.pop("request_id")
    return answer.status_code, {
        name: str(value).replace(asked, "ID") for name, value in body.items()
    }


def raw(world: World, line: str, *headers: str) -> bytes:
    """Send a request as it is written here, and return the answer."""
    base = world.client.base_url
    lines = [line, f"Host: {base.host}:{base.port}", *headers, "Connection: close", "", ""]
    with socket.create_connection((base.host, base.port or 80), timeout=60) as peer:
        try:
            peer.sendall("\r\n".join(lines).encode("utf-8"))
        except ConnectionError:
            return b""
        found = b""
        while len(found) < 1 << 20:
            try:
                part = peer.recv(1 << 16)
            except ConnectionError:
                break
            if not part:
                break
            found += part
    return found
