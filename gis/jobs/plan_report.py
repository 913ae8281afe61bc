"""The plan report: what the store says of a plan, told on one page."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gis import frames
from gis.districting import draw_grids
from gis.layers import divisions, imports, plans
from gis.layers.barriers import Barrier
from gis.layers.queries import read_layer
from gis.services.locating import local_day
from gis.services.plan_explaining import explained
from gis.services.plan_measuring import compare_plans, measure_plan
from gis.services.plan_splitting import splits_buildings, told_of_buildings
from maps.plan_report import PlanReport, PreviousPlan, write_plan_report

if TYPE_CHECKING:
    import geopandas as gpd
    from sqlalchemy.orm import Session

    from gis.districting import Plan
    from gis.i18n import Language
    from gis.scope import Scope
    from gis.services.plan_measuring import Measured


@dataclass(frozen=True, slots=True)
class PlanReportOrder:
    """What is to be reported, and how.

    Parameters
    ----------
    plan_id
        The plan.
    against
        The plan to compare with; ``None``: the one that it was drawn from, else the one of its kind
        that is in effect.
    title
        Heading; ``None``: the name of the division or community.
    language, timezone
        Of the page.
    tile_url, tile_attribution
        Optional tile background.
    """

    plan_id: str
    against: str | None = None
    title: str | None = None
    language: "Language" = "en"
    timezone: str = "UTC"
    tile_url: str | None = None
    tile_attribution: str = ""


def save_plan_report(
    session: "Session", scope: "Scope", order: PlanReportOrder, path: Path
) -> None:
    """Write the report of a plan to a file that opens without a network.

    Raises
    ------
    gis.errors.NotFoundError
        There is no such plan.
    gis.errors.ConflictError
        It has no grids, or has no ground in common with the one to compare with.
    gis.errors.DataSourceError
        The file cannot be written.
    """
    write_plan_report(
        read_plan_report(session, scope, order),
        path,
        language=order.language,
        tile_url=order.tile_url,
        tile_attribution=order.tile_attribution,
    )


def read_plan_report(session: "Session", scope: "Scope", order: PlanReportOrder) -> PlanReport:
    """Return what the report of a plan is made from; all of it as the store has it now.

    What METIS alone would give is drawn for it.
    """
    measured = measure_plan(session, scope, order.plan_id)
    row, options, graph = measured.plan.row, measured.plan.options, measured.ground.keyed.graph
    told = told_of_buildings(
        explained(graph, measured.grid, options, measured.measures),
        measured.ground,
        split=splits_buildings(row.options),
    )
    alone = replace(options, preset="metis", weights=None, seconds=None)
    facts = imports.facts(session, scope)
    drawing = row.drawing or {}
    as_drawn = drawing.get("edited") is False
    return PlanReport(
        title=order.title or _name(session, scope, row.scope_code, measured),
        plan_name=measured.plan.name,
        drawn_on=local_day(row.drawn_at or row.created_at, order.timezone),
        target=options.target,
        minimum=options.minimum,
        maximum=options.maximum,
        communities=_communities(measured),
        grids=_grids(measured),
        measures=measured.measures,
        exceptions=told.exceptions,
        traces=told.trace,
        feasible=told.feasible,
        quarters=_quarters(measured, told),
        previous=_previous(session, scope, order, measured),
        metis=draw_grids(graph, alone).measures,
        barriers=_barriers(session, scope, measured),
        status=row.status,
        preset=options.preset if as_drawn else None,
        seed=options.seed if as_drawn else None,
        stopped=bool(as_drawn and drawing["stopped"]),
        estimated=bool((measured.ground.buildings["households_source"] != "recorded").any()),
        synthetic=facts.synthetic == "all",
        attribution=facts.attribution,
    )


def _name(session: "Session", scope: "Scope", code: str, measured: "Measured") -> str:
    """Return the name of the division or community that a plan covers, its code if it has none."""
    own = measured.ground.communities
    name = dict(zip(own["code"], own["name"], strict=True)).get(code)
    return divisions.name_of(session, scope, code) or name or code


def _communities(measured: "Measured") -> "gpd.GeoDataFrame":
    number = {key: n for n, key in enumerate(measured.ground.keyed.community_ids)}
    own = measured.ground.communities
    return own[["code", "name", "geometry"]].assign(number=own["id"].map(number))


def _grids(measured: "Measured") -> "gpd.GeoDataFrame":
    number = {key: n for n, key in enumerate(measured.ground.keyed.community_ids)}
    own = measured.plan.grids
    return own[["code", "kind", "geometry"]].assign(
        number=range(len(own)), community=own["community_id"].map(number)
    )


def _quarters(measured: "Measured", told: "Plan") -> dict[int, str]:
    """Return names of the quarters of exceptions and of those that are the largest of a grid."""
    quarters, keys = measured.ground.quarters, measured.ground.keyed.unit_ids
    name = dict(zip(quarters["id"], quarters["name"], strict=True)) if len(quarters) else {}
    held = {one.unit for each in told.trace for one in each.largest}
    units = {one.unit for one in told.exceptions} | held
    named = sorted(unit for unit in units if unit is not None)
    return {unit: str(name[keys[unit]]) for unit in named if name.get(keys[unit])}


def _previous(
    session: "Session", scope: "Scope", order: PlanReportOrder, measured: "Measured"
) -> PreviousPlan | None:
    against = order.against or _usual(session, scope, order, measured)
    if against is None:
        return None
    found = compare_plans(session, scope, against, order.plan_id)
    return PreviousPlan(
        name=found.before.name, comparison=found.comparison, codes=found.codes_before
    )


def _usual(
    session: "Session", scope: "Scope", order: PlanReportOrder, measured: "Measured"
) -> str | None:
    """Return the plan that one wants to compare with, if there is one."""
    row = measured.plan.row
    if row.from_plan_id is not None:
        return str(row.from_plan_id)
    today = local_day(datetime.now(UTC), order.timezone)
    mine = set(measured.ground.communities["id"])
    for plan in plans.read_effective(session, scope, row.kind, today):
        where = {one.community_id for one in plans.effects_of(session, scope, str(plan.id))}
        if str(plan.id) != order.plan_id and where & mine:
            return str(plan.id)
    return None


def _barriers(session: "Session", scope: "Scope", measured: "Measured") -> Any:  # noqa: ANN401 - a geo frame
    layer = read_layer(session, scope, Barrier, frames.BARRIERS)
    ground = measured.ground.communities.geometry.union_all()
    near = sorted(layer.sindex.query(ground, predicate="intersects")) if len(layer) else []
    return layer.iloc[near][["barrier_class", "geometry"]].reset_index(drop=True)
