"""What can be exported, and the rows of it, a batch at a time through a server-side cursor."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
from geoalchemy2 import Geometry
from sqlalchemy import Date, LargeBinary, Text, and_, cast, exists, func, literal, or_, select, true

from gis import frames
from gis.frames import FrameContract
from gis.layers.buildings import Building, BuildingUnit
from gis.layers.cells import Cell, CellBorder
from gis.layers.communities import Community
from gis.layers.demands import Demand
from gis.layers.export_contracts import (
    BUILDING_PARTS,
    COVERAGE,
    COVERAGE_SCENARIOS,
    FINDINGS,
    GEOCODING_QUEUE,
    GRID_MEASURES,
    GRIDS_WITH_COUNTS,
    assigned,
)
from gis.layers.findings import AuditFinding, AuditRun, seen_run
from gis.layers.geocoding import GeocodingRequest
from gis.layers.grids import (
    COUNTS,
    GRID_BUILDINGS,
    BuildingGrid,
    CellGrid,
    Grid,
    grid_counts,
    people_there,
)
from gis.layers.incidents import Incident
from gis.layers.plans import GridPlan, PlanEffect, of_own_ground
from gis.layers.queries import alive, community_column, meets_box, restricted, table_of
from gis.layers.registry import IMPORTED_LAYERS
from gis.layers.stations import Station
from gis.scope import Action, Scope

if TYPE_CHECKING:
    import pandas as pd
    from sqlalchemy import ColumnElement, Row, Select, Table
    from sqlalchemy.orm import Session

    from gis.database.base import Base

#: Rows of a batch: a few megabytes of geometry.
BATCH_ROWS = 5_000


@dataclass(frozen=True, slots=True)
class Ground:
    """Which part of the store is exported.

    Parameters
    ----------
    plan_id
        The plan whose grids are meant; ``None``: those of the community plans in effect.
    on_day
        The day of effect.
    community
        Code of a community; ``None``: all.
    bbox
        West, south, east, north, degrees.
    """

    plan_id: str | None
    on_day: date
    community: str | None = None
    bbox: tuple[float, float, float, float] | None = None


#: Makes the select of a layer; its columns are those of the contract.
Maker = Callable[[Scope, Ground], "Select[Any]"]


@dataclass(frozen=True, slots=True)
class ExportLayer:
    """A layer that can be exported: its columns, and how its rows are selected.

    ``counts`` are the counts of people that may be withheld. ``make`` is ``None`` where the rows
    are worked out by a service.
    """

    contract: FrameContract
    make: Maker | None
    counts: tuple[str, ...] = ()


#: The layer whose rows decide where a row without a place of its own lies, and the reference to it.
_PARENTS: "dict[str, tuple[str, type[Base]]]" = {
    "units": ("building_id", Building),
    "station_services": ("station_id", Station),
    "activities": ("station_id", Station),
    "building_grids": ("building_id", Building),
    "cell_grids": ("cell_id", Cell),
    "cell_borders": ("cell_a", Cell),
}


def _inside(model: "type[Base]", scope: Scope, ground: Ground) -> "list[ColumnElement[bool]]":
    """Return the conditions that a row of a layer lies in the ground, and within the scope.

    Rows that have neither place nor community, nor belong to a row that has, cannot be told apart:
    they are for those who may export everywhere.
    """
    table = table_of(model)
    home, parent = community_column(model), _PARENTS.get(table.name)
    found: list[ColumnElement[bool]] = []
    if home is not None:
        found += [_belongs(table, home, scope, ground)] if _limited(scope, ground) else []
    elif "geometry" in table.c:
        found += [_meets_communities(table.c.geometry, scope, ground)]
    elif parent is not None:
        column, above = parent
        conditions = _inside(above, scope, ground)
        within = select(table_of(above).c.id).where(*conditions)
        return [table.c[column].in_(within)] if conditions else []
    else:
        scope.require_everywhere(Action.EXPORT)
    if ground.bbox is not None and "geometry" in table.c:
        found.append(meets_box(table.c.geometry, ground.bbox))
    return found


def _belongs(
    table: "Table", home: "ColumnElement[Any]", scope: Scope, ground: Ground
) -> "ColumnElement[bool]":
    """Return the condition that a row belongs to the communities; by its place until it is said."""
    own = home.in_(_communities(scope, ground))
    if "geometry" not in table.c or table.name == "communities":
        return own
    return or_(own, and_(home.is_(None), _meets_communities(table.c.geometry, scope, ground)))


def _limited(scope: Scope, ground: Ground) -> bool:
    return scope.community_ids is not None or ground.community is not None


def _communities(scope: Scope, ground: Ground) -> "Select[Any]":
    """Return the keys of the communities that are meant and allowed."""
    c = table_of(Community).alias("meant").c  # it may stand inside a select of communities
    asked = select(c.id)
    if ground.community is not None:
        asked = asked.where(c.code == ground.community)
    if scope.community_ids is not None:
        asked = asked.where(c.id.in_(sorted(scope.community_ids)))
    return asked


def _meets_communities(
    place: "ColumnElement[Any]", scope: Scope, ground: Ground
) -> "ColumnElement[bool]":
    if not _limited(scope, ground):
        return true()
    c = table_of(Community).alias("around").c
    met = and_(c.geometry.op("&&")(place), func.ST_Intersects(c.geometry, place))
    return exists(select(c.id).where(c.id.in_(_communities(scope, ground)), met))


def _columns(model: "type[Base]", contract: FrameContract) -> "list[ColumnElement[Any]]":
    c = table_of(model).c
    return [_plain(c[name], name) for name in contract.names if name in c]


def _plain(column: "ColumnElement[Any]", name: str) -> "ColumnElement[Any]":
    """Return a column as it is; a geometry as WKB, which is read in one go."""
    if isinstance(column.type, Geometry):
        return func.ST_AsBinary(column, type_=LargeBinary).label(name)
    return column.label(name)


def _table_maker(model: "type[Base]", contract: FrameContract) -> Maker:
    def make(scope: Scope, ground: Ground) -> "Select[Any]":
        keys = table_of(model).primary_key.columns
        found = select(*_columns(model, contract)).where(*_inside(model, scope, ground))
        return found.order_by(*keys)

    return make


def in_force(ground: Ground) -> "ColumnElement[bool]":
    """Return the condition that a grid belongs to the plan that is meant."""
    grids, effects = table_of(Grid), table_of(PlanEffect)
    if ground.plan_id is not None:
        return grids.c.plan_id == ground.plan_id
    return exists(
        select(effects.c.id).where(
            effects.c.plan_id == grids.c.plan_id,
            effects.c.community_id == grids.c.community_id,
            effects.c.kind == "community",
            effects.c.during.op("@>")(literal(ground.on_day, Date)),
        )
    )


def _make_grids(scope: Scope, ground: Ground) -> "Select[Any]":
    grids, communities, counts = table_of(Grid), table_of(Community), grid_counts()
    sums = [func.coalesce(counts.c[n], 0).label(n) for n in ("buildings", *COUNTS)]
    return (
        select(
            *_columns(Grid, frames.GRIDS),
            communities.c.code.label("community_code"),
            communities.c.name.label("community_name"),
            *sums,
        )
        .join(communities, communities.c.id == grids.c.community_id)
        .outerjoin(counts, counts.c.grid_id == grids.c.id)
        .where(in_force(ground), *_inside(Grid, scope, ground))
        .order_by(communities.c.code, grids.c.sequence, grids.c.id)
    )


def _make_plans(scope: Scope, ground: Ground) -> "Select[Any]":
    c = table_of(GridPlan).c
    scope.require(Action.EXPORT)
    drawn = select(table_of(Grid).c.plan_id).where(in_force(ground), *_inside(Grid, scope, ground))
    return select(*_columns(GridPlan, frames.PLANS)).where(c.id.in_(drawn)).order_by(c.id)


def _member_maker(model: "type[Base]", contract: FrameContract) -> Maker:
    """Return the maker of a table of memberships in the grids of the plan."""

    def make(scope: Scope, ground: Ground) -> "Select[Any]":
        table = table_of(model)
        meant = select(table_of(Grid).c.id).where(in_force(ground), *_inside(Grid, scope, ground))
        found = select(*_columns(model, contract)).where(
            table.c.grid_id.in_(meant), *_inside(model, scope, ground)
        )
        return found.order_by(*table.primary_key.columns)

    return make


def _make_parts(scope: Scope, ground: Ground) -> "Select[Any]":
    """Select the parts of buildings that the plan splits by their units."""
    share, buildings = GRID_BUILDINGS.c, table_of(Building)
    meant = select(table_of(Grid).c.id).where(in_force(ground), *_inside(Grid, scope, ground))
    columns = [share[name] for name in BUILDING_PARTS.names if name in share]
    return (
        select(*columns, people_there("households").label("households"))
        .join(buildings, buildings.c.id == share.building_id)
        .where(share.share_of > 1, share.grid_id.in_(meant), alive(Building))
        .order_by(share.plan_id, share.building_id, share.share_from)
    )


def _assigned_maker(model: "type[Base]", what: str) -> Maker:
    """Return the maker of the matters of a layer that have been given an answer."""

    def make(scope: Scope, ground: Ground) -> "Select[Any]":
        c, grids, places = table_of(model).c, table_of(Grid).c, table_of(Station).c
        answered = c.grid_id.is_not(None) | c.no_grid_reason.is_not(None)
        return (
            select(
                c.id,
                c[what],
                c.occurred_at,
                c.source,
                c.served_group,
                c.synthetic,
                c.plan_id,
                c.grid_id,
                grids.code.label("grid_code"),
                c.no_grid_reason,
                c.station_id,
                places.name.label("station_name"),
                c.distance_m,
                c.distance_method,
                c.no_station_reason,
                _plain(c.geometry, "geometry"),
            )
            .outerjoin(table_of(Grid), grids.id == c.grid_id)
            .outerjoin(table_of(Station), places.id == c.station_id)
            .where(answered, *_inside(model, scope, ground))
            .order_by(c.id)
        )

    return make


def _make_findings(scope: Scope, ground: Ground) -> "Select[Any]":
    """Select what the latest audit found."""
    scope.require(Action.EXPORT)
    c, runs = table_of(AuditFinding).c, table_of(AuditRun).c
    latest = (
        select(runs.id)
        .where(seen_run(scope))
        .order_by(runs.at.desc(), runs.id)
        .limit(1)
        .scalar_subquery()
    )
    found = select(*_columns(AuditFinding, FINDINGS)).where(
        c.run_id == latest, *_inside(AuditFinding, scope, ground)
    )
    return found.order_by(c.id)


def _make_geocoding(scope: Scope, ground: Ground) -> "Select[Any]":
    """Select how many descriptions wait for a place; never what they say."""
    del ground  # what has no place lies nowhere
    scope.require_everywhere(Action.EXPORT)
    c = table_of(GeocodingRequest).c
    counted = select(c.layer, c.status, func.count().label("count"))
    return counted.group_by(c.layer, c.status).order_by(c.layer, c.status)


_PEOPLE = {
    "buildings": COUNTS,
    "units": ("households",),
}


def _all() -> dict[str, ExportLayer]:
    listed = [
        ExportLayer(
            layer.contract,
            _table_maker(layer.model, layer.contract),
            _PEOPLE.get(layer.name, ()),
        )
        for layer in IMPORTED_LAYERS
    ]
    listed += [
        ExportLayer(frames.PLANS, _make_plans),
        ExportLayer(GRIDS_WITH_COUNTS, _make_grids, COUNTS),
        ExportLayer(GRID_MEASURES, None),
        ExportLayer(frames.CELLS, _table_maker(Cell, frames.CELLS)),
        ExportLayer(frames.CELL_BORDERS, _table_maker(CellBorder, frames.CELL_BORDERS)),
        ExportLayer(frames.BUILDING_GRIDS, _member_maker(BuildingGrid, frames.BUILDING_GRIDS)),
        ExportLayer(BUILDING_PARTS, _make_parts, ("households",)),
        ExportLayer(frames.CELL_GRIDS, _member_maker(CellGrid, frames.CELL_GRIDS)),
        ExportLayer(assigned(frames.INCIDENTS, "category"), _assigned_maker(Incident, "category")),
        ExportLayer(assigned(frames.DEMANDS, "service"), _assigned_maker(Demand, "service")),
        ExportLayer(COVERAGE, None),
        ExportLayer(COVERAGE_SCENARIOS, None, tuple(COVERAGE_SCENARIOS.names[-3:])),
        ExportLayer(FINDINGS, _make_findings),
        ExportLayer(GEOCODING_QUEUE, _make_geocoding),
    ]
    return {layer.contract.name: layer for layer in listed}


#: Everything that can be exported, by name, in the order in which it is written.
EXPORT_LAYERS = _all()


def grids_meant(session: "Session", scope: Scope, ground: Ground) -> dict[str, str]:
    """Return the plan of each grid that is meant, by the grid's key."""
    scope.require(Action.EXPORT)
    c = table_of(Grid).c
    asked = select(c.id, c.plan_id).where(in_force(ground), *_inside(Grid, scope, ground))
    return {str(row.id): str(row.plan_id) for row in session.execute(asked.order_by(c.id))}


