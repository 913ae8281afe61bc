"""An import as a job, from the file to the store: loaded, refused, repaired, updated, cancelled."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Never

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pytest
import shapely
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session, sessionmaker
from typer.testing import CliRunner

from cli.import_views import agree_on_columns
from cli.main import app
from gis.database.engine import make_engine, session_factory, transaction
from gis.errors import CrsMismatchError, InvalidInputError, WanggeError
from gis.geometry.source_crs import SourceCrs
from gis.ingest.rejects import RejectedRowsError
from gis.jobs.import_orders import ImportOrder
from gis.jobs.imports import Import, run_import
from gis.jobs.queue import hand_over
from gis.jobs.records import JobCancelledError, in_the_foreground
from gis.jobs.steps import Silent, Steps
from gis.layers import imports, jobs
from gis.layers.buildings import Building
from gis.layers.incidents import Incident
from gis.layers.plans import GridPlan
from gis.layers.pois import Poi
from gis.samples import generate_subdistrict
from gis.samples.hotline import hotline_export
from gis.scope import Scope
from gis.services.importing import import_dataset
from gis.services.undoing import undo_last_import
from gis.settings import get_settings
from tests.data.osm_town import street_town
from tests.town import key, lon_lat, square

pytestmark = pytest.mark.db


def do(sessions: sessionmaker[Session], scope: Scope, order: ImportOrder) -> Mapping[str, Any]:
    told = order.as_arguments()
    return in_the_foreground(
        sessions, scope, "import", told, lambda rec: run_import(sessions, scope, told, rec)
    )


def count(sessions: sessionmaker[Session], model) -> int:
    with transaction(sessions) as session:
        return session.execute(select(func.count()).select_from(model)).scalar_one()


def new_houses(n: int = 4) -> gpd.GeoDataFrame:
    """Houses on free squares of the town, as another office names the columns."""
    free = [(1, 0), (3, 0), (6, 0), (8, 0), (2, 1), (3, 1)][:n]
    return gpd.GeoDataFrame(
        {"楼名": [f"新{i}号楼" for i in range(n)], "户数": [40 + i for i in range(n)]},
        geometry=[square(*at, inset=0.3) for at in free],
        crs=4326,
    )


COLUMNS = {"楼名": "name", "户数": "households"}


def test_a_file_goes_in_as_a_job_with_a_number_and_an_audit(
    town_factory: sessionmaker[Session], scope: Scope, tmp_path: Path
):
    before = count(town_factory, Building)
    path = tmp_path / "houses.shp"
    pyogrio.write_dataframe(new_houses(), path, encoding="GBK")
    report = do(town_factory, scope, ImportOrder(path, layer="buildings", columns=COLUMNS))
    assert report["rows_by_layer"] == {"buildings": 4}
    assert report["encoding"] in {"GBK", "gbk", "gb18030", "GB18030"}
    assert "counts" in report["audit"]
    assert count(town_factory, Building) == before + 4
    with transaction(town_factory) as session:
        record = imports.newest(session, scope, limit=1)[0]
        job = jobs.one(session, scope, record.job_id)
        names = session.execute(
            select(Building.name).where(Building.import_no == report["number"])
        ).scalars()
        assert {"新0号楼", "新3号楼"} <= set(names)
    assert (job.status, job.kind, record.principal) == ("succeeded", "import", "local_owner")
    assert job.report["number"] == record.number == report["number"]


def test_refused_rows_are_repaired_in_the_package_and_then_all_go_in(
    town_factory: sessionmaker[Session], scope: Scope, tmp_path: Path
):
    path, before = tmp_path / "houses.gpkg", count(town_factory, Building)
    houses = new_houses()
    houses["户数"] = ["40", "-3", "很多", "43"]
    houses.loc[3, "geometry"] = shapely.Polygon(
        [(117.308, 31.879), (117.309, 31.88), (117.309, 31.879), (117.308, 31.88)]
    )
    pyogrio.write_dataframe(houses, path)
    order = ImportOrder(path, layer="buildings", columns=COLUMNS)
    with pytest.raises(RejectedRowsError, match="3 of 4 rows"):
        do(town_factory, scope, order)
    assert count(town_factory, Building) == before
    table = pd.read_csv(tmp_path / "houses.gpkg.rejects.csv")
    assert set(table["code"]) == {"below_minimum", "not_a_number", "invalid_ring"}
    package = tmp_path / "houses.gpkg.rejects.gpkg"
    bad = pyogrio.read_dataframe(package)
    bad["户数"] = ["41", "42", "43"]
    bad.loc[2, "geometry"] = square(8, 0, inset=0.3)
    layer = pyogrio.list_layers(package)[0][0]
    pyogrio.write_dataframe(bad, package, layer=layer)
    report = do(
        town_factory, scope, ImportOrder(path, layer="buildings", columns=COLUMNS, repaired=package)
    )
    assert report["rows_by_layer"] == {"buildings": 4}
    with transaction(town_factory) as session:
        found = session.execute(
            select(Building.households).where(Building.import_no == report["number"])
        ).scalars()
        assert sorted(found) == [40, 41, 42, 43]


@pytest.mark.parametrize("declared", ["EPSG:4326", "gcj02"])
def test_a_shapefile_in_gcj02_that_says_wgs84_is_refused_until_it_is_declared(
    town_factory: sessionmaker[Session], scope: Scope, tmp_path: Path, declared: str
):
    before = count(town_factory, Building)
    with transaction(town_factory) as session:
        shapes = session.execute(select(func.ST_AsBinary(Building.geometry))).scalars().all()
    ground = shapely.from_wkb([bytes(shape) for shape in shapes])
    moved = SourceCrs.parse("gcj02", "test").from_lonlat(ground)
    path = tmp_path / "shifted.shp"
    frame = gpd.GeoDataFrame(
        {"name": [f"n{i}" for i in range(len(moved))]}, geometry=moved, crs=4326
    )
    pyogrio.write_dataframe(frame, path, encoding="UTF-8")
    order = ImportOrder(path, layer="buildings", crs=declared)
    if declared == "gcj02":
        assert do(town_factory, scope, order)["rows_by_layer"] == {"buildings": before}
        return
    with pytest.raises(CrsMismatchError, match="GCJ-02 read as WGS-84") as caught:
        do(town_factory, scope, order)
    assert 300 < float(caught.value.context["length_m"]) < 700
    assert count(town_factory, Building) == before


def test_an_update_is_previewed_and_applied_as_a_job(
    town_factory: sessionmaker[Session], scope: Scope, tmp_path: Path
):
    from gis.frames import BUILDINGS
    from gis.layers.queries import alive, read_layer

    with transaction(town_factory) as session:
        frame = read_layer(session, scope, Building, BUILDINGS, alive(Building))
    path = tmp_path / "second.gpkg"
    sent = frame[["source_id", "name", "households", "residents", "geometry"]].copy()
    sent.loc[0, "households"] += 10
    sent.loc[0, "residents"] += 30
    pyogrio.write_dataframe(sent, path)
    order = ImportOrder(path, layer="buildings", update=True)
    seen = Import(town_factory, scope, order, Steps()).preview()
    assert (seen.changed, seen.added, seen.removed) == (1, 0, 0)
    assert seen.changed_fields == {"households": 1, "residents": 1}
    report = do(town_factory, scope, order)
    assert report["delivery"]["changed"] == 1
    with transaction(town_factory) as session:
        row = session.get(Building, frame["id"].iloc[0])
        assert row.households == frame["households"].iloc[0] + 10
        assert row.elderly == frame["elderly"].iloc[0]  # the file says nothing about it


def test_a_file_of_the_wrong_kind_ends_as_a_failed_job_with_its_remedy(
    town_factory: sessionmaker[Session], scope: Scope, tmp_path: Path
):
    path = tmp_path / "houses.doc"
    path.write_bytes(b"x")
    with pytest.raises(WanggeError):
        do(town_factory, scope, ImportOrder(path, layer="buildings"))
    with transaction(town_factory) as session:
        job = jobs.newest(session, scope, limit=1)[0]
    assert job.status == "failed"
    assert ".gpkg" in job.error["remedy"]


def test_an_order_survives_the_queue(tmp_path: Path):
    order = ImportOrder(
        tmp_path / "a.csv", layer="pois", columns={"a": "name"}, mapping=tmp_path / "m.toml"
    )
    assert ImportOrder.from_arguments(order.as_arguments()) == order
    with pytest.raises(WanggeError, match="does not know"):
        ImportOrder.from_arguments({**order.as_arguments(), "later": 1})


def many_pois(path: Path, rows: int, first: int = 0) -> Path:
    rng = np.random.default_rng(1)
    west, north = lon_lat(0, 0)
    frame = pd.DataFrame(
        {
            "lon": west + rng.random(rows) / 100,
            "lat": north - rng.random(rows) / 100,
            "name": "x",
            "category": "school",
            "source_id": np.arange(first, first + rows),
        }
    )
    frame.to_csv(path, index=False)
    return path


def wait_for_rows(
    sessions: sessionmaker[Session], scope: Scope, child: subprocess.Popen[str], rows: int
) -> None:
    """Return when the running job says that so many rows are stored, or the process has ended."""
    deadline = time.monotonic() + 240
    while time.monotonic() < deadline and child.poll() is None:
        with transaction(sessions) as session:
            found = jobs.newest(session, scope, status="running")
        if len(found) == 1 and (found[0].done or 0) >= rows:
            return
        time.sleep(0.05)


@pytest.mark.slow
def test_sigint_at_half_leaves_the_store_as_it_was_and_says_so(
    new_database, scope: Scope, tmp_path: Path
):
    url = new_database("empty")
    rows = 400_000
    path = many_pois(tmp_path / "many.csv", rows)
    command = [str(Path(sys.executable).parent / "wangge"), "import", "layer", "pois", str(path)]
    command += ["--crs", "EPSG:4326", "--no-audit", "--yes"]
    environment = {**os.environ, "DATABASE_URL": url, "WANGGE_HOME": str(tmp_path)}
    engine = make_engine(url)
    sessions = session_factory(engine)
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as child:
        wait_for_rows(sessions, scope, child, rows // 4)
        child.send_signal(signal.SIGINT)
        _, said = child.communicate(timeout=240)
    with transaction(sessions) as session:
        job = jobs.newest(session, scope, limit=1)[0]
        stored = session.execute(select(func.count()).select_from(Poi)).scalar_one()
        assert imports.newest(session, scope) == []
    engine.dispose()
    assert child.returncode == 130, said
    assert (job.status, stored) == ("cancelled", 0)
    assert rows // 4 <= job.done < rows


@pytest.mark.slow
def test_a_worker_that_is_killed_leaves_nothing_and_one_that_is_to_end_finishes_its_job(
    new_database, scope: Scope, tmp_path: Path
):
    url, rows = new_database("empty"), 100_000
    engine = make_engine(url)
    sessions = session_factory(engine)
    ids = []
    for n in range(3):
        path = many_pois(tmp_path / f"{n}.csv", rows, first=n * rows)
        order = ImportOrder(path, layer="pois", crs="EPSG:4326", own_names=True, audit=False)
        with transaction(sessions) as session:
            ids.append(jobs.add(session, scope, "import", order.as_arguments()))
        hand_over(url, ids[-1])

    def states() -> list[str]:
        with transaction(sessions) as session:
            return [jobs.one(session, scope, job_id).status for job_id in ids]

    def stored() -> int:
        return count(sessions, Poi)

    command = [str(Path(sys.executable).parent / "wangge"), "worker"]
    environment = {**os.environ, "DATABASE_URL": url, "WANGGE_HOME": str(tmp_path)}

    def worker() -> subprocess.Popen[str]:
        return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)

    with worker() as child:
        wait_for_rows(sessions, scope, child, rows // 4)
        child.kill()
        child.communicate(timeout=240)
    assert child.returncode == -signal.SIGKILL
    assert (states(), stored()) == (["running", "queued", "queued"], 0)
    with transaction(sessions) as session:
        long_ago = "UPDATE jobs SET seen_at = now() - interval '1 hour', done = 0"
        session.execute(text(long_ago))
        assert imports.newest(session, scope) == []
    with worker() as child:
        wait_for_rows(sessions, scope, child, rows // 4)
        child.terminate()
        child.communicate(timeout=240)
    assert child.returncode == 0
    assert (states(), stored()) == (["failed", "succeeded", "queued"], rows)
    with transaction(sessions) as session:
        assert "nothing of it was stored" in jobs.one(session, scope, ids[0]).error["message"]
        assert [row.job_id for row in imports.newest(session, scope)] == [ids[1]]
    engine.dispose()


@pytest.fixture
def own_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """A home folder of the test's own, forgotten again whatever happens."""
    monkeypatch.setenv("WANGGE_HOME", str(tmp_path / "home"))
    get_settings.cache_clear()
    yield
    monkeypatch.undo()
    get_settings.cache_clear()


