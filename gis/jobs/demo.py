"""The demo: load, draw, assign and map one subdistrict, in a database of its own."""

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import make_url
from sqlalchemy.orm import Session, sessionmaker

from gis.database.engine import (
    drop_named_database,
    make_engine,
    named_database_url,
    only_one,
    session_factory,
    transaction,
)
from gis.database.migrate import upgrade
from gis.districting import DrawOptions
from gis.frames import Dataset
from gis.i18n import Language
from gis.jobs.coverage_map import CoverageMapOrder, write_coverage_map
from gis.jobs.demo_people import DemoUser, make_demo_users
from gis.jobs.steps import Silent, Steps, Watcher
from gis.layers import accounts as account_rows
from gis.layers import grids, matters, plans
from gis.layers.incidents import Incident
from gis.logs import job
from gis.scope import Scope
from gis.services import covering, importing, locating, opening, staffing
from gis.services.outputs import grids_geojson, write_json
from gis.services.redistricting import DrawnPlan, PlanOrder, draw_plan

if TYPE_CHECKING:
    from gis.settings import Settings

#: The party plan's grids are about twice a community grid.
PARTY = DrawOptions(target=800, minimum=500, maximum=1100)
PLAN_NAMES = {"community": "示范网格方案", "party": "示范党建网格方案"}
MAP_FILES: dict[Language, str] = {"zh-CN": "coverage.html", "en": "coverage.en.html"}
#: How far back hours are laid out, so that the year of matters can be assigned.
BEHIND = timedelta(days=400)


@dataclass(frozen=True)
class DemoInput:
    """What the demo runs on.

    Parameters
    ----------
    key
        Short name of the input: names the database, so that inputs never meet.
    fingerprint
        Of the input's content and options: the same one is not loaded again.
    read
        Makes the data set; called only if it must be loaded.
    timezone
        IANA name of the zone of the place.
    titles
        Heading of the map by language.
    behind
        How far back the matters reach.
    party
        Whether a party plan is drawn over the same ground.
    staffed
        Whether posts are made up for the grids.
    """

    key: str
    fingerprint: str
    read: Callable[[Callable[[float, float], None]], Dataset]
    timezone: str
    titles: Mapping[Language, str]
    behind: timedelta = BEHIND
    party: bool = True
    staffed: bool = True


@dataclass(frozen=True)
class DemoResult:
    """What a run made and measured."""

    url: str
    report: dict[str, Any]
    plan: DrawnPlan
    files: dict[str, Path] = field(default_factory=dict)
    users: tuple[DemoUser, ...] = ()


def database_name(key: str) -> str:
    """Return the name of the demo's database for an input, a legal one and unlike any other's.

    Examples
    --------
    >>> database_name("sample")
    'wangge_demo_sample'
    """
    clean = re.sub(r"[^a-z0-9_]+", "_", key.lower()).strip("_")[:40] or "input"
    if clean != key:
        clean += "_" + hashlib.sha256(key.encode()).hexdigest()[:6]
    return f"wangge_demo_{clean}"


def run_demo(
    settings: "Settings",
    source: DemoInput,
    out: Path,
    *,
    watcher: Watcher | None = None,
    accounts: bool = True,
) -> DemoResult:
    """Load the input if it is new; then draw, assign and map it, and write three files.

    Parameters
    ----------
    settings
        Where the database is; the demo uses one of its own beside the user's.
    source
        What to run on.
    out
        Folder of ``coverage.html``, ``coverage.en.html``, ``grids.geojson`` and ``report.json``.
    watcher
        Shows how far it is.
    accounts
        Whether an account is opened for each role; else the demo has none and asks nobody.

    Raises
    ------
    gis.errors.WanggeError
        Whatever is wrong with the input; the database stays as it was before the failing step.
    """
    steps = Steps(watcher or Silent())
    name = database_name(source.key)
    with job("demo"), only_one(settings, name):
        with steps.step("database"):
            url = _fresh_or_known(settings, source)
            engine = make_engine(url)
        try:
            factory = session_factory(engine)
            report, plan, files = _run(settings, factory, source, out, steps)
            users = _people(factory, source, wanted=accounts)
        finally:
            engine.dispose()
    shown = make_url(url).render_as_string(hide_password=False)
    return DemoResult(shown, report, plan, files, users)


def _people(
    factory: sessionmaker[Session], source: DemoInput, *, wanted: bool
) -> tuple[DemoUser, ...]:
    scope = Scope.local_owner()
    today = locating.local_day(datetime.now(UTC), source.timezone)
    with transaction(factory) as session:
        if wanted:
            return tuple(make_demo_users(session, scope, today))
        account_rows.clear(session, scope)
    return ()


