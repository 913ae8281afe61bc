"""``wangge siting`` from a planner's seat, over a real store."""

import json
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import geopandas as gpd
import openpyxl
import pytest
from sqlalchemy import create_engine, select
from sqlalchemy.orm import Session
from typer.testing import CliRunner, Result

from cli.main import app
from gis.jobs import siting as siting_jobs
from gis.layers import jobs
from gis.layers.stations import Station
from gis.scope import Scope
from gis.services.locating import local_day
from gis.services.siting_names import told_apart
from gis.settings import get_settings
from tests.streets import add_streets
from tests.town import TIMEZONE

pytestmark = pytest.mark.db


def with_streets(url: str) -> str:
    engine = create_engine(url)
    with Session(engine) as session, session.begin():
        add_streets(session, Scope.local_owner())
    engine.dispose()
    return url


@contextmanager
def in_use(url: str) -> Iterator[str]:
    """Let commands use a database."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DATABASE_URL", url)
        get_settings.cache_clear()
        yield url
    get_settings.cache_clear()


@pytest.fixture
def url(new_database: Callable[[str], str]) -> Iterator[str]:
    with in_use(with_streets(new_database("town"))) as url:
        yield url


@pytest.fixture(scope="module")
def walkable_url(town_url: str) -> str:
    return with_streets(town_url)


@pytest.fixture
def untouched(walkable_url: str) -> Iterator[None]:
    """A town for what is refused and so changes nothing."""
    with in_use(walkable_url):
        yield


def run(*words: str) -> Result:
    return CliRunner().invoke(app, ["siting", *words])


def ok(*words: str) -> str:
    answer = run(*words)
    assert answer.exit_code == 0, answer.output
    return answer.stdout


def told(*words: str) -> Any:
    return json.loads(ok(*words, "--json"))


CANTEENS = ("run", "--service", "canteen", "-n", "2", "--radius", "200", "--as-of", "2026-06-01")


@pytest.mark.slow
@pytest.mark.usefixtures("url")
def test_sites_are_chosen_shown_listed_and_one_is_swapped():
    words = ok(*CANTEENS)
    assert "2 new stations for canteen (mclp) beside 2 that stand; 21 candidates." in words
    assert "gap 0.000%" in words
    assert "none is better" in words
    (row,) = told("list")
    assert (row["status"], row["sites"], row["proof"]) == ("succeeded", 2, "optimal")
    assert row["job_id"][:8] in ok("list")
    report = told("show", row["job_id"][:12])
    swap = report["swaps"][2]
    again = told("run", "--from", row["job_id"], "--swap", "3")
    keys = {site["key"] for site in again["sites"]}
    assert swap["enter"]["key"] in keys
    assert swap["leave"] not in keys
    assert again["proof"]["status"] == "evaluated"
    assert again["proof"]["objective"] == swap["objective"]


@pytest.mark.usefixtures("url")
def test_it_is_said_whether_more_stations_would_reach_everyone():
    few = run(*CANTEENS, "--objective", "lscp", "-n", "1")
    assert "No answer within these limits was found that reaches everyone" in few.stderr
    assert "whatever is chosen" not in few.stderr


def test_places_of_one_name_are_told_apart_by_address_or_code():
    def place(key: str, label: str, address: str | None, code: str | None) -> dict[str, Any]:
        return {"key": key, "label": label, "address": address, "building_code": code}

    swaps = [{"enter": place("b", "Works", "Mill Lane 8", "b2")}]
    swaps += [{"enter": place("c", "Park", None, "b3")}, {"enter": place("d", "Park", None, None)}]
    swaps += [{"enter": place(key, "Mall", "Quay 1", f"b{key}")} for key in "67"]
    sites = [place("a", "Works", "Mill Lane 2", "b1"), place("e", "School", "Hill 1", "b5")]
    assert told_apart({"sites": sites, "swaps": swaps}) == {
        "a": "Works, Mill Lane 2",
        "b": "Works, Mill Lane 8",
        "c": "Park, b3",
        "d": "Park, d",
        "e": "School",
        "6": "Mall, b6",
        "7": "Mall, b7",
    }


def test_the_models_are_told():
    assert {one["objective"] for one in told("models")} >= {"mclp", "lscp", "p_median"}
    assert "most people within the radius" in ok("models")


@pytest.mark.slow
@pytest.mark.usefixtures("url")
def test_a_siting_as_a_file(tmp_path: Path):
    report = told(*CANTEENS)
    path = tmp_path / "canteens.gpkg"
    assert "siting_sites 2" in ok("export", report["job_id"][:8], str(path))
    sites = gpd.read_file(path, layer="siting_sites")
    assert sites["name"].tolist() == [site["name"] for site in report["sites"]]
    path = tmp_path / "canteens.xlsx"
    ok("export", report["job_id"], str(path), "--headers", "zh-CN")
    book = openpyxl.load_workbook(path)
    assert {"siting_sites", "siting_swaps", "siting_uncovered"} <= set(book.sheetnames)
    path = tmp_path / "canteens.geojson"
    assert "siting_sites 2" in ok("export", report["job_id"], str(path))
    answer = run("export", report["job_id"], str(tmp_path / "canteens.pdf"))
    assert answer.exit_code == 1
    assert "not written" in answer.stderr


@pytest.mark.slow
def test_chosen_sites_become_planned_stations(url: str):
    words = ok(*CANTEENS, "--adopt", "2100-03-01", "--hours", "10:30-13:00")
    assert "2 planned stations open on 2100-03-01" in words
    engine = create_engine(url)
    with Session(engine) as session:
        rows = session.execute(
            select(Station.name, Station.status).where(Station.source_id.like("siting/%"))
        ).all()
    engine.dispose()
    assert [row.status for row in rows] == ["planned", "planned"]
    (row,) = told("list")
    answer = run("adopt", row["job_id"], "--opens-on", "2100-03-01")
    assert (answer.exit_code, "there already" in answer.stderr) == (1, True)
    now, then = (
        told(*CANTEENS[:-1], day)["standing"]["stations_serving"]
        for day in ("2100-02-28", "2100-03-01")
    )
    assert (now, then) == (2, 4)


@pytest.mark.slow
def test_sites_that_serve_from_today_make_a_run_of_coverage_due(url: str, scope: Scope):
    engine = create_engine(url)
    due = []
    for opens_on in (date(2100, 3, 1), local_day(datetime.now(UTC), TIMEZONE)):
        ok(*CANTEENS, "--adopt", f"{opens_on}")
        with Session(engine) as session:
            due.append(jobs.newest_of(session, scope, "coverage"))
    engine.dispose()
    assert due[0] is None
    assert due[1] is not None


@pytest.mark.slow
@pytest.mark.usefixtures("url")
@pytest.mark.parametrize("keep_best", [False, True])
def test_ctrl_c_keeps_nothing_or_the_best_so_far(
    monkeypatch: pytest.MonkeyPatch, *, keep_best: bool
):
    """Somebody presses it while the sites are chosen."""
    real = siting_jobs.solve

    def pressed(*given: Any, **named: Any) -> Any:
        signal.raise_signal(signal.SIGINT)
        return real(*given, **named)

    monkeypatch.setattr(siting_jobs, "solve", pressed)
    answer = run(*CANTEENS, "--objective", "p_median", *(["--keep-best"] if keep_best else []))
    (row,) = told("list")
    if keep_best:
        assert answer.exit_code == 0, answer.output
        assert (row["status"], row["proof"]) == ("succeeded", "stopped")
        assert "stopped early, the best so far" in answer.stdout
    else:
        assert answer.exit_code == 130
        assert "Stopped; nothing was stored." in answer.stderr
        assert row["status"] == "cancelled"


@pytest.mark.usefixtures("url")
def test_an_infeasible_cover_names_the_buildings():
    answer = run("run", "--service", "canteen", "--objective", "lscp", "--at", "117.301,31.879")
    assert answer.exit_code == 0
    assert "Not everyone can be reached, whatever is chosen:" in answer.stderr
    assert "House 9,3" in answer.stderr


@pytest.mark.slow
@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "for which service"),
        (["--service", "haircut", "-n", "1"], "There is no service 'haircut'"),
        (["--service", "canteen"], "needs a number of new stations or a budget"),
        (["--service", "canteen", "-n", "99"], "99 new stations are asked for"),
        (["--service", "canteen", "-n", "1", "--candidates", "vacant"], "no candidates"),
        (["--service", "canteen", "-n", "1", "--at", "here"], "is no place"),
        (["--service", "canteen", "-n", "1", "--equity", "elderly"], "is no weight"),
        (["--service", "canteen", "-n", "1", "--radius", "5", "--minutes", "5"], "one of the two"),
        (["--service", "canteen", "-n", "1", "--swap", "1"], "belongs to an earlier siting"),
        (["--from", "123456"], "There is no job"),
    ],
)
def test_what_cannot_be_done_is_said(words: list[str], said: str):
    answer = run("run", *words)
    assert answer.exit_code == 1
    assert said in " ".join(answer.stderr.split())


@pytest.mark.usefixtures("url")
def test_there_are_none_yet():
    assert "There are no sitings yet" in ok("list")
    assert told("list") == []
