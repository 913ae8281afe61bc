"""Grids, and the memberships of cells and buildings that a plan decides."""

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import shapely
from geoalchemy2.shape import from_shape
from sqlalchemy import (
    ARRAY,
    CheckConstraint,
    Date,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    Text,
    UniqueConstraint,
    Uuid,
    column,
    func,
    literal,
    select,
    table,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from gis.database.base import STORED_SRID, Base
from gis.database.frames import copy_frame, read_frame
from gis.errors import ConflictError, NotFoundError
from gis.frames.grids import BUILDING_GRIDS, GRID_KINDS, GRIDS
from gis.layers.buildings import Building
from gis.layers.cells import Cell
from gis.layers.common import Identified, geometry_column, gist, one_of, reference
from gis.layers.communities import Community, lies_in
from gis.layers.plans import PlanEffect, require_plan
from gis.layers.queries import (
    Page,
    Window,
    alive,
    as_geojson,
    looked_up,
    page_layer,
    read_one,
    table_of,
)
from gis.layers.statements import statement as named_statement
from gis.scope import Action, Scope

if TYPE_CHECKING:
    from collections.abc import Sequence

    import geopandas as gpd
    import pandas as pd
    from shapely import Polygon
    from sqlalchemy import ColumnElement, Row, Subquery
    from sqlalchemy.orm import Session


class Grid(Identified, Base):
    """A grid of a plan; its polygon is the union of its cells."""

    __tablename__ = "grids"
    __table_args__ = (
        one_of("kind", GRID_KINDS),
        CheckConstraint("sequence >= 1", name="sequence_from_one"),
        UniqueConstraint("plan_id", "code", name="uq_grids_plan_id_code"),
        UniqueConstraint(
            "plan_id", "community_id", "sequence", name="uq_grids_plan_id_community_id_sequence"
        ),
        UniqueConstraint("plan_id", "id", name="uq_grids_plan_id_id"),
        gist("ix_grids_geometry", "geometry"),
    )

    plan_id: Mapped[str] = reference("grid_plans.id", nullable=False)
    community_id: Mapped[str] = reference("communities.id", nullable=False)
    parent_grid_id: Mapped[str | None] = reference("grids.id")
    kind: Mapped[str] = mapped_column(Text)
    code: Mapped[str] = mapped_column(Text)
    sequence: Mapped[int] = mapped_column(Integer)
    compactness: Mapped[float] = mapped_column(Double)
    exceptions: Mapped[list[str] | None] = mapped_column(JSONB)
    geometry: Mapped[object] = geometry_column("MULTIPOLYGON")


class CellGrid(Base):
    """The grid of a cell in a plan: the truth that polygons follow."""

    __tablename__ = "cell_grids"
    __table_args__ = (
        ForeignKeyConstraint(
            ["plan_id", "grid_id"],
            ["grids.plan_id", "grids.id"],
            name="fk_cell_grids_plan_id_grid_id_grids",
        ),
        Index("ix_cell_grids_grid_id", "grid_id"),
    )

    plan_id: Mapped[str] = mapped_column(Uuid(as_uuid=False), primary_key=True)
    cell_id: Mapped[str] = mapped_column(
        Uuid(as_uuid=False), ForeignKey("cells.id"), primary_key=True, index=True
    )
    grid_id: Mapped[str] = mapped_column(Uuid(as_uuid=False))


class BuildingGrid(Base):
    """The grid of a building in a plan; of one split by its units the grid with most of it."""

    __tablename__ = "building_grids"
    __table_args__ = (
        ForeignKeyConstraint(
            ["plan_id", "grid_id"],
            ["grids.plan_id", "grids.id"],
            name="fk_building_grids_plan_id_grid_id_grids",
        ),
        Index("ix_building_grids_grid_id", "grid_id"),
    )

    plan_id: Mapped[str] = mapped_column(Uuid(as_uuid=False), primary_key=True)
    building_id: Mapped[str] = mapped_column(
        Uuid(as_uuid=False), ForeignKey("buildings.id"), primary_key=True, index=True
    )
    grid_id: Mapped[str] = mapped_column(Uuid(as_uuid=False))


#: Counts of people that are summed over the buildings of a grid or community.
COUNTS = ("households", "residents", "elderly", "children", "low_income_households")

_SHARES = ("share_from", "share_to", "share_of")
#: The view of every building of every grid with the share of it that belongs there: sums over grids
#: go by it, since a building that is split by its units is in several.
GRID_BUILDINGS = table(
    "grid_buildings",
    *(column(name, Uuid(as_uuid=False)) for name in ("plan_id", "grid_id", "building_id")),
    *(column(name, Integer) for name in _SHARES),
    column("units", ARRAY(Text)),
)


def people_there(name: str) -> "ColumnElement[Any]":
    """Return the people of a count who live in the share of a building that a grid has.

    In a select of :data:`GRID_BUILDINGS` and buildings.
    """
    people, share = table_of(Building).c[name], GRID_BUILDINGS.c
    return people * share.share_to // share.share_of - people * share.share_from // share.share_of


def grid_counts() -> "Subquery":
    """Return households and people per grid, from the living buildings that belong to it.

    A split building counts in each grid that has some of it, its people once.
    """
    members, buildings = GRID_BUILDINGS, table_of(Building)
    sums = [func.coalesce(func.sum(people_there(name)), 0).label(name) for name in COUNTS]
    counted = func.count(members.c.building_id.distinct()).label("buildings")
    return (
        select(members.c.grid_id, counted, *sums)
        .join(buildings, buildings.c.id == members.c.building_id)
        .where(alive(Building))
        .group_by(members.c.grid_id)
        .subquery("counts")
    )


def read_grids(session: "Session", scope: Scope, kind: str, on_day: date) -> Any:  # noqa: ANN401 - a geo frame
    """Return the grids of a kind in effect on a day, with counts, community code and name."""
    grids, effects = table_of(Grid), table_of(PlanEffect)
    in_effect = select(effects.c.id).where(
        effects.c.plan_id == grids.c.plan_id,
        effects.c.community_id == grids.c.community_id,
        effects.c.kind == kind,
        effects.c.during.op("@>")(literal(on_day, Date)),
    )
    return _read_grids(session, scope, in_effect.exists())


def read_grids_of(session: "Session", scope: Scope, plan_id: str) -> Any:  # noqa: ANN401 - a geo frame
    """Return the grids of a plan, in effect or not, with counts, community code and name."""
    return _read_grids(session, scope, table_of(Grid).c.plan_id == plan_id)


def _read_grids(session: "Session", scope: Scope, wanted: "ColumnElement[bool]") -> Any:  # noqa: ANN401 - a geo frame
    grids, communities = table_of(Grid), table_of(Community)
    counts = grid_counts()
    columns = [grids.c[name] for name in GRIDS.names]
    statement = (
        select(
            *columns,
            communities.c.code.label("community_code"),
            communities.c.name.label("community_name"),
            *(func.coalesce(counts.c[name], 0).label(name) for name in COUNTS),
        )
        .join(communities, communities.c.id == grids.c.community_id)
        .outerjoin(counts, counts.c.grid_id == grids.c.id)
        .where(wanted)
        .order_by(communities.c.code, grids.c.sequence, grids.c.id)
    )
    return read_frame(session, scope.restrict(statement, grids.c.community_id, grids.c.id), GRIDS)


def read_building_grids(session: "Session", scope: Scope, plan_ids: "Sequence[str]") -> Any:  # noqa: ANN401 - a frame
    """Return the grid of each building in some plans (plan_id, building_id, grid_id)."""
    members, grids = table_of(BuildingGrid), table_of(Grid)
    statement = (
        select(*members.c)
        .join(grids, grids.c.id == members.c.grid_id)
        .where(members.c.plan_id.in_(list(plan_ids)))
        .order_by(members.c.plan_id, members.c.building_id)
    )
    own = scope.restrict(statement, grids.c.community_id, grids.c.id)
    return read_frame(session, own, BUILDING_GRIDS)


def read_building_parts(session: "Session", scope: Scope, plan_ids: "Sequence[str]") -> Any:  # noqa: ANN401 - a frame
    """Return the parts of buildings that some plans split by their units, along each building.

    With building_id, grid_id and the share of the building that the grid has: of its people those
    from ``share_from / share_of`` to ``share_to / share_of``, as :func:`people_there` counts them.
    """
    share, grids = GRID_BUILDINGS.c, table_of(Grid)
    statement = (
        select(share.building_id, share.grid_id, *(share[name] for name in _SHARES))
        .join(grids, grids.c.id == share.grid_id)
        .where(share.plan_id.in_(list(plan_ids)), share.share_of > 1)
        .order_by(share.building_id, share.share_from)
    )
    return read_frame(session, scope.restrict(statement, grids.c.community_id))


@dataclass(frozen=True, slots=True)
class Located:
    """The answer to "whose grid is this?": a grid, or the reason why there is none.

    Parameters
    ----------
    grid_id, code, plan_id, community_id
        The grid and where it belongs; ``None`` without a grid.
    reason
        Why there is none: ``outside_all_communities`` or ``no_plan_in_effect``.
    snapped_m
        Distance over which a point outside was snapped, metres; ``None`` if it was not.
    border_m
        Distance to the nearest other grid within the limit, metres.
    neighbour_id, neighbour_code
        That other grid.
    """

    grid_id: str | None = None
    code: str | None = None
    plan_id: str | None = None
    community_id: str | None = None
    reason: str | None = None
    snapped_m: float | None = None
    border_m: float | None = None
    neighbour_id: str | None = None
    neighbour_code: str | None = None


@dataclass(frozen=True, slots=True)
class Where:
    """A point, a kind of plan and a day.

    Parameters
    ----------
    lon, lat
        Degrees, EPSG:4326.
    kind
        Kind of plan.
    on_day
        The day as of which is asked.
    snap_m
        How far outside every grid a point may lie and still be given the nearest one, metres.
    near_m
        Within which distance another grid is named, metres.
    """

    lon: float
    lat: float
    kind: str
    on_day: date
    snap_m: float = 0.0
    near_m: float = 5.0


def locate(session: "Session", scope: Scope, where: Where) -> Located:
    """Return the one grid of the plan of a kind that is in effect on a day at a point.

    A point on a border belongs to the lowest code. Distances are on the spheroid. Beyond the
    ground of the scope there are no communities, as far as it learns.
    """
    scope.require(Action.READ)
    row = session.execute(
        named_statement("locate_grid", "incidents"),
        {
            "lon": where.lon,
            "lat": where.lat,
            "kind": where.kind,
            "on_day": where.on_day,
            "snap_m": where.snap_m,
            "near_m": where.near_m,
            "everywhere": scope.is_everywhere,
            "communities": sorted(scope.community_ids or ()),
            "grids": sorted(scope.grid_ids),
        },
    ).one()
    return Located(**row._mapping)  # noqa: SLF001 - SQLAlchemy's public name of a row's mapping


def store_plan(
    session: "Session",
    scope: Scope,
    drawn: "gpd.GeoDataFrame",
    cell_grids: "pd.DataFrame",
    building_grids: "pd.DataFrame",
) -> None:
    """Insert the grids of a plan and its memberships; the plan check runs at the commit."""
    scope.require_within(Action.WRITE, drawn["community_id"].unique().tolist())
    copy_frame(session, table_of(Grid), drawn)
    copy_frame(session, table_of(CellGrid), cell_grids)
    copy_frame(session, table_of(BuildingGrid), building_grids)


def codes_of(session: "Session", scope: Scope, plan_id: str) -> "list[tuple[str, str]]":
    """Return key and code of each grid of a plan, by code."""
    c = table_of(Grid).c
    asked = select(c.id, c.code).where(c.plan_id == plan_id).order_by(c.code)
    rows = session.execute(scope.restrict(asked, c.community_id, c.id))
    return [(row.id, row.code) for row in rows]


def check_now(session: "Session") -> None:
    """Run the deferred plan check now, so that its error names the plan and not the commit."""
    session.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))
    session.execute(text("SET CONSTRAINTS ALL DEFERRED"))


