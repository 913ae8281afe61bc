"""A planner of one community does a planner's work there, and nowhere else.

Everything runs in transactions of the planner's scope, so PostgreSQL's own policies hold as well.
"""

from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session, sessionmaker

from gis.access import Area, AreaKind, Grant, Permission, Role, authorise
from gis.database.engine import transaction
from gis.errors import ForbiddenError, InvalidInputError, NotFoundError
from gis.jobs import coverage_run, plan_drawing, siting
from gis.jobs.worker import do_job
from gis.layers import coverage_runs, jobs, plans, stations
from gis.layers.incidents import Incident
from gis.layers.matters import one as one_matter
from gis.scope import Action, Scope
from gis.services import accounts, plan_lifecycle
from gis.services.auditing import run_audit
from gis.services.covering import CoverageOrder, read_coverage
from gis.services.exporting import ExportOrder, export_layers
from gis.services.indicators import RunOrder
from gis.services.intake import NewMatter, take_in
from gis.services.plan_editing import merge_grids
from gis.services.plan_measuring import measure_plan
from gis.services.redistricting import PlanOrder, draw_plan
from gis.services.siting_adopting import Adoption, adopt_sites
from gis.services.siting_order import SitingOrder
from gis.services.station_updates import StationChange, update_station
from gis.services.walking import WalkingGrounds
from tests.db.planning import SMALL, TOWN_PLAN
from tests.streets import add_streets
from tests.town import CODE_OF, SUBDISTRICT, TIMEZONE, grid_id, key, lon_lat

pytestmark = pytest.mark.db

DAY = date(2026, 6, 1)
A, B = key("communities", "A"), key("communities", "B")
WORKS = coverage_run.WORKS | plan_drawing.WORKS | siting.WORKS
Sessions = sessionmaker[Session]


@pytest.fixture
def town(town_factory: Sessions, scope: Scope) -> Sessions:
    with transaction(town_factory) as session:
        add_streets(session, scope)
    return town_factory


def account(town: Sessions, login: str, role: Role, *areas: Area) -> str:
    with transaction(town) as session:
        owner = Scope.local_owner()
        user_id = accounts.add_user(session, owner, login)
        for area in areas:
            accounts.grant(session, owner, user_id, Grant(role, area))
    return user_id


def asking(town: Sessions, user_id: str, permission: Permission) -> Scope:
    """Return the scope of an account for a permission, as a request has it."""
    with transaction(town) as session:
        principal = accounts.principal_of(session, user_id)
    return authorise(principal, permission, datetime.now(UTC).date())


@pytest.fixture
def ann(town: Sessions) -> str:
    return account(town, "ann", Role.PLANNER, Area(AreaKind.COMMUNITY, CODE_OF["A"]))


@pytest.fixture
def drawing(town: Sessions, ann: str) -> Scope:
    return asking(town, ann, Permission.PLANS_DRAW)


def own_plan(town: Sessions, drawing: Scope) -> str:
    with transaction(town, drawing) as session:
        return draw_plan(
            session, drawing, PlanOrder(options=SMALL, scope_code=CODE_OF["A"], name="Own")
        ).plan_id


@pytest.mark.slow
def test_she_draws_edits_measures_and_deletes_a_plan_of_her_community(
    town: Sessions, drawing: Scope
):
    plan_id = own_plan(town, drawing)
    with transaction(town, drawing) as session:
        measured = measure_plan(session, drawing, plan_id)
        codes = list(measured.plan.grids["code"])
        assert {code[:12] for code in codes} == {CODE_OF["A"]}
        merge_grids(session, drawing, plan_id, codes[:2])
    with transaction(town, drawing) as session:
        plan_lifecycle.delete_draft(session, drawing, plan_id)
    with pytest.raises(NotFoundError), transaction(town, drawing) as session:
        plans.one(session, drawing, plan_id)


def test_a_plan_is_put_into_effect_where_it_lies_and_stays_in_effect_elsewhere(
    town: Sessions, drawing: Scope
):
    plan_id = own_plan(town, drawing)
    rita = account(town, "rita", Role.REVIEWER, Area(AreaKind.COMMUNITY, CODE_OF["A"]))
    approving = asking(town, rita, Permission.PLANS_APPROVE)
    with transaction(town, approving) as session:
        plan_lifecycle.put_in_effect(session, approving, plan_id, date(2027, 1, 1))
    with transaction(town) as session:
        owner = Scope.local_owner()
        ends = {
            one.community_id: one.during.upper
            for one in plans.effects_of(session, owner, TOWN_PLAN)
        }
        assert ends == {A: date(2027, 1, 1), B: None}
        assert plans.one(session, owner, TOWN_PLAN).status == "effective"