def stream_frames(
    session: "Session", statement: "Select[Any]", contract: FrameContract
) -> "Iterator[pd.DataFrame]":
    """Yield the rows of a select as frames of a contract's columns, some thousands at a time.

    The rows come through a cursor of the server: neither it nor this process holds them all.
    """
    import pandas as pd
    import shapely

    shapes = {name for name, _ in contract.extra_geometries} | {"geometry"}
    result = _streamed(session, statement)
    names = list(result.keys())
    for rows in result.partitions(BATCH_ROWS):
        columns: dict[str, Any] = {}
        for at, name in enumerate(names):
            values = np.empty(len(rows), dtype=object)
            values[:] = [row[at] for row in rows]
            if name in shapes:
                blobs = [None if value is None else bytes(value) for value in values]
                values = np.asarray(shapely.from_wkb(blobs), dtype=object)
            columns[name] = pd.Series(values, dtype=object)
        yield pd.DataFrame(columns)


def _streamed(session: "Session", statement: "Select[Any]") -> Any:  # noqa: ANN401 - a streaming result
    return session.execute(
        statement, execution_options={"stream_results": True, "max_row_buffer": BATCH_ROWS}
    )


def counts_by_grid(session: "Session", scope: Scope, ground: Ground) -> "Iterator[Row[Any]]":
    """Yield grid, building and its counts of the plan that is meant, grid after grid."""
    scope.require(Action.EXPORT)
    members, buildings, grids = GRID_BUILDINGS, table_of(Building), table_of(Grid)
    counted = (
        select(members.c.grid_id, buildings.c.id, *(people_there(n).label(n) for n in COUNTS))
        .join(buildings, buildings.c.id == members.c.building_id)
        .join(grids, grids.c.id == members.c.grid_id)
        .where(in_force(ground), alive(Building))
        .order_by(members.c.grid_id, buildings.c.id)
    )
    yield from _streamed(session, scope.restrict(counted, grids.c.community_id, grids.c.id))


