"""Runs of coverage: measured, kept with their network, compared, and begun when things change."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import pytest
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session, sessionmaker
from typer.testing import CliRunner

from api.routers.indicators import _run
from cli.coverage_area_views import show_runs
from cli.main import app
from gis.coverage.shares import PEOPLE
from gis.database.engine import transaction
from gis.errors import ForbiddenError, InvalidInputError, NotFoundError
from gis.frames import POSTS, Dataset
from gis.jobs import coverage_run
from gis.jobs.coverage_run import KIND, queue_daily, queue_run, run_coverage
from gis.jobs.records import JobCancelledError, in_the_foreground
from gis.layers import coverage_runs, jobs
from gis.layers.buildings import Building
from gis.layers.coverage_runs import CoverageRun
from gis.layers.stations import Station
from gis.layers.walking_networks import WalkingNetwork
from gis.scope import Action, Scope
from gis.services.importing import import_dataset
from gis.services.indicator_reading import (
    EvidenceQuestion,
    IndicatorQuestion,
    read_evidence,
    read_indicators,
)
from gis.services.indicators import RunOrder, keep_run, measure_run, read_run_ground
from gis.services.walking import WalkingGrounds
from gis.settings import get_settings
from tests.streets import add_streets
from tests.town import grid_id, key

pytestmark = pytest.mark.db

ZONE = "Asia/Shanghai"
DAY = date(2026, 5, 6)
ORDER = RunOrder(ZONE, DAY, ("affairs", "any"), (300.0,), (10.0,))
SHARE = "households_covered:affairs_300_m"


def measured(session: Session, scope: Scope, order: RunOrder = ORDER) -> str:
    ground = read_run_ground(session, scope, order, keep=True)
    return keep_run(session, scope, ground, measure_run(ground))


def shown(session: Session, scope: Scope, **asked: Any) -> pd.DataFrame:
    question = IndicatorQuestion(ZONE, **{"as_of": DAY, **asked})
    return read_indicators(session, scope, question).table


def one(table: pd.DataFrame, area_id: str | None = None) -> "pd.Series[Any]":
    rows = table if area_id is None else table[table["area_id"] == area_id]
    assert len(rows) == 1
    return rows.iloc[0]


def test_a_run_is_kept_with_its_network_and_every_area(town_session: Session, scope: Scope):
    add_streets(town_session, scope)
    run_id = measured(town_session, scope)
    run = coverage_runs.one(town_session, scope, run_id)
    assert (run.as_of, run.method) == (DAY, "walking")
    assert run.network_id is not None
    values = coverage_runs.values(town_session, scope, run_id)
    per = values.groupby(["area_kind", "indicator"]).size()
    assert set(per["subdistrict"]) == {1}
    assert set(per["community"]) == {3}
    covered = values[values["indicator"] == SHARE]
    whole = one(covered[covered["area_kind"] == "subdistrict"])
    communities = covered[covered["area_kind"] == "community"]
    assert communities["numerator"].sum() == whole["numerator"]
    assert communities["denominator"].sum() == whole["denominator"] > 0
    codes = set(values["indicator"])
    assert {f"{name}_covered:any_10_min" for name in PEOPLE} <= codes
    assert not any("leader" in code for code in codes)  # nobody has told of posts


def test_without_roads_the_straight_line_is_measured(town_session: Session, scope: Scope):
    run = coverage_runs.one(town_session, scope, measured(town_session, scope))
    assert (run.method, run.network_id) == ("straight_line", None)
    with pytest.raises(InvalidInputError, match="no road"):
        measured(town_session, scope, RunOrder(ZONE, DAY, method="walking"))


def test_a_straight_line_covers_no_fewer_and_runs_are_kept_apart(
    town_session: Session, scope: Scope
):
    add_streets(town_session, scope)
    measured(town_session, scope)
    line = RunOrder(ZONE, DAY, ("affairs",), (300.0,), (), method="straight_line")
    measured(town_session, scope, line)
    walked, straight = (
        shown(town_session, scope, indicator=SHARE, area_kind="subdistrict", method=method)
        for method in ("walking", "straight_line")
    )
    assert one(walked)["value"] < one(straight)["value"]


def test_a_planned_station_counts_from_its_first_day(town_session: Session, scope: Scope):
    add_streets(town_session, scope)
    shares = []
    for day in (date(2027, 2, 28), date(2027, 3, 1)):
        order = RunOrder(ZONE, day, ("elderly_care",), (300.0,), ())
        measured(town_session, scope, order)
        code = "households_covered:elderly_care_300_m"
        found = shown(town_session, scope, as_of=day, indicator=code, area_kind="subdistrict")
        shares.append(one(found)["value"])
    assert shares[0] == 0 < shares[1]


def test_staffing_comes_from_posts_and_floor_area_from_stations(
    town_session: Session, scope: Scope
):
    posts = pd.DataFrame(
        {
            "id": [key("posts", str(i)) for i in range(3)],
            "role": ["grid_leader", "grid_worker", "building_leader"],
            "person_token": ["token-aa", "token-bb", "token-cc"],
            "grid_id": [grid_id("plan", "a"), grid_id("plan", "a"), None],
            "building_id": [None, None, key("buildings", "0,0")],
            "backup": False,
        }
    )
    import_dataset(town_session, scope, Dataset("posts", "", {"posts": POSTS.conform(posts)}))
    town_session.execute(update(Station).values(floor_area_m2=90.0))
    measured(town_session, scope)
    workers = one(
        shown(town_session, scope, indicator="workers_per_10000_residents", area_kind="subdistrict")
    )
    assert workers["numerator"] == 2
    assert workers["target"] == 18
    assert workers["value"] == pytest.approx(2e4 / workers["denominator"])
    assert workers["gap"] == pytest.approx(max(18 - workers["value"], 0))
    assert "国办发〔2021〕56号" in workers["source"]
    filled = shown(town_session, scope, indicator="posts_filled", area_kind="grid")
    assert one(filled, grid_id("plan", "a"))["value"] == pytest.approx(2 / 3)
    area = one(
        shown(
            town_session, scope, indicator="floor_area_per_100_households", area_kind="subdistrict"
        )
    )
    assert area["unit"] == "m2_per_100_households"
    assert area["numerator"] > 0
    question = EvidenceQuestion(ZONE, "posts_filled", "grid", grid_id("plan", "a"), DAY)
    rows = read_evidence(town_session, scope, WalkingGrounds(), question).table
    counted = rows[rows["counted"]]
    assert set(counted["id"]) == {key("posts", "0"), key("posts", "1")}
    assert rows[~rows["counted"]]["amount"].sum() == 3


@pytest.mark.slow
def test_trends_compare_with_the_month_and_the_year_before(town_session: Session, scope: Scope):
    add_streets(town_session, scope)
    for day in (date(2025, 5, 4), date(2026, 4, 8), date(2026, 4, 1)):
        order = RunOrder(ZONE, day, ("police",), (400.0,), ())
        measured(town_session, scope, order)
    town_session.execute(
        update(Station).where(Station.id == key("stations", "Hub")).values(opens_on=DAY)
    )
    measured(town_session, scope, RunOrder(ZONE, DAY, ("police",), (400.0,), ()))
    code = "households_covered:police_400_m"
    found = one(shown(town_session, scope, indicator=code, area_kind="subdistrict"))
    assert (found["month_as_of"], found["year_as_of"]) == (date(2026, 4, 8), date(2025, 5, 4))
    assert found["month_change"] == found["value"] - found["month_value"] == 0
    before = shown(
        town_session, scope, as_of=date(2026, 4, 1), indicator=code, area_kind="subdistrict"
    )
    assert pd.isna(one(before)["month_value"])


def test_small_counts_are_withheld_now_and_in_trends(town_session: Session, scope: Scope):
    add_streets(town_session, scope)
    for day in (date(2026, 4, 6), DAY):
        measured(town_session, scope, RunOrder(ZONE, day, ("affairs",), (300.0,), ()))
    code = "low_income_households_covered:affairs_300_m"
    full = shown(town_session, scope, indicator=code, area_kind="grid")
    shy = shown(town_session, scope, indicator=code, area_kind="grid", below=1000)
    assert not full["suppressed"].any()
    assert full["month_value"].notna().any()
    lived_in = full["denominator"] > 0
    assert shy.loc[lived_in, "suppressed"].all()
    hidden = ["value", "numerator", "denominator", "gap", "month_value", "month_change"]
    assert shy.loc[lived_in, hidden].isna().all(axis=None)


def test_evidence_says_when_the_data_have_changed(town_session: Session, scope: Scope):
    add_streets(town_session, scope)
    measured(town_session, scope)
    grounds = WalkingGrounds()
    question = EvidenceQuestion(ZONE, SHARE, "community", key("communities", "A"), DAY)
    first = read_evidence(town_session, scope, grounds, question)
    assert first.current
    number = one(shown(town_session, scope, indicator=SHARE), key("communities", "A"))
    assert first.table["amount"].sum() == number["denominator"]
    town_session.execute(update(Station).values(version=Station.version + 1))
    assert not read_evidence(town_session, scope, grounds, question).current
    with pytest.raises(NotFoundError):
        unknown = EvidenceQuestion(ZONE, "no_such", "community", None, DAY)
        read_evidence(town_session, scope, grounds, unknown)


def test_a_community_sees_its_own_and_who_may_not_write_keeps_nothing(
    town_session: Session, scope: Scope
):
    measured(town_session, scope)
    mine = key("communities", "A")
    reader = Scope("reader", frozenset({Action.READ}), frozenset({mine}))
    found = shown(town_session, reader)
    assert set(found["community_id"]) == {mine}
    with pytest.raises(ForbiddenError):
        measured(town_session, Scope("reader", frozenset({Action.READ}), None))


@pytest.mark.parametrize(
    "asked",
    [
        {"services": ("laundry",)},
        {"metres": (-1.0,)},
        {"metres": (), "minutes": ()},
        {"speed": "dog"},
        {"method": "flying"},
        {"services": ("any",) * 40},
    ],
)
def test_an_order_that_cannot_be_measured_is_refused(asked: dict[str, Any]):
    with pytest.raises(InvalidInputError):
        RunOrder(ZONE, **asked)


def test_an_order_survives_json():
    assert RunOrder.from_arguments(ORDER.as_arguments()) == ORDER
    assert RunOrder.from_arguments(RunOrder(ZONE).as_arguments()) == RunOrder(ZONE)


def counted(factory: "sessionmaker[Session]", model: type[Any]) -> int:
    with transaction(factory) as session:
        return session.execute(select(func.count()).select_from(model)).scalar_one()


def test_the_job_stores_run_and_network_and_keeps_a_report(
    town_factory: "sessionmaker[Session]", scope: Scope
):
    with transaction(town_factory) as session:
        add_streets(session, scope)
    told = ORDER.as_arguments()
    report = in_the_foreground(
        town_factory, scope, KIND, told, lambda r: run_coverage(town_factory, scope, told, r)
    )
    assert counted(town_factory, CoverageRun) == counted(town_factory, WalkingNetwork) == 1
    assert 0 < report["subdistrict"][SHARE] < 1
    assert set(report["seconds"]) == {"read", "walk", "store"}
    with transaction(town_factory) as session:
        (job,) = jobs.newest(session, scope)
        assert job.report == report


def test_a_cancelled_run_stores_nothing(
    town_factory: "sessionmaker[Session]", scope: Scope, monkeypatch: pytest.MonkeyPatch
):
    def measure_and_cancel(*given: Any) -> Any:
        with transaction(town_factory) as session:
            (job,) = jobs.newest(session, scope)
            jobs.request_cancel(session, scope, job.id)
        return measure_run(*given)

    monkeypatch.setattr(coverage_run, "measure_run", measure_and_cancel)
    told = ORDER.as_arguments()
    with pytest.raises(JobCancelledError):
        in_the_foreground(
            town_factory, scope, KIND, told, lambda r: run_coverage(town_factory, scope, told, r)
        )
    assert counted(town_factory, CoverageRun) == 0
    with transaction(town_factory) as session:
        (job,) = jobs.newest(session, scope)
        assert job.status == "cancelled"


def test_runs_are_queued_once_and_again_when_the_first_has_begun(
    town_factory: "sessionmaker[Session]", scope: Scope
):
    first = queue_run(town_factory, scope, ZONE)
    assert first is not None
    assert queue_run(town_factory, scope, ZONE) is None
    with transaction(town_factory) as session:
        assert jobs.start(session, scope, first)
    assert queue_run(town_factory, scope, ZONE) is not None


@pytest.mark.parametrize("words", [("import", "undo", "roads"), ("audit", "--fix")])
def test_what_takes_an_import_back_or_mends_the_ground_makes_a_run_due(
    town_factory: "sessionmaker[Session]",
    scope: Scope,
    monkeypatch: pytest.MonkeyPatch,
    words: tuple[str, ...],
):
    with transaction(town_factory) as session:
        add_streets(session, scope)
    monkeypatch.setenv(
        "DATABASE_URL", town_factory.kw["bind"].url.render_as_string(hide_password=False)
    )
    get_settings.cache_clear()
    answer = CliRunner().invoke(app, [*words, "--yes"])
    monkeypatch.undo()
    get_settings.cache_clear()
    assert not isinstance(answer.exception, Exception), answer.output
    with transaction(town_factory) as session:
        due = jobs.newest_of(session, scope, KIND)
    assert due is not None
    assert due.status == "queued"


def test_a_day_is_measured_once(town_factory: "sessionmaker[Session]", scope: Scope):
    job_id = queue_daily(town_factory, scope, ZONE)
    assert job_id is not None
    with transaction(town_factory) as session:
        jobs.request_cancel(session, scope, job_id)
    assert queue_daily(town_factory, scope, ZONE) is None  # one was begun today
    with transaction(town_factory) as session:
        past = datetime.now(ZoneInfo(ZONE)) - timedelta(days=1)
        session.execute(update(jobs.Job).values(created_at=past))
    assert queue_daily(town_factory, scope, ZONE) is not None


def test_an_empty_store_and_one_that_may_not_be_written_queue_nothing(
    factory: "sessionmaker[Session]", town_factory: "sessionmaker[Session]", scope: Scope
):
    assert queue_run(factory, scope, ZONE) is None
    reader = Scope("reader", frozenset({Action.READ}), None)
    assert queue_run(town_factory, reader, ZONE) is None


def test_buildings_without_people_have_no_share(town_session: Session, scope: Scope):
    town_session.execute(update(Building).values(dict.fromkeys(PEOPLE, 0)))
    measured(town_session, scope)
    found = shown(town_session, scope, indicator=SHARE)
    assert found["value"].isna().all()


def test_evidence_withholds_nothing_for_the_sake_of_the_other_side(
    town_session: Session, scope: Scope
):
    """Who is covered and who is not are two sums, each of its own buildings."""
    add_streets(town_session, scope)
    measured(town_session, scope)
    few = "elderly_covered:affairs_300_m"
    question = EvidenceQuestion(ZONE, few, "subdistrict", as_of=DAY, below=3)
    before = read_evidence(town_session, scope, WalkingGrounds(), question).table
    within = before.loc[before["counted"], "id"].tolist()
    assert 2 < len(within) < len(before)
    town_session.execute(update(Building).values(residents=90, elderly=9))
    town_session.execute(update(Building).where(Building.id.in_(within)).values(elderly=0))
    town_session.execute(update(Building).where(Building.id.in_(within[:2])).values(elderly=2))
    rows = read_evidence(town_session, scope, WalkingGrounds(), question).table
    assert rows.loc[rows["counted"], "suppressed"].all()
    assert not rows.loc[~rows["counted"], "suppressed"].any()
    assert (rows.loc[~rows["counted"], "amount"] == 9).all()


def test_runs_of_another_version_are_read(town_session: Session, scope: Scope):
    """They told less of how they were measured; the number is still taken apart."""
    run_id = measured(town_session, scope, replace(ORDER, method="straight_line"))
    row = coverage_runs.one(town_session, scope, run_id)
    less = {name: row.parameters[name] for name in ("indicators", "services", "metres", "minutes")}
    town_session.execute(update(CoverageRun).values(parameters={**less, "former": 1}))
    question = EvidenceQuestion(ZONE, SHARE, "subdistrict", as_of=DAY)
    behind = read_evidence(town_session, scope, WalkingGrounds(), question).table
    assert (
        behind["amount"].sum()
        == one(shown(town_session, scope, indicator=SHARE).query("area_kind == 'subdistrict'"))[
            "denominator"
        ]
    )
    town_session.execute(update(CoverageRun).values(parameters={"indicators": less["indicators"]}))
    row = coverage_runs.one(town_session, scope, run_id)
    show_runs([row], as_json=False)
    assert (_run(row).metres, _run(row).speed) == ([], "adult")
