"""Plans over HTTP: drafts made, drawn by a real worker, cancelled, compared, refused."""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pandas as pd
import pytest

from gis.database.engine import make_engine, session_factory, transaction
from gis.jobs import records
from gis.jobs.plan_drawing import WORKS, run_draw
from gis.jobs.records import Recorder
from gis.layers import jobs
from gis.layers.buildings import BuildingUnit
from gis.layers.queries import insert_layer
from gis.scope import Scope
from gis.settings import Settings
from tests.api.serving import is_problem, serving
from tests.town import CODE_OF, SUBDISTRICT, key
from tests.working import work_once

pytestmark = pytest.mark.api

EFFECTIVE = f"/v1/plans/{key('plans', 'plan')}"
SMALL = {"target": 300, "minimum": 150, "maximum": 450, "preset": "fast"}
ANY = {"If-Match": "*"}
#: 240 households; the next largest building has 200.
TOWER = key("buildings", "7,0")


@pytest.fixture
def here(new_database: Callable[[str], str], tmp_path: Path) -> Settings:
    return Settings(database_url=new_database("town"), home=tmp_path / "home", pool_size=4)


@pytest.fixture
def client(here: Settings) -> Iterator[httpx.Client]:
    with serving(here) as client:
        yield client


def made(client: httpx.Client, **facts: object) -> str:
    """Make a draft and return its place."""
    answer = client.post("/v1/plans", json={"name": "Draft", "options": SMALL, **facts})
    assert answer.status_code == 201, answer.text
    assert answer.headers["etag"] == '"1"'
    place: str = answer.headers["location"]
    assert client.get(place).json() == answer.json()
    return place


def done(client: httpx.Client, here: Settings, begun: httpx.Response) -> dict[str, Any]:
    """Let the worker do what was asked for, and return the job as it ended."""
    assert begun.status_code == 202, begun.text
    assert begun.json()["status"] == "queued"
    work_once(here, WORKS)
    job: dict[str, Any] = client.get(begun.headers["Location"]).raise_for_status().json()
    return job


def draw(client: httpx.Client, place: str, version: str = '"1"', **asked: object) -> httpx.Response:
    return client.post(f"{place}/draw", json=asked, headers={"If-Match": version})


@pytest.mark.slow
def test_a_draft_is_made_drawn_by_the_worker_measured_and_deleted(
    client: httpx.Client, here: Settings
):
    place = made(client, scope_code=SUBDISTRICT)
    empty = client.get(place).json()
    assert (empty["status"], empty["measures"], empty["drawing"]) == ("draft", None, None)
    is_problem(client.get(f"{place}/measures"), 409)
    job = done(client, here, draw(client, place, options={"seed": 4}))
    assert job["status"] == "succeeded", job["error"]
    assert job["step"] == "store"
    log = [line["message"] for line in client.get(f"/v1/jobs/{job['id']}/log").json()["lines"]]
    assert [line.split(":")[0] for line in log] == ["cells", "grids", "store"]
    answer = client.get(place, params={"trace": True})
    plan = answer.json()
    assert answer.headers["etag"] == '"2"'
    assert plan["version"] == plan["drawing"]["version"] == 2
    assert plan["options"]["seed"] == 4
    assert plan["options"]["target"] == 300  # as the draft had it
    assert plan["measures"] == job["report"]["measures"]
    assert len(plan["drawing"]["trace"]) == plan["measures"]["grids"]
    measured = client.get(f"{place}/measures").json()
    assert measured["measures"] == plan["measures"]
    assert sum(one["households"] for one in measured["grids"]) == sum(
        one["households"] for one in plan["drawing"]["trace"]
    )
    is_problem(client.delete(place, headers={"If-Match": '"1"'}), 412)
    assert client.delete(place, headers={"If-Match": '"2"'}).status_code == 204
    is_problem(client.get(place), 404)