def test_a_plan_of_more_than_her_ground_is_seen_and_not_touched(town: Sessions, drawing: Scope):
    with transaction(town, drawing) as session:
        assert plans.one(session, drawing, TOWN_PLAN).drawing is None
        for write in (plans.lock_plan, plan_lifecycle.delete_draft):
            with pytest.raises(ForbiddenError):
                write(session, drawing, TOWN_PLAN)
        with pytest.raises(ForbiddenError):
            plan_lifecycle.create_draft(session, drawing, scope_code=SUBDISTRICT)
        with pytest.raises(InvalidInputError):  # for her there is no such division
            plan_lifecycle.create_draft(session, drawing, scope_code=CODE_OF["B"])
    with transaction(town) as session:
        foreign = plan_lifecycle.create_draft(session, Scope.local_owner(), scope_code=CODE_OF["B"])
    with transaction(town, drawing) as session:
        for touch in (plans.one, plans.lock_plan, plan_lifecycle.delete_draft, measure_plan):
            with pytest.raises(NotFoundError):
                touch(session, drawing, foreign)


def test_she_changes_stations_of_her_community_only(town: Sessions, ann: str):
    writing = asking(town, ann, Permission.STATIONS_WRITE)
    own, foreign = key("stations", "West office"), key("stations", "East office")
    closed = StationChange(facts={"status": "closed", "closes_on": date(2026, 9, 1)})
    with transaction(town, writing) as session:
        update_station(session, writing, own, closed, versions=(), timezone=TIMEZONE)
        assert stations.one(session, writing, own).status == "closed"
        with pytest.raises(NotFoundError):
            update_station(session, writing, foreign, closed, versions=(), timezone=TIMEZONE)
        away = StationChange(place=lon_lat(5.5, 1.5))
        with pytest.raises(ForbiddenError):
            update_station(session, writing, own, away, versions=(), timezone=TIMEZONE)


def test_a_matter_is_taken_in_where_she_is_and_found_again(town: Sessions):
    dan = account(town, "dan", Role.DISPATCHER, Area(AreaKind.COMMUNITY, CODE_OF["A"]))
    gus = account(town, "gus", Role.GRID_WORKER, Area(AreaKind.GRID, f"{CODE_OF['A']}001"))
    for user_id in (dan, gus):
        writing = asking(town, user_id, Permission.MATTERS_WRITE)
        facts = {"category": "noise", "service": "affairs"}
        when = datetime(2026, 6, 1, 2, tzinfo=UTC)
        here = NewMatter(when, lon_lat(0.5, 0.5), facts=facts)
        with transaction(town, writing) as session:
            key_of = take_in(session, writing, "incidents", here, timezone=TIMEZONE)
            assert one_matter(session, writing, Incident, key_of).grid_id == grid_id("plan", "a")
        for x in (5.5, 9.5):
            there = NewMatter(when, lon_lat(x, 1.5), facts=facts)
            with pytest.raises(ForbiddenError), transaction(town, writing) as session:
                take_in(session, writing, "incidents", there, timezone=TIMEZONE)


def test_coverage_counts_her_buildings_and_every_station(town: Sessions, ann: str):
    reading = asking(town, ann, Permission.GROUND_READ)
    with transaction(town, reading) as session:
        view = read_coverage(session, reading, CoverageOrder(TIMEZONE))
        ground = WalkingGrounds().current(session, reading)
    assert set(view.buildings["community_id"]) == {A}
    assert set(ground.buildings["community_id"]) == {A}
    assert {A, B} <= set(ground.stations["community_id"].dropna())


def test_the_grounds_of_two_scopes_are_kept_apart(town: Sessions, ann: str):
    bea = account(town, "bea", Role.VIEWER, Area(AreaKind.COMMUNITY, CODE_OF["B"]))
    grounds = WalkingGrounds()
    for _ in range(2):
        for user_id, home in ((ann, A), (bea, B)):
            reading = asking(town, user_id, Permission.GROUND_READ)
            with transaction(town, reading) as session:
                ground = grounds.current(session, reading)
            assert set(ground.buildings["community_id"]) == {home}


def job(town: Sessions, scope: Scope, kind: str, arguments: dict[str, object]) -> str:
    with transaction(town, scope) as session:
        return jobs.add(session, scope, kind, arguments)