@pytest.fixture(scope="module")
def subdistrict():
    return generate_subdistrict(households=4_000, seed=7)


@pytest.mark.slow
@pytest.mark.usefixtures("own_home")
def test_a_hotline_export_becomes_matters_and_questions_and_the_next_one_adds_the_new(
    factory: sessionmaker[Session], scope: Scope, tmp_path: Path, subdistrict
):
    ground = {
        name: frame
        for name, frame in subdistrict.layers.items()
        if name not in {"incidents", "demands", "posts"}
    }
    with transaction(factory) as session:
        import_dataset(session, scope, replace(subdistrict, layers=ground))
    made = hotline_export(subdistrict.layers, 120, np.random.default_rng(5))
    first, second = tmp_path / "一月.csv", tmp_path / "二月.csv"
    made.export.iloc[:80].to_csv(first, index=False, encoding="gbk")
    made.export.to_csv(second, index=False, encoding="gbk")
    one = do(factory, scope, ImportOrder(first, what="hotline", audit=False))
    two = do(factory, scope, ImportOrder(second, what="hotline", audit=False))
    assert one["known_already"] == 0
    assert two["known_already"] == 80
    assert sum(one["placed"].values()) + sum(one["queued"].values()) == 80
    assert sum(two["placed"].values()) + sum(two["queued"].values()) == 40
    phones = set(made.export["诉求人电话"]) | set(made.export["诉求人"])
    with transaction(factory) as session:
        stored = session.execute(text("SELECT to_jsonb(i)::text FROM incidents i")).scalars().all()
        waiting = session.execute(
            text("SELECT to_jsonb(g)::text FROM geocoding_requests g")
        ).scalars()
        said = "".join([*stored, *waiting])
        tokens = session.execute(select(func.count(Incident.complainant_token))).scalar_one()
    assert not [phone for phone in phones if str(phone) in said]
    assert tokens == len(stored) > 0
    with transaction(factory) as session:
        report = undo_last_import(session, scope, "incidents")
        left = session.execute(text("SELECT count(*) FROM geocoding_requests")).scalar_one()
    assert report.deleted == {"incidents": sum(two["placed"].values())}
    assert left == sum(one["queued"].values())