def remove_plans(session: "Session", scope: Scope, plan_ids: "Sequence[str]") -> None:
    """Take plans out of the store with their grids, posts and effects; matters become unassigned.

    A plan that was ever filed should be retired, not removed: this is for drafts and the demo.
    """
    for plan_id in plan_ids:
        require_plan(session, scope, plan_id)
    session.execute(named_statement("remove_plans", "incidents"), {"plans": list(plan_ids)})


@dataclass(frozen=True, slots=True)
class GridFilter:
    """Grids of the plan of a kind in effect on a day, of a community or a code if given."""

    kind: str
    on_day: date
    community: str | None = None
    code: str | None = None


def page(session: "Session", scope: Scope, window: Window, wanted: GridFilter) -> Page:
    """Return the grids of a window with the true counts of the buildings that stand today."""
    conditions = [in_effect(wanted.kind, wanted.on_day)]
    if wanted.community is not None:
        conditions.append(lies_in(table_of(Grid).c.community_id, wanted.community))
    if wanted.code is not None:
        conditions.append(Grid.code == wanted.code)
    return page_layer(session, scope, Grid, _shown(), window, *conditions)


def one(session: "Session", scope: Scope, grid_id: str) -> "Row[Any]":
    """Return a grid of any plan as :func:`page` shows it."""
    return read_one(session, scope, Grid, _shown(), grid_id)