def done(town: Sessions, job_id: str) -> object:
    owner = Scope.local_owner()
    do_job(town, owner, WORKS, job_id)
    with transaction(town) as session:
        return jobs.one(session, owner, job_id)


def test_her_jobs_run_on_her_ground(town: Sessions, ann: str):
    running = asking(town, ann, Permission.COVERAGE_RUN)
    run = done(town, job(town, running, "coverage", RunOrder(TIMEZONE, as_of=DAY).as_arguments()))
    assert run.status == "succeeded", run.error
    with transaction(town, running) as session:
        values = coverage_runs.values(session, running, run.report["run_id"])
        assert set(values["community_id"]) == {A}
    with transaction(town) as session:  # what was measured on a part is no run of the whole
        assert coverage_runs.newest_at(session, Scope.local_owner(), DAY) is None
    choosing = asking(town, ann, Permission.SITING_RUN)
    wanted = SitingOrder(service="canteen", as_of=DAY, timezone=TIMEZONE, count=1, radius_m=200.0)
    told = siting.SitingJob(wanted).as_arguments()
    sited = done(town, job(town, choosing, "siting", told))
    assert sited.status == "succeeded", sited.error
    assert {site["community_code"] for site in sited.report["sites"]} == {CODE_OF["A"]}
    adopting = asking(town, ann, Permission.STATIONS_WRITE)
    with transaction(town, adopting) as session:
        how = Adoption(date(2027, 1, 1), TIMEZONE)
        adopt_sites(session, adopting, str(sited.id), sited.report, how)


def test_a_job_is_not_done_for_who_may_not_do_it_any_more(town: Sessions, ann: str):
    running = asking(town, ann, Permission.COVERAGE_RUN)
    arguments = RunOrder(TIMEZONE, as_of=DAY).as_arguments()
    taken, gone = (job(town, running, "coverage", arguments) for _ in range(2))
    with transaction(town) as session:
        session.execute(text("UPDATE user_grants SET revoked_at = now()"))
    refused = done(town, taken)
    assert (refused.status, refused.error["kind"]) == ("failed", "ForbiddenError")
    with transaction(town) as session:
        session.execute(text("DELETE FROM users WHERE login = 'ann'"))
    assert done(town, gone).error["kind"] == "ForbiddenError"


def test_a_forged_job_is_not_the_owners(town: Sessions):
    """A principal without an account never comes to act as the installation itself."""
    stranger = Scope("local_owner", frozenset(Action), frozenset({A}), roles=("planner",))
    arguments = RunOrder(TIMEZONE, as_of=DAY).as_arguments()
    with transaction(town) as session:
        job_id = jobs.add(session, stranger, "coverage", arguments)
    assert done(town, job_id).status == "failed"


def test_jobs_are_ones_own_and_an_admins(town: Sessions, ann: str):
    bob = account(town, "bob", Role.PLANNER, Area(AreaKind.COMMUNITY, CODE_OF["A"]))
    boss = account(town, "boss", Role.ADMIN, Area(AreaKind.EVERYWHERE))
    running = asking(town, ann, Permission.COVERAGE_RUN)
    job_id = job(town, running, "coverage", RunOrder(TIMEZONE).as_arguments())
    for user_id, sees in ((ann, True), (bob, False), (boss, True)):
        looking = asking(town, user_id, Permission.JOBS_READ)
        with transaction(town, looking) as session:
            assert [str(one.id) for one in jobs.newest(session, looking)] == [job_id] * sees
            if not sees:
                with pytest.raises(NotFoundError):
                    jobs.one(session, looking, job_id)
                cancelling = asking(town, user_id, Permission.JOBS_CANCEL)
                with pytest.raises(NotFoundError):
                    jobs.request_cancel(session, cancelling, job_id)


def test_she_exports_and_checks_her_ground(town: Sessions, ann: str, tmp_path: Path):
    exporting = asking(town, ann, Permission.EXPORTS_MAKE)
    with transaction(town, exporting) as session:
        order = ExportOrder(
            ("buildings", "grids", "grid_measures"), tmp_path / "a.gpkg", timezone=TIMEZONE
        )
        written = export_layers(session, exporting, order)
    assert written.rows["grids"] == 2
    checking = asking(town, ann, Permission.CHECKS_RUN)
    with transaction(town, checking) as session:
        found = run_audit(session, checking).findings.frame
        ids = {str(row) for rows in found["row_ids"] for row in rows}
        assert B not in ids
