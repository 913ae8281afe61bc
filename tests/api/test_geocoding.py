"""Descriptions of places over HTTP and on the command line: asked, queued, decided once."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from typer.testing import CliRunner, Result

from cli.main import app
from gis.database.engine import make_engine, session_factory, transaction
from gis.scope import Scope
from gis.services.geocoding import WaitingRow, queue_rows
from gis.settings import Settings, get_settings
from tests.api.serving import is_problem, serving
from tests.town import TIMEZONE, grid_id, key

pytestmark = pytest.mark.api
Command = Callable[..., Result]

VALUES = {
    "category": "noise",
    "occurred_at": datetime(2026, 5, 6, 2, tzinfo=UTC),
    "complainant_token": "person-a-00000001",
}


def queue(url: str, *texts: str) -> list[str]:
    factory = session_factory(make_engine(url))
    with transaction(factory) as session:
        rows = [WaitingRow(text, VALUES) for text in texts]
        scope = Scope.local_owner()
        return queue_rows(session, scope, "incidents", rows, timezone=TIMEZONE).request_ids


@pytest.fixture(scope="module")
def queued_url(new_database: Callable[[str], str]) -> str:
    return str(new_database("town"))


@pytest.fixture(scope="module")
def client(queued_url: str) -> Iterator[httpx.Client]:
    with serving(Settings(database_url=queued_url, pool_size=4)) as client:
        yield client


@pytest.fixture
def request_id(queued_url: str) -> str:
    [made] = queue(queued_url, "学校后面")
    return made


def test_descriptions_are_answered_in_their_order(client: httpx.Client):
    texts = ["School门口", "school 对面", "没有这个地方"]
    answer = client.post("/v1/geocoding/match", json={"texts": texts})
    assert answer.status_code == 200
    first, second, third = answer.json()["matches"]
    assert [first["text"], second["text"], third["text"]] == texts
    assert (first["status"], first["method"], first["ignored"]) == ("unique", "exact", ["门口"])
    assert second["method"] == "normalised"
    assert first["candidates"][0]["id"] == key("pois", "school")
    assert first["candidates"][0]["layer"] == "pois"
    assert (third["status"], third["candidates"]) == ("none", [])


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"texts": []},
        {"texts": [""]},
        {"texts": ["路" * 501]},
        {"texts": ["a"] * 1001},
        {"texts": [1]},
        {"texts": ["a\x00"]},
        {"texts": ["a"], "more": 1},
    ],
)
def test_a_question_that_is_none_is_422(client: httpx.Client, body: dict[str, Any]):
    is_problem(client.post("/v1/geocoding/match", json=body), 422)


def test_the_queue_is_listed_in_pages_and_shows_no_token(client: httpx.Client, queued_url: str):
    made = queue(queued_url, *["学校后面"] * 3)
    query = {"status": "open", "layer": "incidents", "limit": "2"}
    found, href = [], str(httpx.URL("/v1/geocoding/requests", params=query))
    while href:
        body = client.get(href).raise_for_status().json()
        found += body["requests"]
        href = next((one["href"] for one in body["links"] if one["rel"] == "next"), "")
    assert {one["id"] for one in found} >= set(made)
    assert len({one["id"] for one in found}) == len(found)
    assert {one["status"] for one in found} == {"open"}
    assert "person-a" not in json.dumps(found)
    assert found[0]["waiting"]["category"] == "noise"
    one = client.get(f"/v1/geocoding/requests/{made[0]}").json()
    assert one in found


def test_a_cursor_of_another_list_is_refused(client: httpx.Client, queued_url: str):
    queue(queued_url, *["学校后面"] * 2)
    body = client.get("/v1/geocoding/requests", params={"limit": 1}).json()
    href = next(one["href"] for one in body["links"] if one["rel"] == "next")
    cursor = httpx.URL(href).params["cursor"]
    is_problem(
        client.get("/v1/geocoding/requests", params={"status": "open", "cursor": cursor}), 422
    )


def test_a_request_is_decided_once(client: httpx.Client, request_id: str):
    path = f"/v1/geocoding/requests/{request_id}"
    body = {"layer": "pois", "row_id": key("pois", "school"), "note": "电话核实"}
    answer = client.post(f"{path}/resolution", json=body)
    assert answer.status_code == 200
    done = answer.json()
    matter = client.get(f"/v1/incidents/{done['matter_id']}").json()["properties"]
    assert matter["poi_id"] == key("pois", "school")
    assert matter["grid_id"] == grid_id("plan", "c")
    after = client.get(path).json()
    assert (after["status"], after["note"], after["resolved_by"]) == (
        "resolved",
        "电话核实",
        "local_owner",
    )
    assert (after["lon"], after["lat"]) == (done["lon"], done["lat"])
    problem = is_problem(client.post(f"{path}/resolution", json=body), 409)
    assert "resolved already" in problem["detail"]
    is_problem(client.post(f"{path}/rejection", json={"reason": "重复"}), 409)


def test_a_request_is_rejected_with_a_reason(client: httpx.Client, request_id: str):
    path = f"/v1/geocoding/requests/{request_id}"
    answer = client.post(f"{path}/rejection", json={"reason": "不在本街道"})
    assert answer.status_code == 200
    assert (answer.json()["status"], answer.json()["note"]) == ("rejected", "不在本街道")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"candidate": 1, "lon": 117.3, "lat": 31.8},
        {"candidate": 0},
        {"candidate": 7},
        {"lon": 117.3},
        {"lon": 181, "lat": 31.8},
        {"layer": "pois"},
        {"layer": "grids", "row_id": str(uuid4())},
        {"lon": 117.3, "lat": 31.8, "note": "找13912345678"},
        {"lon": 117.3, "lat": 31.8, "more": 1},
    ],
)
def test_a_decision_that_is_none_is_422_and_decides_nothing(
    client: httpx.Client, request_id: str, body: dict[str, Any]
):
    path = f"/v1/geocoding/requests/{request_id}"
    is_problem(client.post(f"{path}/resolution", json=body), 422)
    assert client.get(path).json()["status"] == "open"


def test_what_is_not_there_is_404(client: httpx.Client, request_id: str):
    nowhere = f"/v1/geocoding/requests/{uuid4()}"
    is_problem(client.get(nowhere), 404)
    is_problem(client.post(f"{nowhere}/resolution", json={"lon": 117.3, "lat": 31.8}), 404)
    is_problem(client.post(f"{nowhere}/rejection", json={"reason": "x"}), 404)
    body = {"layer": "buildings", "row_id": str(uuid4())}
    is_problem(client.post(f"/v1/geocoding/requests/{request_id}/resolution", json=body), 404)


# ---- the command line --------------------------------------------------------------------------


@pytest.fixture
def command(fresh_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator["Command"]:
    monkeypatch.setenv("DATABASE_URL", fresh_url)
    get_settings.cache_clear()
    yield lambda *words, text=None: CliRunner().invoke(app, ["geocode", *words], input=text)
    get_settings.cache_clear()


def test_the_command_answers_arguments_lines_and_files(command: Command, tmp_path: Path):
    table = command("text", "School门口", "nowhere")
    assert table.exit_code == 0, table.output
    assert "School (poi)" in table.stdout
    assert "1 of 2 placed." in table.stdout
    told = json.loads(command("text", "--json", text="School门口\n\nnowhere\n").stdout)
    assert [one["status"] for one in told] == ["unique", "none"]
    file = tmp_path / "texts.txt"
    file.write_text("School门口\n", encoding="utf-8-sig")
    lines = command("text", "--file", str(file), "--csv").stdout.splitlines()
    assert lines[0].startswith("text,status,kind,name,lon,lat")
    assert lines[1].startswith("School门口,unique,poi,School,117.304")


def test_a_file_that_is_not_utf8_is_refused(command: Command, tmp_path: Path):
    file = tmp_path / "gbk.txt"
    file.write_bytes("永睦小区".encode("gbk"))
    answer = command("text", "--file", str(file))
    assert answer.exit_code == 1
    assert "is not UTF-8" in answer.stderr


@pytest.mark.slow
def test_the_command_lists_resolves_and_rejects(command: Command, fresh_url: str):
    first, second, third = queue(fresh_url, "学校后面", "学校前面", "学校里面")
    listed = command("list").stdout
    assert first in listed
    assert "3 requests." in listed
    done = command("resolve", first, "--at", "117.3045,31.8775", "--note", "核实")
    assert done.exit_code == 0, done.output
    assert "stored and assigned" in done.stdout
    again = command("resolve", first, "--at", "117.3045,31.8775")
    assert again.exit_code == 1
    assert "resolved already" in again.stderr
    assert command("resolve", second, "--building", key("buildings", "0,0")).exit_code == 0
    assert command("reject", third, "--reason", "重复").exit_code == 0
    assert "0 requests." in command("list").stdout
    assert "3 requests." in command("list", "--all").stdout


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("resolve", "abc", "--candidate", "1"), "There is no geocoding request 'abc'"),
        (("resolve", str(uuid4()), "--at", "here"), "is not a point"),
        (("resolve", str(uuid4()), "--at", "117.3,31.8"), "There is no"),
        (("resolve", str(uuid4()), "--building", "7"), "There is no building '7'"),
        (("text",), "There is no description"),
        (("text", "--file", "nowhere.txt"), "nowhere.txt cannot be read"),
    ],
)
def test_a_command_that_cannot_be_done_says_why(
    command: Command, words: tuple[str, ...], message: str
):
    answer = command(*words)
    assert answer.exit_code == 1
    assert message in answer.stderr.replace("\n", " ")