def in_effect(kind: str, on_day: date) -> "ColumnElement[bool]":
    """Return the condition that a grid's plan is the one of a kind in effect there on a day."""
    c, effects = table_of(Grid).c, table_of(PlanEffect)
    return (
        select(effects.c.id)
        .where(
            effects.c.plan_id == c.plan_id,
            effects.c.community_id == c.community_id,
            effects.c.kind == kind,
            effects.c.during.op("@>")(literal(on_day, Date)),
        )
        .exists()
    )


def in_grid(code: str, kind: str, on_day: date) -> "ColumnElement[bool]":
    """Return the condition that a building is in the grid of a code at least partly, on a day."""
    grids, members = table_of(Grid), GRID_BUILDINGS
    return table_of(Building).c.id.in_(
        select(members.c.building_id)
        .join(grids, grids.c.id == members.c.grid_id)
        .where(grids.c.code == code, in_effect(kind, on_day))
    )


def _shown() -> "list[ColumnElement[Any]]":
    c, communities, members = table_of(Grid).c, table_of(Community), GRID_BUILDINGS
    buildings = table_of(Building)
    home = communities.c.id == c.community_id
    pairs = [
        part for name in COUNTS for part in (name, func.coalesce(func.sum(people_there(name)), 0))
    ]
    counted = func.count(members.c.building_id.distinct())
    counts = looked_up(
        func.json_build_object("buildings", counted, *pairs).label("counts"),
        members.c.grid_id == c.id,
        buildings.c.id == members.c.building_id,
        alive(Building),
    )
    return [
        c.id,
        as_geojson(c.geometry),
        c.code,
        c.sequence,
        c.kind,
        c.plan_id,
        c.community_id,
        looked_up(communities.c.code.label("community_code"), home),
        looked_up(communities.c.name.label("community_name"), home),
        c.parent_grid_id,
        c.compactness,
        c.exceptions,
        counts,
    ]