@pytest.mark.slow
def test_a_building_above_the_maximum_is_split_on_request_and_as_before(
    client: httpx.Client, here: Settings
):
    engine = make_engine(here.database_url)
    with transaction(session_factory(engine)) as session:
        rows = [
            {"id": key("units", str(i)), "building_id": TOWER, "name": f"{i}单元", "households": 60}
            for i in range(1, 5)
        ]
        insert_layer(session, Scope.local_owner(), BuildingUnit, pd.DataFrame(rows))
    engine.dispose()
    band = {"target": 150, "minimum": 80, "maximum": 200, "preset": "fast"}
    place = made(client, options=band)
    job = done(client, here, draw(client, place))
    assert "building_above_maximum" in {one["kind"] for one in job["report"]["exceptions"]}
    assert client.get(place).json()["parts"] == []
    job = done(client, here, draw(client, place, '"2"', split_buildings=True))
    assert job["status"] == "succeeded", job["error"]
    assert "building_split" in {one["kind"] for one in job["report"]["exceptions"]}
    parts = client.get(place).json()["parts"]
    assert [(part["building_id"], part["units"], part["households"]) for part in parts] == [
        (TOWER, ["1单元", "2单元"], 120),
        (TOWER, ["3单元", "4单元"], 120),
    ]
    assert len({part["grid_code"] for part in parts}) == 2
    measured = client.get(f"{place}/measures").json()["grids"]
    town = [b["properties"]["households"] for b in town_buildings(client)]
    assert sum(one["households"] for one in measured) == sum(town)
    begun = client.post(f"{place}/rebalance", json={"name": "Next"}, headers=ANY)
    again = done(client, here, begun)["report"]["plan_id"]
    assert [part["units"] for part in client.get(f"/v1/plans/{again}").json()["parts"]] == [
        part["units"] for part in parts
    ]
    begun = client.post(
        f"{place}/rebalance", json={"name": "Whole", "split_buildings": False}, headers=ANY
    )
    whole = done(client, here, begun)["report"]["plan_id"]
    assert client.get(f"/v1/plans/{whole}").json()["parts"] == []


def town_buildings(client: httpx.Client) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.get("/v1/buildings?limit=1000").json()["features"]
    return found


def test_a_name_that_is_taken_is_a_conflict(client: httpx.Client):
    place = made(client, name="2027")
    body = is_problem(client.post("/v1/plans", json={"name": "2027"}), 409)
    assert place.rsplit("/", 1)[1] in body["detail"]
    again = client.post(f"{EFFECTIVE}/rebalance", json={"name": "2027"}, headers=ANY)
    assert place.rsplit("/", 1)[1] in is_problem(again, 409)["detail"]


def test_the_list_is_newest_first_and_filtered(client: httpx.Client):
    place = made(client)
    plans = client.get("/v1/plans").json()["plans"]
    assert plans[0]["id"] == place.rsplit("/", 1)[1]
    assert {plan["status"] for plan in plans} == {"draft", "effective"}
    drafts = client.get("/v1/plans", params={"status": "draft"}).json()["plans"]
    assert [plan["name"] for plan in drafts] == ["Draft"]
    assert client.get("/v1/plans", params={"kind": "party"}).json() == {"plans": []}


def test_a_plan_in_effect_says_where_and_is_not_drawn_over(client: httpx.Client):
    plan = client.get(EFFECTIVE).json()
    assert {one["community_code"] for one in plan["effects"]} == {CODE_OF["A"], CODE_OF["B"]}
    assert {one["effective_from"] for one in plan["effects"]} == {"2026-01-01"}
    body = is_problem(client.post(f"{EFFECTIVE}/draw", json={}, headers=ANY), 409)
    assert "no draft" in body["detail"]
    again = {"in_place": True}
    is_problem(client.post(f"{EFFECTIVE}/rebalance", json=again, headers=ANY), 409)
    is_problem(client.delete(EFFECTIVE, headers=ANY), 409)


def test_a_change_without_a_version_or_on_a_stale_one_is_refused(client: httpx.Client):
    place = made(client)
    is_problem(client.post(f"{place}/draw", json={}), 428)
    is_problem(draw(client, place, '"7"'), 412)
    is_problem(draw(client, place, 'W/"1"'), 412)
    is_problem(client.delete(place), 428)
    is_problem(client.post(f"{place}/rebalance", json={}, headers=ANY), 409)  # no grids yet
    assert client.get("/v1/jobs").json() == {"jobs": []}


@pytest.mark.slow
def test_of_two_drawings_on_one_version_the_second_is_stale(client: httpx.Client, here: Settings):
    place = made(client)
    first, second = draw(client, place), draw(client, place, options={"seed": 5})
    job = done(client, here, second)
    ended = client.get(first.headers["Location"]).json()
    assert {ended["status"], job["status"]} == {"succeeded", "failed"}
    failed = next(one for one in (ended, job) if one["status"] == "failed")
    assert failed["error"]["kind"] == "StaleVersionError"
    assert client.get(place).json()["version"] == 2


def test_what_cannot_be_drawn_is_refused_before_a_job_begins(client: httpx.Client):
    place = made(client)
    wrong = [
        ({"options": {"minimum": 500, "maximum": 400}}, 422),
        ({"options": {"preset": "lovely"}}, 422),
        ({"options": {"weights": {"beauty": 1}}}, 422),
        ({"locked": ["340102001001001"]}, 422),
        ({"most_moved": 100}, 422),
        ({"from_plan_id": key("plans", "plan"), "locked": ["9"]}, 404),
        ({"from_plan_id": key("plans", "none")}, 404),
        ({"from_plan_id": place.rsplit("/", 1)[1]}, 409),
        ({"colour": "red"}, 422),
    ]
    for body, status in wrong:
        is_problem(client.post(f"{place}/draw", json=body, headers=ANY), status)
    is_problem(client.post("/v1/plans", json={"options": {"target": 100}}), 422)
    is_problem(client.post("/v1/plans", json={"scope_code": "990000000000"}), 422)
    assert client.get("/v1/jobs").json() == {"jobs": []}