class Impatient(Silent):
    """Asks for the job to end as soon as a step begins."""

    def __init__(self, sessions: sessionmaker[Session], scope: Scope, step: str) -> None:
        self.sessions, self.scope, self.step = sessions, scope, step

    def begin(self, step: str) -> None:
        if step == self.step:
            with transaction(self.sessions) as session:
                jobs.request_cancel(session, self.scope, jobs.newest(session, self.scope)[0].id)


def test_a_job_that_is_cancelled_while_the_ground_is_audited_has_stored_nothing(
    town_factory: sessionmaker[Session], scope: Scope, tmp_path: Path
):
    before, path = count(town_factory, Building), tmp_path / "houses.gpkg"
    pyogrio.write_dataframe(new_houses(), path)
    told = ImportOrder(path, layer="buildings", columns=COLUMNS).as_arguments()
    with pytest.raises(JobCancelledError):
        in_the_foreground(
            town_factory,
            scope,
            "import",
            told,
            lambda rec: run_import(town_factory, scope, told, rec),
            Impatient(town_factory, scope, "audit"),
        )
    with transaction(town_factory) as session:
        assert jobs.newest(session, scope, limit=1)[0].status == "cancelled"
    assert count(town_factory, Building) == before


def test_an_interrupt_after_all_is_stored_says_that_it_is_stored(
    town_factory: sessionmaker[Session], scope: Scope, tmp_path: Path
):
    path = tmp_path / "houses.gpkg"
    pyogrio.write_dataframe(new_houses(), path)
    told = ImportOrder(path, layer="buildings", columns=COLUMNS, audit=False).as_arguments()

    def work(recorder) -> Never:
        run_import(town_factory, scope, told, recorder)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        in_the_foreground(town_factory, scope, "import", told, work)
    with transaction(town_factory) as session:
        job = jobs.newest_of(session, scope, "import")
        due = jobs.newest_of(session, scope, "coverage")
    assert job is not None
    assert job.status == "succeeded"
    assert job.report["number"] == 2
    assert due is not None  # buildings were imported: coverage is to be measured anew
    assert due.status == "queued"