def move_building(
    session: "Session", scope: Scope, plan_id: str, building_id: str, grid_id: str
) -> str:
    """Move a building with its cell to another grid; return the grid it came from.

    The polygons do not follow by themselves: see :func:`redraw`.

    Raises
    ------
    gis.errors.NotFoundError
        The building has no cell in the plan.
    gis.errors.ConflictError
        The plan splits the building by its units.
    """
    require_plan(session, scope, plan_id)
    row = session.execute(
        named_statement("move_building", "buildings"),
        {"plan": plan_id, "building": building_id, "grid": grid_id},
    ).one_or_none()
    if row is None:
        if _is_split(session, plan_id, building_id):
            raise ConflictError(
                f"Building {building_id} is split by its units between grids of plan {plan_id}.",
                remedy="Draw the plan again with whole buildings, then move it.",
            )
        raise NotFoundError(
            f"Building {building_id} is not in plan {plan_id}.", remedy="Look it up in the plan."
        )
    return str(row.from_grid)


def _is_split(session: "Session", plan_id: str, building_id: str) -> bool:
    c = GRID_BUILDINGS.c
    asked = select(c.grid_id).where(
        c.plan_id == plan_id, c.building_id == building_id, c.share_of > 1
    )
    return session.execute(asked.limit(1)).first() is not None


def cells_of(session: "Session", scope: Scope, plan_id: str, grid_ids: "Sequence[str]") -> Any:  # noqa: ANN401 - a geo frame
    """Return the cells of some grids (id, community_id, part_of, grid_id, geometry)."""
    cells, members = table_of(Cell), table_of(CellGrid)
    own = [cells.c[name] for name in ("id", "community_id", "part_of")]
    statement = (
        select(*own, members.c.grid_id, cells.c.geometry)
        .join(members, members.c.cell_id == cells.c.id)
        .where(members.c.plan_id == plan_id, members.c.grid_id.in_(list(grid_ids)))
        .order_by(cells.c.id)
    )
    return read_frame(session, scope.restrict(statement, cells.c.community_id))


def redraw(
    session: "Session",
    scope: Scope,
    grid_id: str,
    geometry: "Polygon",
    compactness: float,
) -> None:
    """Store the polygon that follows from a grid's cells, and its compactness."""
    scope.require(Action.WRITE)
    shape = from_shape(shapely.MultiPolygon([geometry]), srid=STORED_SRID)
    change = update(table_of(Grid)).where(Grid.id == grid_id)
    session.execute(
        scope.restrict(change, table_of(Grid).c.community_id).values(
            geometry=shape, compactness=compactness
        )
    )