def counts_by_community(session: "Session", scope: Scope, ground: Ground) -> "Iterator[Row[Any]]":
    """Yield community, grid and its counts of the plan that is meant."""
    scope.require(Action.EXPORT)
    grids, counts = table_of(Grid), grid_counts()
    counted = (
        select(grids.c.community_id, grids.c.id, *(counts.c[name] for name in COUNTS))
        .join(counts, counts.c.grid_id == grids.c.id)
        .where(in_force(ground))
        .order_by(grids.c.community_id, grids.c.id)
    )
    yield from _streamed(session, scope.restrict(counted, grids.c.community_id, grids.c.id))


def households_by_building(session: "Session", scope: Scope) -> "Iterator[Row[Any]]":
    """Yield building, unit and its households, building after building."""
    scope.require(Action.EXPORT)
    units = table_of(BuildingUnit)
    counted = select(units.c.building_id, units.c.id, units.c.households)
    counted = restricted(counted.order_by(units.c.building_id, units.c.id), scope, BuildingUnit)
    yield from _streamed(session, counted)


def units_of(session: "Session", scope: Scope, buildings: "set[str]") -> list[str]:
    """Return the keys of the units with households of some buildings."""
    scope.require(Action.EXPORT)
    c = table_of(BuildingUnit).c
    asked = select(c.id).where(c.building_id.in_(sorted(buildings)), c.households > 0)
    asked = restricted(asked.order_by(c.id), scope, BuildingUnit)
    return list(session.execute(asked).scalars())