def test_a_load_of_more_buildings_flags_the_plan_that_has_no_grid_for_them(
    town_factory: sessionmaker[Session], scope: Scope, tmp_path: Path
):
    path = tmp_path / "houses.gpkg"
    pyogrio.write_dataframe(new_houses(), path)
    do(town_factory, scope, ImportOrder(path, layer="buildings", columns=COLUMNS))
    with transaction(town_factory) as session:
        plan = session.get(GridPlan, key("plans", "plan"))
    [why] = [one for one in plan.unfit_reasons if one["reason"] == "buildings_without_grid"]
    assert why["things"] >= 3


DISSOLVING = """
source = "office"
[[layers]]
layer = "buildings"
dissolve = "nr"
[layers.fields]
nr = "source_id"
"""


def test_what_is_said_of_a_file_holds_for_a_mapping_that_needs_all_rows_too(
    town_factory: sessionmaker[Session], scope: Scope, tmp_path: Path
):
    path, mapping = tmp_path / "houses.gpkg", tmp_path / "mapping.toml"
    houses = new_houses().assign(nr=["1", "2", "3", "4"])
    shifted = SourceCrs.parse("gcj02", "test").from_lonlat(houses.geometry.to_numpy())
    pyogrio.write_dataframe(houses.set_geometry(shifted, crs=4326), path)
    mapping.write_text(DISSOLVING, encoding="utf-8")
    order = ImportOrder(path, layer="buildings", crs="gcj02", mapping=mapping)
    number = do(town_factory, scope, order)["number"]
    with transaction(town_factory) as session:
        stored = session.execute(
            select(func.ST_X(Building.location)).where(Building.import_no == number)
        ).scalars()
        assert min(stored) < lon_lat(2, 0)[0]  # taken back, and not half a kilometre to the east
    for unfit in ({"skip_rejects": True}, {"checks": False}, {"repaired": path}):
        with pytest.raises(InvalidInputError, match="looks at all rows"):
            do(town_factory, scope, replace(order, **unfit))


