"""Files over HTTP: sent, imported by the worker, looked at, taken back."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import geopandas as gpd
import httpx
import pyogrio
import pytest
from sqlalchemy import create_engine
from sqlalchemy.orm import Session

from gis.jobs.imports import WORKS
from gis.jobs.uploads import KEPT_S, Uploads
from gis.scope import Scope
from gis.settings import Settings
from tests.api.serving import is_problem, runs_due, serving
from tests.streets import add_streets
from tests.town import key, square
from tests.working import work_once

pytestmark = pytest.mark.api

BYTES = {"Content-Type": "application/octet-stream"}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def here(new_database: Callable[[str], str], home: Path) -> Settings:
    return Settings(database_url=new_database("town"), home=home, pool_size=4, upload_limit_mb=1)


@pytest.fixture
def client(here: Settings) -> Iterator[httpx.Client]:
    with serving(here) as client:
        yield client


@pytest.fixture(scope="module")
def lasting(
    town_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[httpx.Client, Path]]:
    """A client for uploads alone, and where the server keeps them."""
    home = tmp_path_factory.mktemp("home")
    with serving(Settings(database_url=town_url, home=home, pool_size=4)) as client:
        yield client, home


@pytest.fixture
def houses(tmp_path: Path) -> Path:
    path = tmp_path / "新房.gpkg"
    frame = gpd.GeoDataFrame(
        {"楼名": ["一号", "二号"], "户数": [40, 41]},
        geometry=[square(1, 0, inset=0.3), square(3, 0, inset=0.3)],
        crs=4326,
    )
    pyogrio.write_dataframe(frame, path)
    return path


def send(client: httpx.Client, path: Path) -> dict[str, Any]:
    answer = client.post(
        "/v1/uploads", params={"filename": path.name}, content=path.read_bytes(), headers=BYTES
    )
    assert answer.status_code == 201, answer.text
    body: dict[str, Any] = answer.json()
    return body


def ordered(client: httpx.Client, here: Settings, **order: object) -> dict[str, Any]:
    """Ask for an import, let the worker do it, and return the job as it ended."""
    begun = client.post("/v1/imports", json=order)
    assert begun.status_code == 202, begun.text
    assert begun.json()["status"] == "queued"
    work_once(here, WORKS)
    ended: dict[str, Any] = client.get(begun.headers["Location"]).raise_for_status().json()
    return ended


NAMES = {"楼名": "name", "户数": "households"}


def test_a_file_is_sent_imported_listed_and_taken_back(
    client: httpx.Client, here: Settings, houses: Path
):
    sent = send(client, houses)
    assert sent["filename"] == "新房.gpkg"
    assert sent["size"] == houses.stat().st_size
    job = ordered(client, here, upload_id=sent["id"], layer="buildings", columns=NAMES)
    assert job["status"] == "succeeded", job["error"]
    number = job["report"]["number"]
    [first, *_] = client.get("/v1/imports", params={"layer": "buildings"}).json()["imports"]
    assert (first["number"], first["rows"], first["mode"]) == (number, {"buildings": 2}, "load")
    assert first["job_id"] == job["id"]
    log = client.get(f"/v1/jobs/{job['id']}/log").json()["lines"]
    assert any("store" in line["message"] for line in log)
    undone = client.post("/v1/imports/buildings/undo").raise_for_status().json()
    assert (undone["number"], undone["deleted"]) == (number, {"buildings": 2})
    assert client.get("/v1/imports").json()["imports"][0]["undone_by"] == "local_owner"
    is_problem(client.post("/v1/imports/buildings/undo"), 409)  # a plan holds the town's own


def test_an_import_taken_back_makes_a_run_of_coverage_due(
    client: httpx.Client, here: Settings, scope: Scope
):
    engine = create_engine(here.database_url)
    with Session(engine) as session, session.begin():
        add_streets(session, scope)
    engine.dispose()
    client.post("/v1/imports/roads/undo").raise_for_status()
    [job] = runs_due(client, 1)
    assert job["status"] == "queued"


def test_rows_that_cannot_be_taken_can_be_fetched_as_a_table(
    client: httpx.Client, here: Settings, houses: Path
):
    frame = pyogrio.read_dataframe(houses)
    pyogrio.write_dataframe(frame.assign(户数=["-3", "41"]), houses)
    sent = send(client, houses)
    job = ordered(client, here, upload_id=sent["id"], layer="buildings", columns=NAMES)
    assert job["status"] == "failed"
    assert "-3" in job["error"]["message"]
    table = client.get(f"/v1/jobs/{job['id']}/rejects")
    assert table.headers["content-type"].startswith("text/csv")
    assert "below_minimum" in table.text
    other = client.get("/v1/jobs").json()["jobs"][0]["id"]
    assert other == job["id"]


def test_a_preview_of_an_update_stores_nothing(client: httpx.Client, here: Settings, houses: Path):
    sent = send(client, houses)
    order = {"upload_id": sent["id"], "layer": "buildings", "columns": NAMES}
    job = ordered(client, here, **order, update=True, preview=True, reach="none")
    seen = job["report"]["delivery"]
    assert (seen["added"], seen["changed"], seen["removed"]) == (2, 0, 0)
    assert sum(flow["buildings_in"] for flow in seen["grids"]) == 2
    is_problem(client.post("/v1/imports", json={**order, "preview": True}), 422)


def test_a_queued_job_is_cancelled_at_once(client: httpx.Client, here: Settings, houses: Path):
    sent = send(client, houses)
    begun = client.post("/v1/imports", json={"upload_id": sent["id"], "layer": "buildings"})
    where = begun.headers["Location"]
    assert client.post(f"{where}/cancel").json()["status"] == "cancelled"
    is_problem(client.post(f"{where}/cancel"), 409)
    work_once(here, WORKS)
    assert client.get(where).json()["status"] == "cancelled"
    is_problem(client.get(f"{where}/rejects"), 404)


def test_the_answer_never_says_where_files_are_on_this_machine(
    client: httpx.Client, here: Settings, home: Path, houses: Path
):
    sent = send(client, houses)
    begun = client.post("/v1/imports", json={"upload_id": sent["id"], "layer": "buildings"})
    assert str(home) not in begun.text


@pytest.mark.parametrize(
    "filename", ["../../etc/passwd.gpkg", "a/b\\c.csv", "..csv.zip", "x" * 300, "名 字;.shp", "no"]
)
def test_names_lead_nowhere_else(lasting: tuple[httpx.Client, Path], filename: str):
    client, home = lasting
    answer = client.post("/v1/uploads", params={"filename": filename}, content=b"x", headers=BYTES)
    if answer.status_code != 201:
        is_problem(answer, 422)
        return
    [kept] = [one for one in home.rglob("*") if one.is_file()]
    assert kept.parent.parent == home / "uploads"
    assert kept.name == answer.json()["filename"]
    assert client.delete(answer.headers["Location"]).status_code == 204
    assert not kept.exists()
    is_problem(client.delete(answer.headers["Location"]), 404)


def test_too_large_empty_or_otherwise_sent_files_are_refused_and_leave_nothing(
    client: httpx.Client, home: Path
):
    large = client.post(
        "/v1/uploads", params={"filename": "a.csv"}, content=b"x" * (2 << 20), headers=BYTES
    )
    is_problem(large, 413)
    is_problem(
        client.post("/v1/uploads", params={"filename": "a.csv"}, content=b"", headers=BYTES), 422
    )
    form = client.post("/v1/uploads", params={"filename": "a.csv"}, files={"file": b"x"})
    is_problem(form, 422)
    assert [one for one in home.rglob("*") if one.is_file()] == []


def test_what_nobody_asked_for_within_a_day_is_swept(tmp_path: Path):
    uploads = Uploads.of(Settings(home=tmp_path))
    incoming = uploads.receive("a.csv")
    incoming.write(b"x")
    kept = incoming.finish()
    now = kept.path.parent.stat().st_mtime
    assert uploads.sweep(now + KEPT_S - 1) == 0
    assert uploads.sweep(now + KEPT_S + 1) == 1
    assert not kept.path.exists()


def test_an_unknown_layer_upload_or_job_is_said(client: httpx.Client, houses: Path):
    sent = send(client, houses)
    absent = key("buildings", "nowhere")
    is_problem(client.post("/v1/imports", json={"upload_id": sent["id"], "layer": "x"}), 422)
    is_problem(client.post("/v1/imports", json={"upload_id": absent, "layer": "pois"}), 404)
    is_problem(client.post("/v1/imports", json={"upload_id": sent["id"], "lair": "pois"}), 422)
    is_problem(client.get(f"/v1/jobs/{absent}"), 404)
    assert json.loads(client.get("/v1/jobs").text) == {"jobs": []}