@pytest.mark.slow
def test_a_preview_says_who_would_move_and_the_same_request_moves_them(
    client: httpx.Client, here: Settings
):
    lock = f"{CODE_OF['B']}001"
    asked = {"options": SMALL, "locked": [lock], "name": "Then"}
    path, count = f"{EFFECTIVE}/rebalance", len(client.get("/v1/plans").json()["plans"])
    begun = client.post(path, json=asked, headers=ANY, params={"preview": True})
    preview = done(client, here, begun)["report"]["comparison"]
    assert len(client.get("/v1/plans").json()["plans"]) == count
    report = done(client, here, client.post(path, json=asked, headers=ANY))["report"]
    assert report["comparison"] == preview
    there = f"/v1/plans/{report['plan_id']}"
    plan = client.get(there).json()
    assert (plan["name"], plan["status"]) == ("Then", "draft")
    assert plan["from_plan_id"] == EFFECTIVE.rsplit("/", 1)[1]
    assert plan["measures"]["households_moved"] == preview["households_moved"]
    before = {"before": plan["from_plan_id"]}
    compared = client.get(f"{there}/comparison", params=before).raise_for_status().json()
    assert compared["comparison"]["households_moved"] == preview["households_moved"]
    kept = {one["grid_code"]: one for one in preview["grids"]}[lock]
    assert kept["households_in"] == kept["households_out"] == 0
    is_problem(client.get(f"{there}/comparison", params={"before": key("plans", "no")}), 404)


def test_a_queued_drawing_is_cancelled_and_the_draft_stays(client: httpx.Client, here: Settings):
    place = made(client)
    before = client.get(place).json()
    where = draw(client, place).headers["Location"]
    assert client.post(f"{where}/cancel").json()["status"] == "cancelled"
    work_once(here, WORKS)
    assert client.get(place).json() == before


@pytest.mark.slow
@pytest.mark.parametrize("keep_best", [False, True])
def test_a_running_drawing_tells_how_far_it_is_and_is_cancelled(
    client: httpx.Client, here: Settings, monkeypatch: pytest.MonkeyPatch, *, keep_best: bool
):
    """The worker waits at the first progress of the drawing until somebody has cancelled it."""
    monkeypatch.setattr(records, "EVERY_S", 0.0)
    place = made(client)
    before = client.get(place).json()
    drawing, cancelled = threading.Event(), threading.Event()

    class Waits(Recorder):
        def begin(self, step: str) -> None:
            super().begin(step)
            if step == "grids":
                drawing.set()
                assert cancelled.wait(60)

    def patiently(factory: Any, scope: Scope, arguments: Any, recorder: Recorder) -> Any:
        waits = Waits(factory, scope, recorder.job_id)
        return run_draw(factory, scope, arguments, waits)

    where = draw(client, place, keep_best=keep_best).headers["Location"]
    worker = threading.Thread(target=work_once, args=(here, {"draw": patiently}))
    worker.start()
    try:
        assert drawing.wait(120)
        running = client.get(where).json()
        assert (running["status"], running["step"]) == ("running", "grids")
        assert client.post(f"{where}/cancel").json()["cancel_requested"]
    finally:
        cancelled.set()
        worker.join(120)
    ended = client.get(where).json()
    plan = client.get(place).json()
    if keep_best:
        assert (ended["status"], plan["version"]) == ("succeeded", 2)
    else:
        assert ended["status"] == "cancelled"
        assert plan == before


@pytest.mark.slow
def test_a_worker_that_dies_leaves_the_draft_as_it_was(client: httpx.Client, here: Settings):
    """Nobody hears of the job any more: it is closed, and the draft can be drawn again."""
    place = made(client)
    before = client.get(place).json()
    where = draw(client, place).headers["Location"]
    assert here.database_url
    engine = make_engine(here.database_url)
    scope, job_id = Scope.local_owner(), where.rsplit("/", 1)[1]
    with transaction(session_factory(engine)) as session:
        jobs.start(session, scope, job_id)
    time.sleep(0.01)
    with transaction(session_factory(engine)) as session:
        assert jobs.fail_abandoned(session, scope, unseen_s=0) == [job_id]
    engine.dispose()
    assert client.get(where).json()["status"] == "failed"
    assert client.get(place).json() == before
    job = done(client, here, draw(client, place))
    assert job["status"] == "succeeded"