BOTH = """
source = "office"
[[layers]]
layer = "communities"
layer_column = "kind"
source_layer = "community"
fields = { code = "code", name = "name" }
[[layers]]
layer = "buildings"
layer_column = "kind"
source_layer = "building"
fields = { name = "name" }
"""


@pytest.mark.slow
def test_communities_that_a_file_brings_are_held_against_the_divisions(
    town_factory: sessionmaker[Session], scope: Scope, tmp_path: Path
):
    town = shapely.box(*lon_lat(-1, 5), *lon_lat(12, -1))
    division = gpd.GeoDataFrame(
        {"code": ["340102001000"], "name": ["镇"], "level": ["subdistrict"]},
        geometry=[town],
        crs=4326,
    )
    path, mapping = tmp_path / "town.gpkg", tmp_path / "both.toml"
    pyogrio.write_dataframe(division, tmp_path / "division.gpkg")
    do(town_factory, scope, ImportOrder(tmp_path / "division.gpkg", layer="divisions"))
    here = [square(0, 6), square(0.2, 6.2, inset=0.3)]
    far = shapely.transform(here, lambda lonlat: lonlat + np.array([0.9, 0]))
    both = gpd.GeoDataFrame(
        {"kind": ["community", "building"], "code": ["340102001009", None], "name": ["新", "一"]},
        geometry=far,
        crs=4326,
    )
    pyogrio.write_dataframe(both, path)
    mapping.write_text(BOTH, encoding="utf-8")
    order = ImportOrder(path, what="file", mapping=mapping)
    with pytest.raises(CrsMismatchError, match="the outline of the divisions"):
        do(town_factory, scope, order)
    with pytest.raises(InvalidInputError, match="tells layers by the column 'kind'"):
        do(town_factory, scope, replace(order, table="town"))
    report = do(town_factory, scope, replace(order, accept_shift="an exclave"))
    assert report["rows_by_layer"] == {"communities": 1, "buildings": 1}
    assert list(report["guard"]) == ["communities"]
    assert report["guard"]["communities"]["accepted_because"] == "an exclave"


def test_the_columns_are_looked_at_once(
    town_factory: sessionmaker[Session], scope: Scope, tmp_path: Path, monkeypatch
):
    path = tmp_path / "houses.gpkg"
    pyogrio.write_dataframe(new_houses().rename(columns=COLUMNS), path)
    settled = agree_on_columns(town_factory, scope, ImportOrder(path, layer="buildings"), yes=False)
    monkeypatch.setattr(Import, "suggested", lambda _: pytest.fail("looked at again"))
    assert do(town_factory, scope, settled)["rows_by_layer"] == {"buildings": 4}


