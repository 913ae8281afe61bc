"""``wangge plan`` from a planner's seat: every command over a real store."""

import json
import re
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import geopandas as gpd
import pyogrio
import pytest
import shapely
import typer
from sqlalchemy import create_engine, text, update
from sqlalchemy.orm import Session
from typer.testing import CliRunner, Result

from cli.main import app
from cli.plan import stopping
from gis.jobs import plan_drawing
from gis.jobs.plan_report import PlanReportOrder, read_plan_report
from gis.layers.buildings import Building
from gis.layers.quarters import Quarter
from gis.layers.queries import insert_layer, table_of
from gis.scope import Scope
from gis.services.plan_measuring import find_plan
from gis.settings import get_settings
from maps.plan_report import PlanReport
from tests.town import CODE_OF, SUBDISTRICT, key, lon_lat

pytestmark = pytest.mark.db

BAND = ["--target", "300", "--minimum", "150", "--maximum", "450", "--preset", "fast"]


@pytest.fixture
def url(new_database: Callable[[str], str], monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    url = new_database("town")
    monkeypatch.setenv("DATABASE_URL", url)
    get_settings.cache_clear()
    yield url
    monkeypatch.undo()
    get_settings.cache_clear()


def run(*words: str, typed: str | None = None) -> Result:
    return CliRunner().invoke(app, ["plan", *words], input=typed)


def ok(*words: str, typed: str | None = None) -> str:
    answer = run(*words, typed=typed)
    assert answer.exit_code == 0, answer.output
    return answer.stdout


@contextmanager
def sessions(url: str) -> Iterator[Session]:
    engine = create_engine(url)
    with Session(engine) as session, session.begin():
        yield session
    engine.dispose()


def add_quarter(session: Session, scope: Scope, name: str | None, houses: list[str]) -> None:
    """Give the town a quarter of community A with these houses."""
    number = key("quarters", houses[0])
    places = [lon_lat(*map(float, house.split(","))) for house in houses]
    facts = {"id": number, "name": name, "community_id": key("communities", "A"), "gated": False}
    ground = shapely.MultiPoint(places).buffer(1e-4).convex_hull
    frame = gpd.GeoDataFrame([facts], geometry=[ground], crs=4326)
    insert_layer(session, scope, Quarter, frame)
    buildings = table_of(Building)
    mine = buildings.c.id.in_([key("buildings", house) for house in houses])
    session.execute(update(buildings).where(mine).values(quarter_id=number))


def rows(url: str, asked: str) -> list[tuple[Any, ...]]:
    engine = create_engine(url)
    with engine.connect() as connection:
        found = [tuple(row) for row in connection.execute(text(asked))]
    engine.dispose()
    return found


@pytest.mark.slow
def test_a_planner_draws_looks_changes_exports_and_puts_in_effect(url: str, tmp_path: Path):
    said = ok("draw", "--name", "New", *BAND)
    assert re.search(r"Plan [0-9a-f-]{36}: \d+ grids, households \d+/[\d.]+/\d+", said)
    assert "New" in ok("list", "--status", "draft")
    assert "There are no such plans." in ok("list", "--kind", "party")
    shown = ok("show", "New", "--trace")
    assert "draft" in shown
    assert CODE_OF["A"] in shown
    measured = json.loads(ok("evaluate", "New", "--json"))
    assert json.loads(ok("show", "New", "--json"))["measures"] == measured["measures"]
    people = {one["code"]: one["households"] for one in measured["grids"]}
    assert all(code in ok("evaluate", "New") for code in people)
    largest = max(people, key=lambda code: (people[code], code))
    ok("split", "New", largest, "--by", "cells")
    halves = json.loads(ok("evaluate", "New", "--json"))["grids"]
    [fresh] = {one["code"] for one in halves} - set(people)
    ok("merge", "New", largest, fresh)
    again = json.loads(ok("evaluate", "New", "--json"))
    assert again["measures"] == measured["measures"]
    assert "Every grid has the number" in ok("number", "New")
    compared = json.loads(ok("compare", key("plans", "plan"), "New", "--json"))
    text_ = ok("compare", key("plans", "plan"), "New")
    assert f"{compared['comparison']['households_moved']:,} of" in text_
    ok("export", "New", str(tmp_path / "new.gpkg"))
    assert len(pyogrio.read_dataframe(tmp_path / "new.gpkg", layer="grids")) == len(people)
    assert "Nothing was changed." in ok("effect", "New", "--from", "2027-01-01", typed="n\n")
    assert "3 communities" in ok("effect", "New", "--from", "2027-01-01", "--yes")
    refused = run("delete", "New", "--yes")
    assert refused.exit_code == 1
    assert "no draft" in refused.stderr


@pytest.mark.slow
def test_what_a_plan_replaces_is_shown_before_it_is_asked_for(url: str):
    ok("draw", "--name", "Planned", "--scope", CODE_OF["A"], *BAND)
    assert "one community from 2099-01-01; periods of other plans: 1 cut back." in ok(
        "effect", "Planned", "--from", "2099-01-01", "--yes"
    )
    ok("draw", "--name", "New", *BAND)
    asked = run("effect", "New", "--from", "2098-01-01", typed="n\n")
    table, _, end = asked.stdout.partition("Put New in effect?")
    lines = [re.split(r"\s{2,}", line.strip()) for line in table.splitlines() if "3401" in line]
    assert lines == [
        [CODE_OF["A"], "plan", "2026-01-01", "2099-01-01", "2098-01-01"],
        [CODE_OF["A"], "Planned", "2099-01-01", "taken out"],
        [CODE_OF["B"], "plan", "2026-01-01", "2098-01-01"],
    ]
    assert "Nothing was changed." in end
    assert (
        f"Planned from 2099-01-01 is taken out: it never comes into effect in {CODE_OF['A']}"
        in (" ".join(asked.stderr.split()))
    )
    done = ok("effect", "New", "--from", "2098-01-01", "--yes")
    assert "3 communities from 2098-01-01; periods of other plans: 2 cut back, 1 taken out." in done


@pytest.mark.slow
def test_a_plan_drawn_to_be_in_effect_asks_before_it_replaces_another(url: str):
    to_be = ["--effective", "2098-01-01", *BAND]
    alone = ok("draw", "--name", "Alone", "--scope", CODE_OF["C"], *to_be)
    assert "In effect in one community from 2098-01-01." in alone
    refused = ok("draw", "--name", "Instead", "--scope", CODE_OF["A"], *to_be, typed="n\n")
    assert "Nothing was changed." in refused
    states = "SELECT name, status FROM grid_plans WHERE name IN ('Alone', 'Instead') ORDER BY 1"
    assert rows(url, states) == [("Alone", "effective"), ("Instead", "draft")]
    agreed = ok("draw", "--name", "Then", "--scope", CODE_OF["A"], *to_be, "--yes")
    assert "1 cut back" in agreed
    log = "SELECT count(*) FROM audit_log WHERE action = 'replaced'"
    assert rows(url, log) == [(1,)]


@pytest.mark.slow
def test_a_rebalance_is_shown_asked_for_and_stored_as_a_new_draft(url: str):
    ok("draw", "--name", "Base", *BAND)
    lock = json.loads(ok("evaluate", "Base", "--json"))["grids"][0]["code"]
    only = ok("rebalance", "Base", "--maximum", "400", "--lock", lock, "--preview")
    assert re.search(r"[\d,]+ of [\d,]+ households \([\d.]+%\) change grid", only)
    no = ok("rebalance", "Base", "--maximum", "400", typed="n\n")
    assert "Nothing was changed." in no
    assert rows(url, "SELECT count(*) FROM grid_plans") == [(3,)]
    ok("rebalance", "Base", "--maximum", "400", "--name", "Then", "--yes")
    found = rows(
        url,
        "SELECT p.status, b.name FROM grid_plans p JOIN grid_plans b ON b.id = p.from_plan_id",
    )
    assert found == [("draft", "Base")]
    ok("rebalance", "Base", "--maximum", "400", "--in-place", "--yes")
    assert rows(url, "SELECT version FROM grid_plans WHERE name = 'Base'") == [(2,)]
    kinds = rows(url, "SELECT kind, status FROM jobs ORDER BY created_at")
    assert kinds == [("draw", "succeeded")] + [("rebalance", "succeeded")] * 4
    refused = run("rebalance", key("plans", "plan"), "--in-place", "--yes")
    assert "no draft" in refused.stderr


@pytest.mark.slow
def test_a_report_is_one_page_with_the_plan_before_and_metis_alone(url: str, tmp_path: Path):
    ok("draw", "--name", "New", "--from", key("plans", "plan"), *BAND)
    page = tmp_path / "report.html"
    ok("report", "New", str(page), "--language", "en")
    html = page.read_text(encoding="utf-8")
    assert "METIS" in html
    assert f"{CODE_OF['A']}001" in html
    ok("report", "New", str(page), "--against", key("plans", "old"), "--language", "zh-CN")
    assert 'lang="zh-CN"' in page.read_text(encoding="utf-8")


@pytest.mark.slow
def test_quarters_are_called_by_name_in_the_terminal_and_in_the_report(
    url: str, scope: Scope, tmp_path: Path
):
    with sessions(url) as session:
        add_quarter(session, scope, "永睦小区", ["0,0", "0,1", "1,2", "0,3"])
        add_quarter(session, scope, None, ["2,0", "3,1"])
    drawn = ok("draw", "--name", "New", *BAND)
    assert f"  {CODE_OF['A']}: 永睦小区: The quarter of 520 households is larger" in drawn
    assert f"  {CODE_OF['A']}: 永睦小区: The quarter of 520" in ok("show", "New")
    traced = re.findall(r"^  (\d{15}): \d+ households", ok("show", "New", "--trace"), re.MULTILINE)
    assert traced == sorted(traced)
    told = reported(url, scope, "New")
    assert told.title == SUBDISTRICT, "the town's subdistrict has no name"
    assert {*told.quarters.values()} == {"永睦小区"}
    held = {one.unit for each in told.traces for one in each.largest}
    assert held & told.quarters.keys(), "the largest quarters of grids have their names"
    assert held - {None} - told.quarters.keys(), "the quarter without a name is left out"


def reported(url: str, scope: Scope, plan: str) -> PlanReport:
    with sessions(url) as session:
        order = PlanReportOrder(find_plan(session, scope, plan))
        return read_plan_report(session, scope, order)


@pytest.mark.slow
def test_the_report_says_how_a_plan_was_drawn_until_somebody_edits_it(url: str, scope: Scope):
    ok("draw", "--name", "One", "--seed", "3", *BAND)
    ok("draw", "--name", "Two", *BAND)
    ok("effect", "One", "--from", "2027-01-01", "--yes")
    told = reported(url, scope, "One")
    assert (told.status, told.preset, told.seed) == ("effective", "fast", 3)
    people = json.loads(ok("evaluate", "Two", "--json"))["grids"]
    ok("split", "Two", max(people, key=lambda one: one["households"])["code"], "--by", "cells")
    told = reported(url, scope, "Two")
    assert (told.preset, told.seed) == (None, None)


@pytest.mark.slow
def test_the_report_of_one_community_bears_its_name(url: str, scope: Scope):
    ok("draw", "--name", "One", "--scope", CODE_OF["A"], *BAND)
    told = reported(url, scope, "One")
    assert told.title == told.communities["name"].item()
    assert told.title != CODE_OF["A"]


def test_a_seed_below_nought_is_refused(url: str):
    assert url
    for refused in (run("draw", "--seed", "-1"), run("rebalance", "any", "--seed", "-1")):
        assert refused.exit_code == 2
        assert "--seed" in refused.stderr


@pytest.mark.slow
def test_numbers_are_shown_before_they_are_given(url: str):
    ok("draw", "--name", "New", *BAND)
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(
            text(
                "UPDATE grids SET sequence = sequence + 90, code = left(code, 12) || "
                "lpad((sequence + 90)::text, 3, '0') WHERE plan_id = "
                "(SELECT id FROM grid_plans WHERE name = 'New')"
            )
        )
    engine.dispose()
    before = rows(url, "SELECT code FROM grids ORDER BY code")
    shown = ok("number", "New", "--dry-run")
    assert f"{CODE_OF['A']}091" in shown
    assert rows(url, "SELECT code FROM grids ORDER BY code") == before
    assert "Nothing was changed." in ok("number", "New", typed="n\n")
    ok("number", "New", "--yes")
    assert "Every grid has the number" in ok("number", "New")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["show", "nothing"], "There is no plan 'nothing'"),
        (["draw", "--weight", "shape"], "is no weight"),
        (["draw", "--weight", "beauty=1"], "no weight 'beauty'"),
        (["draw", "--lock", "1"], "--from PLAN"),
        (["draw", "--scope", "990000000000"], "no community in the division"),
        (["draw", "--minimum", "500", "--maximum", "400"], "is not one"),
        (["list", "--status", "lost"], "--status 'lost'"),
        (["merge", key("plans", "plan"), "1", "2"], "no draft"),
        (["export", key("plans", "plan"), "plan.docx"], "plan.docx"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_line(url: str, words: list[str], said: str):
    answer = run(*words)
    assert answer.exit_code == 1
    assert said in answer.stderr
    assert "Traceback" not in answer.output


@pytest.mark.slow
def test_a_draft_of_a_name_that_two_have_is_asked_for_by_its_id(url: str):
    for kind in ("community", "party"):
        ok("draw", "--name", "Twice", "--kind", kind, *BAND)
    answer = run("show", "Twice")
    assert answer.exit_code == 1
    assert "2 plans are called 'Twice'" in answer.stderr
    [first, _] = rows(url, "SELECT id::text FROM grid_plans WHERE name = 'Twice'")
    ok("delete", str(first[0]), "--yes")
    ok("show", "Twice")


@pytest.mark.slow
def test_what_a_draft_has_already_is_not_said_again(url: str):
    ok("draw", "--name", "Draft", *BAND)
    for said in (["--name", "New"], ["--scope", SUBDISTRICT], ["--kind", "party"]):
        answer = run("draw", "Draft", *said)
        assert answer.exit_code != 0
        assert said[0] in answer.output


@pytest.mark.slow
def test_a_name_that_is_taken_is_refused_before_anything_is_drawn(url: str):
    ok("draw", "--name", "Base", *BAND)
    for words in (["draw", *BAND], ["rebalance", "Base", "--yes"]):
        refused = run(*words, "--name", "Base")
        assert refused.exit_code == 1
        assert "called 'Base' already" in refused.stderr
        assert "--name" in refused.stderr
    assert rows(url, "SELECT count(*) FROM jobs") == [(1,)]
    for _ in range(2):
        ok("rebalance", "Base", "--maximum", "400", "--yes")
    made = rows(url, "SELECT name FROM grid_plans WHERE name LIKE 'Base %' ORDER BY created_at")
    assert made == [("Base +",), ("Base + (2)",)]


@pytest.mark.slow
@pytest.mark.parametrize("keep_best", [False, True])
def test_ctrl_c_stores_nothing_or_the_best_so_far(
    url: str, monkeypatch: pytest.MonkeyPatch, *, keep_best: bool
):
    """Somebody presses it while the grids are drawn."""
    real = plan_drawing.draw_within

    def pressed(*given: Any, **named: Any) -> Any:
        signal.raise_signal(signal.SIGINT)
        return real(*given, **named)

    monkeypatch.setattr(plan_drawing, "draw_within", pressed)
    answer = run("draw", "--name", "New", *BAND, *(["--keep-best"] if keep_best else []))
    names = [name for (name,) in rows(url, "SELECT name FROM grid_plans")]
    [(status,)] = rows(url, "SELECT status FROM jobs")
    if keep_best:
        assert answer.exit_code == 0, answer.output
        assert "Stopped early" in answer.stderr
        assert ("New" in names, status) == (True, "succeeded")
    else:
        assert answer.exit_code == 130
        assert "Stopped; nothing was stored." in answer.stderr
        assert ("New" in names, status) == (False, "cancelled")


def test_ctrl_c_twice_ends_at_once_and_the_handler_goes_back():
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(typer.Exit) as ended, stopping(wanted=True) as stopped:
        assert not stopped()
        signal.raise_signal(signal.SIGINT)
        assert stopped()
        signal.raise_signal(signal.SIGINT)
    assert ended.value.exit_code == 130
    assert signal.getsignal(signal.SIGINT) is before
