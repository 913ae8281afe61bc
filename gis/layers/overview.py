"""How much is in the store: the counts and dates that a front page or a doctor shows."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import Date, Text, case, cast, func, literal, select
from sqlalchemy.dialects.postgresql import aggregate_order_by

from gis.layers.buildings import Building
from gis.layers.communities import Community
from gis.layers.demands import Demand
from gis.layers.divisions import Division
from gis.layers.grids import Grid, in_effect
from gis.layers.imports import ImportRecord
from gis.layers.incidents import Incident
from gis.layers.plans import GridPlan, PlanEffect
from gis.layers.queries import alive, restricted, table_of
from gis.layers.roads import Road
from gis.layers.stations import HoursHorizon, Station
from gis.scope import Action, Scope

if TYPE_CHECKING:
    from sqlalchemy import ScalarSelect, Select
    from sqlalchemy.orm import Session

    from gis.database.base import Base


@dataclass(frozen=True, slots=True)
class Overview:
    """What is in the store.

    Parameters
    ----------
    counts
        Rows by layer: those that exist today, the grids of the plan in effect.
    households
        Households of the buildings that stand today.
    unassigned
        Incidents and demands that nobody has assigned yet.
    place
        Name of the lowest division that has one.
    imported_at, imported_name
        The newest import; ``None`` if there was none.
    plan_since
        First day of the newest period of the plan in effect.
    hours_from, hours_to
        The horizon over which opening hours are laid out.
    """

    counts: dict[str, int]
    households: int
    unassigned: int
    place: str | None
    imported_at: datetime | None
    imported_name: str | None
    plan_since: date | None
    hours_from: datetime | None
    hours_to: datetime | None


def read_overview(session: "Session", scope: Scope, on_day: date) -> Overview:
    """Return what is in the store of the scope's ground, asked in one statement."""
    buildings, effects = table_of(Building), table_of(PlanEffect)
    incidents, demands = table_of(Incident), table_of(Demand)
    imports, hours = table_of(ImportRecord), table_of(HoursHorizon)
    divisions = table_of(Division)
    newest = (
        select(imports).order_by(imports.c.imported_at.desc(), imports.c.id).limit(1).subquery()
    )
    counts = {
        "communities": _count(scope, Community).where(alive(Community)),
        "grids": _count(scope, Grid).where(in_effect("community", on_day)),
        "buildings": _count(scope, Building).where(alive(Building)),
        "stations": _count(scope, Station),
        "roads": _count(scope, Road),
        "incidents": _count(scope, Incident),
        "demands": _count(scope, Demand),
    }
    homes = select(func.coalesce(func.sum(buildings.c.households), 0)).where(alive(Building))
    households = restricted(homes, scope, Building)
    waiting = _count(scope, Incident).where(incidents.c.assigned_at.is_(None)).scalar_subquery() + (
        _count(scope, Demand).where(demands.c.assigned_at.is_(None)).scalar_subquery()
    )
    lowest = case((divisions.c.level == "subdistrict", 0), else_=1)
    place = (
        select(divisions.c.name)
        .where(divisions.c.name.is_not(None))
        .order_by(lowest, divisions.c.code)
        .limit(1)
    )
    since = select(func.max(func.lower(effects.c.during))).where(
        effects.c.kind == "community", effects.c.during.op("@>")(literal(on_day, Date))
    )
    row = session.execute(
        select(
            *(asked.scalar_subquery().label(name) for name, asked in counts.items()),
            households.scalar_subquery().label("households"),
            waiting.label("unassigned"),
            _value(place).label("place"),
            _value(select(newest.c.imported_at)).label("imported_at"),
            _value(select(newest.c.name)).label("imported_name"),
            _value(since).label("plan_since"),
            _value(select(func.lower(hours.c.during))).label("hours_from"),
            _value(select(func.upper(hours.c.during))).label("hours_to"),
        )
    ).one()
    facts = dict(row._mapping)  # noqa: SLF001 - a public name of SQLAlchemy
    return Overview({name: int(facts.pop(name)) for name in counts}, **facts)


def data_version(session: "Session", scope: Scope) -> str:
    """Return a text that changes with whatever a coverage map shows, asked in one statement.

    It is of all that the transaction sees, and is shown to nobody: a part of the keys of caches,
    beside :attr:`~gis.scope.Scope.ground_key`.
    """
    scope.require(Action.READ)
    imports, hours = table_of(ImportRecord), table_of(HoursHorizon)
    plans, effects, stations = table_of(GridPlan), table_of(PlanEffect), table_of(Station)
    buildings, incidents = table_of(Building), table_of(Incident)
    periods = cast(effects.c.id, Text) + cast(effects.c.during, Text)
    parts = [
        (func.count(imports.c.id), func.max(imports.c.imported_at)),
        (func.count(plans.c.id), func.sum(plans.c.version), func.max(plans.c.created_at)),
        (func.md5(func.string_agg(periods, aggregate_order_by(literal(","), effects.c.id))),),
        (func.count(stations.c.id), func.sum(stations.c.version), func.max(stations.c.updated_at)),
        (func.count(buildings.c.id), func.max(buildings.c.created_at)),
        (func.count(incidents.c.id), func.max(incidents.c.created_at)),
        (func.max(hours.c.expanded_at),),
    ]
    texts = [
        select(
            func.concat_ws("/", *(func.coalesce(cast(c, Text), "-") for c in part))
        ).scalar_subquery()
        for part in parts
    ]
    return str(session.execute(select(func.concat_ws("/", *texts))).scalar_one())


def _count(scope: Scope, model: "type[Base]") -> "Select[int]":
    counted: Select[int] = restricted(
        select(func.count()).select_from(table_of(model)), scope, model
    )
    return counted


def _value(asked: "Select[Any]") -> "ScalarSelect[Any]":
    return asked.scalar_subquery()