@pytest.fixture
def command_line(new_database, monkeypatch: pytest.MonkeyPatch):
    """The program before an empty database, and a factory of sessions on it."""
    url = new_database("empty")
    monkeypatch.setenv("DATABASE_URL", url)
    get_settings.cache_clear()
    engine = make_engine(url)
    yield lambda *words: CliRunner().invoke(app, [*map(str, words)]), session_factory(engine)
    engine.dispose()
    monkeypatch.undo()
    get_settings.cache_clear()


@pytest.mark.slow
def test_the_history_of_a_row_is_shown(command_line, scope: Scope, tmp_path: Path):
    run, _ = command_line
    path, poi = tmp_path / "pois.csv", "00000000-0000-4000-8000-000000000001"
    row = {"id": poi, "lon": 117.3, "lat": 31.88, "category": "school"}
    for name in ("育新小学", "育英小学"):
        pd.DataFrame([{**row, "name": name}]).to_csv(path, index=False)
        sent = run("import", "layer", "pois", path, "--crs", "EPSG:4326", "--update", "--yes")
        assert sent.exit_code == 0, sent.output
    said = run("import", "history", "pois", poi)
    assert said.exit_code == 0
    assert "name    育新小学  育英小学" in said.output
    assert "local_owner" in said.output
    assert "no row" in run("import", "history", "pois", poi.replace("1", "2")).stderr


@pytest.mark.slow
def test_an_extract_of_openstreetmap_goes_in_as_a_job(command_line, scope: Scope, tmp_path: Path):
    run, sessions = command_line
    path = street_town().write(tmp_path / "blocks.osm")
    refused = run("import", "osm", tmp_path / "absent.osm")
    assert refused.exit_code == 1
    done = run("import", "osm", path)
    assert done.exit_code == 0, done.output
    assert "Imported blocks (number 1)" in done.output
    with transaction(sessions) as session:
        [second, first] = jobs.newest(session, scope)
        [record] = imports.newest(session, scope)
    assert (first.kind, first.status) == ("import_osm", "failed")
    assert (second.status, second.report["number"]) == ("succeeded", record.number)
    assert second.report["rows_by_layer"] == record.rows
    assert second.arguments["path"] == str(path)
    assert "counts" in second.report["audit"]
    assert record.job_id == second.id


@pytest.mark.slow
def test_the_sample_goes_in_as_a_job(command_line, scope: Scope):
    run, sessions = command_line
    done = run("import", "sample", "--households", 4000)
    assert done.exit_code == 0, done.output
    with transaction(sessions) as session:
        [due, job] = jobs.newest(session, scope)
    assert (job.kind, job.status) == ("import_sample", "succeeded")
    assert (due.kind, due.status) == ("coverage", "queued")
    assert job.arguments == {"households": 4000, "seed": 340_102}


@pytest.mark.parametrize("update", [False, True])
def test_columns_beside_a_mapping_file_are_refused_before_anything_is_read(
    command_line, tmp_path: Path, *, update: bool
):
    run, sessions = command_line
    path, mapping = tmp_path / "houses.gpkg", tmp_path / "houses.toml"
    pyogrio.write_dataframe(new_houses(), path)
    assert run("import", "plan", path, "--save", mapping).exit_code == 0
    both = ["--mapping", mapping, "--column", "户数=residents"]
    refused = run("import", "layer", "buildings", path, *both, *(["--update"] if update else []))
    assert refused.exit_code == 1
    for part in ("户数=residents", str(mapping), str(path), "[layers.fields]"):
        assert part in refused.stderr
    with transaction(sessions) as session:
        assert jobs.newest(session, Scope.local_owner()) == []


def test_a_job_that_is_given_columns_beside_a_mapping_is_refused(
    town_factory: sessionmaker[Session], scope: Scope, tmp_path: Path
):
    path = tmp_path / "houses.gpkg"
    pyogrio.write_dataframe(new_houses(), path)
    data = {"source": "x", "layers": [{"layer": "buildings", "fields": COLUMNS}]}
    order = ImportOrder(path, layer="buildings", columns=COLUMNS, mapping_data=data)
    with pytest.raises(InvalidInputError, match="beside a mapping"):
        do(town_factory, scope, order)