def community_exists(session: "Session", scope: Scope, code: str) -> bool:
    """Return whether a community has a code, within the scope."""
    scope.require(Action.EXPORT)
    ground = Ground(None, date.min, community=code)
    return session.execute(_communities(scope, ground).limit(1)).first() is not None


def plan_facts(session: "Session", scope: Scope, ground: Ground) -> dict[str, str]:
    """Return what an export says of its plan; of several in effect their names, empty of none."""
    scope.require(Action.EXPORT)
    c = table_of(GridPlan).c
    grids = table_of(Grid).c
    drawn = select(grids.plan_id).where(in_force(ground))
    drawn = scope.restrict(drawn, grids.community_id, grids.id)
    wanted = c.id == ground.plan_id if ground.plan_id else c.id.in_(drawn)
    asked = select(c.id, c.name, c.kind, c.status, c.scope_code.label("code"))
    asked = asked.where(wanted, *of_own_ground(scope))
    rows = session.execute(asked.order_by(c.created_at, c.id)).all()
    return {
        name: "; ".join(dict.fromkeys(str(getattr(row, name) or "") for row in rows))
        for name in ("id", "name", "kind", "status", "code")
        if rows
    }


def find_plan(session: "Session", scope: Scope, named: str) -> list[str]:
    """Return the keys of the plans that have this key or this name."""
    scope.require(Action.EXPORT)
    c = table_of(GridPlan).c
    called = (cast(c.id, Text) == named) | (c.name == named)
    asked = select(c.id).where(called, *of_own_ground(scope))
    return list(session.execute(asked.order_by(c.id)).scalars())