def _run(
    settings: "Settings",
    factory: sessionmaker[Session],
    source: DemoInput,
    out: Path,
    steps: Steps,
) -> tuple[dict[str, Any], DrawnPlan, dict[str, Path]]:
    scope = Scope.local_owner()
    _load(factory, scope, source, steps)
    with steps.step("draw"), transaction(factory) as session:
        plan = _draw(session, scope, source, steps)
    with steps.step("assign"), transaction(factory) as session:
        for layer in locating.MATTER_LAYERS:
            locating.assign_layer(
                session, scope, layer, timezone=source.timezone, only_unassigned=False
            )
    with steps.step("map"), transaction(factory) as session:
        out.mkdir(parents=True, exist_ok=True)
        files, verdict = _write(session, scope, source, out, suppress_below=settings.suppress_below)
    with transaction(factory) as session:
        report = _report(session, scope, plan, verdict, steps)
    files["report"] = out / "report.json"
    write_json(files["report"], report)
    return report, plan, files


def _fresh_or_known(settings: "Settings", source: DemoInput) -> str:
    """Return the URL of the demo's database, which holds this very input or nothing.

    An input that has changed (a newer file, another generator) is loaded into an empty database:
    the demo's is its own, so nothing of the user's is lost.
    """
    name = database_name(source.key)
    url = named_database_url(settings, name)
    upgrade(url)
    engine = make_engine(url)
    with transaction(session_factory(engine)) as session:
        stale = importing.holds_other_than(session, Scope.local_owner(), source.fingerprint)
    engine.dispose()
    if stale:
        drop_named_database(settings, name)
        url = named_database_url(settings, name)
        upgrade(url)
    return url


def _load(factory: sessionmaker[Session], scope: Scope, source: DemoInput, steps: Steps) -> None:
    with transaction(factory) as session:
        known = importing.is_imported(session, scope, source.fingerprint)
    if not known:
        with steps.step("load"), transaction(factory) as session:
            dataset = source.read(steps.progress("load"))
            importing.import_dataset(session, scope, dataset, fingerprint=source.fingerprint)
    today = datetime.now(UTC)
    with transaction(factory) as session:
        if not known or opening.is_stale(session, scope):
            with steps.step("hours"):
                opening.seed_calendar_for(session, scope, source.timezone, today - source.behind)
                opening.expand_open_intervals(
                    session, scope, timezone=source.timezone, start=today - source.behind
                )


def _draw(session: Session, scope: Scope, source: DemoInput, steps: Steps) -> DrawnPlan:
    """Replace the demo's plans by new ones, in effect since before the first matter."""
    grids.remove_plans(session, scope, plans.ids_named(session, scope, PLAN_NAMES.values()))
    since: date = locating.local_day(datetime.now(UTC) - source.behind, source.timezone)
    code = covering.scope_code(session, scope)
    tell = steps.progress("draw")
    orders = [PlanOrder(code, "community", PLAN_NAMES["community"], effective_from=since)]
    if source.party:
        orders.append(PlanOrder(code, "party", PLAN_NAMES["party"], PARTY, effective_from=since))
    drawn = [
        draw_plan(session, scope, order, progress=lambda _, done, total: tell(done, total))
        for order in orders
    ]
    if source.staffed:
        staffing.staff_grids(session, scope, drawn[0].plan_id, start=since)
    grids.check_now(session)
    return drawn[0]


def _write(
    session: Session, scope: Scope, source: DemoInput, out: Path, *, suppress_below: int
) -> tuple[dict[str, Path], int]:
    view = covering.read_coverage(session, scope, covering.CoverageOrder(source.timezone))
    files = {}
    for language, name in MAP_FILES.items():
        order = CoverageMapOrder(source.titles[language], language, suppress_below)
        files[name] = out / name
        write_coverage_map(view, order, files[name])
    files["grids"] = out / "grids.geojson"
    write_json(files["grids"], grids_geojson(view.grids, suppress_below=suppress_below))
    return files, view.uncovered_households()


def _report(
    session: Session, scope: Scope, plan: DrawnPlan, uncovered: int, steps: Steps
) -> dict[str, Any]:
    answers = matters.assignment_counts(session, scope, Incident)
    return {
        "grids": plan.grids,
        "households": plan.measures["households"],
        "share_in_range": plan.measures["share_in_range"],
        "noncontiguous": plan.measures["noncontiguous"],
        "uncovered_households": uncovered,
        "incidents_assigned": answers.pop("assigned", 0),
        "incidents_unassigned": answers,
        "seconds": steps.seconds,
    }
