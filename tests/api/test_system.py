"""The server says whether it is well, who asked what, and answers every error in one form."""

import re
from collections.abc import Callable, MutableMapping
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from api.middleware import MAX_BODY_BYTES
from gis.database import migrate
from gis.database.processes import wait_until
from gis.settings import Settings
from tests.api.serving import is_problem, serving

pytestmark = pytest.mark.api


def test_a_healthy_server_says_so(client: httpx.Client):
    assert client.get("/healthz").json()["status"] == "ok"
    ready = client.get("/readyz")
    assert ready.status_code == 200
    assert ready.json() == {
        "status": "ready",
        "database": "answers",
        "migrations": migrate.head(),
    }


def test_without_a_database_the_process_is_up_but_not_ready():
    nowhere = "postgresql://nobody@127.0.0.1:1/nothing"
    with serving(Settings(database_url=nowhere)) as client:
        assert client.get("/healthz").status_code == 200
        body = is_problem(client.get("/readyz"), 503)
        assert "wangge db status" in body["remedy"]
        answer = client.get("/v1/grids")
        is_problem(answer, 502)
        assert "psycopg2" not in answer.text
        assert "SELECT" not in answer.text
        is_problem(client.get("/"), 502)


def test_an_old_schema_is_not_ready(new_database: Callable[[str], str]):
    url = new_database("empty")
    migrate.downgrade(url, "0001")
    with serving(Settings(database_url=url)) as client:
        body = is_problem(client.get("/readyz"), 503)
    assert "0001" in body["detail"]
    assert "wangge db migrate" in body["remedy"]


def test_a_request_id_is_taken_over_or_made(client: httpx.Client):
    given = client.get("/healthz", headers={"X-Request-ID": "desk-7.42"})
    assert given.headers["x-request-id"] == "desk-7.42"
    for bad in ("a b", "x" * 65, "<script>"):
        made = client.get("/healthz", headers={"X-Request-ID": bad}).headers["x-request-id"]
        assert re.fullmatch(r"[0-9a-f]{32}", made)


def test_the_log_has_one_line_per_request_and_no_query(client: httpx.Client):
    with capture_logs() as lines:

        def requests() -> list[MutableMapping[str, Any]]:
            # That of the request before, of another test, may be written only now.
            told = [line for line in lines if line["event"] == "request"]
            return [line for line in told if line["path"] != "/healthz"]

        client.get("/v1/locate?lon=117.3&lat=31.8&secret=13800138000")
        client.get("/13800138000")
        # The line is written after the answer has left.
        assert wait_until(lambda: len(requests()) >= 2, 60)
    assert [(line["path"], line["status"]) for line in requests()] == [
        ("/v1/locate", 400),
        ("(none)", 404),
    ]
    assert "13800138000" not in str(lines)


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8000", "127.0.0.1.evil.example"])
def test_a_strangers_host_name_is_refused(client: httpx.Client, host: str):
    is_problem(client.get("/v1/grids", headers={"Host": host}), 421)


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:1", "[::1]:8000", "127.0.0.1"])
def test_names_of_loopback_are_answered(client: httpx.Client, host: str):
    assert client.get("/healthz", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("path", ["/healthz", "/v1/grids?limit=1", "/nothing", "/v1/grids?x=1"])
def test_every_answer_forbids_sniffing_and_framing(client: httpx.Client, path: str):
    headers = client.get(path).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert "frame-ancestors 'none'" in headers["content-security-policy"]


def test_unknown_paths_and_methods_are_problems(client: httpx.Client):
    is_problem(client.get("/nothing/here"), 404)
    answer = client.delete("/v1/incidents")
    is_problem(answer, 405)
    assert answer.headers["allow"]
    is_problem(client.get("/v1/grids/00000000-0000-0000-0000-000000000000"), 404)
    is_problem(client.get("/v1/grids/not-a-key"), 422)


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b'{"category": ', "application/json", 400),
        (b"[1, 2]", "application/json", 422),
        (b"category=noise", "application/x-www-form-urlencoded", 422),
        (b'{"category": "noise"}', "text/plain", 422),
        (b"\xff\xfe", "application/json", 400),
        (b'{"a": "' + b"x" * MAX_BODY_BYTES + b'"}', "application/json", 413),
    ],
)
def test_bodies_that_are_no_json_objects_are_refused(
    client: httpx.Client, content: bytes, kind: str, status: int
):
    answer = client.post("/v1/incidents", content=content, headers={"Content-Type": kind})
    is_problem(answer, status)


def test_an_error_nobody_foresaw_tells_nothing_but_its_id(
    client: httpx.Client, monkeypatch: pytest.MonkeyPatch
):
    def broken(*_: object, **__: object) -> None:
        msg = "a secret of the server"
        raise RuntimeError(msg)

    monkeypatch.setattr("gis.layers.communities.page", broken)
    with capture_logs() as lines:
        answer = client.get("/v1/communities")
    body = is_problem(answer, 500)
    assert "secret" not in answer.text
    failed = [line for line in lines if line["event"] == "unexpected_error"]
    assert len(failed) == 1
    assert failed[0]["error"] == "RuntimeError"
    assert body["remedy"]
