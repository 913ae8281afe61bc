"""The grids of one plan with its cells: what a drawing starts from, and how it is written."""

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import shapely
from geoalchemy2.shape import from_shape
from sqlalchemy import and_, bindparam, delete, select, update

from gis.database.base import STORED_SRID
from gis.database.frames import copy_frame, read_frame
from gis.frames.cells import CELL_BORDERS, CELLS
from gis.layers.buildings import Building
from gis.layers.cells import BuildingCell, Cell, CellBorder
from gis.layers.grids import (
    GRID_BUILDINGS,
    BuildingGrid,
    CellGrid,
    Grid,
    in_effect,
    people_there,
)
from gis.layers.plans import require_plan
from gis.layers.queries import alive, table_of
from gis.scope import Action, Scope

if TYPE_CHECKING:
    from collections.abc import Sequence

    import geopandas as gpd
    import pandas as pd
    from sqlalchemy import Row
    from sqlalchemy.orm import Session


def read_members(session: "Session", scope: Scope, plan_id: str) -> Any:  # noqa: ANN401 - a frame
    """Return the grid of each cell of a plan (cell_id, grid_id), ordered by cell."""
    members, grids = table_of(CellGrid), table_of(Grid)
    statement = (
        select(members.c.cell_id, members.c.grid_id)
        .join(grids, grids.c.id == members.c.grid_id)
        .where(members.c.plan_id == plan_id)
        .order_by(members.c.cell_id)
    )
    return read_frame(session, scope.restrict(statement, grids.c.community_id, grids.c.id))


def read_cells(session: "Session", scope: Scope, plan_id: str) -> Any:  # noqa: ANN401 - a geo frame
    """Return the cells of a plan with ``dedicated_area_id``, current or not, ordered by key."""
    cells, members = table_of(Cell), table_of(CellGrid)
    columns = [cells.c[name] for name in CELLS.names]
    statement = (
        select(*columns, cells.c.dedicated_area_id)
        .join(members, members.c.cell_id == cells.c.id)
        .where(members.c.plan_id == plan_id)
        .order_by(cells.c.id)
    )
    return read_frame(session, scope.restrict(statement, cells.c.community_id), CELLS)


def read_borders(session: "Session", scope: Scope, plan_id: str) -> Any:  # noqa: ANN401 - a frame
    """Return the borders between the cells of a plan, ordered by both keys."""
    borders, cells = table_of(CellBorder), table_of(Cell)
    one, other = table_of(CellGrid).alias("one"), table_of(CellGrid).alias("other")
    statement = (
        select(*borders.c)
        .join(one, one.c.cell_id == borders.c.cell_a)
        .join(other, other.c.cell_id == borders.c.cell_b)
        .join(cells, cells.c.id == borders.c.cell_a)
        .where(one.c.plan_id == plan_id, other.c.plan_id == plan_id)
        .order_by(borders.c.cell_a, borders.c.cell_b)
    )
    return read_frame(session, scope.restrict(statement, cells.c.community_id), CELL_BORDERS)


def read_building_cells(session: "Session", scope: Scope, plan_id: str) -> Any:  # noqa: ANN401 - a frame
    """Return which share of which living building stands on which cell of a plan, and its units."""
    links, members = table_of(BuildingCell), table_of(CellGrid)
    cells, buildings = table_of(Cell), table_of(Building)
    statement = (
        select(*links.c)
        .join(members, members.c.cell_id == links.c.cell_id)
        .join(cells, cells.c.id == links.c.cell_id)
        .join(buildings, buildings.c.id == links.c.building_id)
        .where(members.c.plan_id == plan_id, alive(Building))
        .order_by(links.c.building_id, links.c.cell_id)
    )
    return read_frame(session, scope.restrict(statement, cells.c.community_id))


def parts_of_buildings(session: "Session", scope: Scope, plan_id: str) -> "Sequence[Row[Any]]":
    """Return the parts of the buildings that a plan splits by their units, along each building.

    With building_id, building (its name), grid_id, grid_code, units and households.
    """
    share, grids, buildings = GRID_BUILDINGS.c, table_of(Grid), table_of(Building)
    asked = (
        select(
            share.building_id,
            buildings.c.name.label("building"),
            share.grid_id,
            grids.c.code.label("grid_code"),
            share.units,
            people_there("households").label("households"),
        )
        .join(grids, grids.c.id == share.grid_id)
        .join(buildings, buildings.c.id == share.building_id)
        .where(share.plan_id == plan_id, share.share_of > 1, alive(Building))
        .order_by(buildings.c.name, share.building_id, share.share_from)
    )
    return session.execute(scope.restrict(asked, grids.c.community_id, grids.c.id)).all()


def grids_of_building(
    session: "Session", scope: Scope, building_id: str, kind: str, on_day: date
) -> "Sequence[Row[Any]]":
    """Return the grids of a building by the plan of a kind in effect on a day, along the building.

    With grid_id, grid_code, plan_id, main (the one grid that it is listed under), units (``None``:
    all of it) and households. A building that is split by its units has a row for each part.
    """
    share, grids, buildings = GRID_BUILDINGS.c, table_of(Grid), table_of(Building)
    members = table_of(BuildingGrid)
    listed = and_(members.c.plan_id == share.plan_id, members.c.building_id == share.building_id)
    asked = (
        select(
            share.grid_id,
            grids.c.code.label("grid_code"),
            share.plan_id,
            (members.c.grid_id == share.grid_id).label("main"),
            share.units,
            people_there("households").label("households"),
        )
        .join(grids, grids.c.id == share.grid_id)
        .join(buildings, buildings.c.id == share.building_id)
        .join(members, listed)
        .where(share.building_id == building_id, in_effect(kind, on_day))
        .order_by(share.share_from, grids.c.code)
    )
    return session.execute(scope.restrict(asked, grids.c.community_id, grids.c.id)).all()


@dataclass(frozen=True, slots=True)
class NewGrids:
    """What a plan consists of from now on.

    Parameters
    ----------
    grids
        By the contract ``GRIDS``; a row whose id the plan has already takes that row's place.
    cell_grids, building_grids
        All memberships (plan_id, cell_id or building_id, grid_id).
    """

    grids: "gpd.GeoDataFrame"
    cell_grids: "pd.DataFrame"
    building_grids: "pd.DataFrame"


def replace_grids(session: "Session", scope: Scope, plan_id: str, new: NewGrids) -> None:
    """Write the grids of a plan anew; rows that stay keep their key, and so whatever refers to it.

    The plan check runs at the commit. Lock the plan first.
    """
    require_plan(session, scope, plan_id)
    scope.require_within(Action.WRITE, new.grids["community_id"].unique().tolist())
    grids = table_of(Grid)
    for model in (BuildingGrid, CellGrid):
        session.execute(delete(table_of(model)).where(table_of(model).c.plan_id == plan_id))
    there = set(session.execute(select(grids.c.id).where(grids.c.plan_id == plan_id)).scalars())
    stays = new.grids["id"].isin(there)
    gone = sorted(there - set(new.grids["id"]))
    session.execute(delete(grids).where(grids.c.id.in_(gone)))
    _rewrite(session, new.grids[stays])
    copy_frame(session, grids, new.grids[~stays])
    copy_frame(session, table_of(CellGrid), new.cell_grids)
    copy_frame(session, table_of(BuildingGrid), new.building_grids)


def _rewrite(session: "Session", frame: "gpd.GeoDataFrame") -> None:
    if not len(frame):
        return
    grids = table_of(Grid)
    session.execute(
        update(grids)
        .where(grids.c.id == bindparam("row"))
        .values(
            geometry=bindparam("shape"),
            kind=bindparam("new_kind"),
            compactness=bindparam("new_compactness"),
            exceptions=bindparam("new_exceptions"),
        ),
        [
            {
                "row": row.id,
                "shape": from_shape(_multi(row.geometry), srid=STORED_SRID),
                "new_kind": row.kind,
                "new_compactness": float(row.compactness),
                "new_exceptions": list(row.exceptions),
            }
            for row in frame.itertuples()
        ],
    )


def _multi(shape: "shapely.Polygon | shapely.MultiPolygon") -> shapely.MultiPolygon:
    return shapely.MultiPolygon([shape]) if isinstance(shape, shapely.Polygon) else shape


def renumber(
    session: "Session", scope: Scope, plan_id: str, numbers: "Sequence[tuple[str, int, str]]"
) -> None:
    """Give grids of a plan other numbers and codes (id, sequence, code).

    Two grids may swap theirs: numbers are first taken out of the way of each other.
    """
    require_plan(session, scope, plan_id)
    if not numbers:
        return
    grids = table_of(Grid)
    own = grids.c.plan_id == plan_id, grids.c.id.in_([row for row, _, _ in numbers])
    aside = {"sequence": grids.c.sequence + 1_000_000, "code": grids.c.code + "~"}
    session.execute(update(grids).where(*own).values(**aside))
    session.execute(
        update(grids)
        .where(grids.c.id == bindparam("row"))
        .values(sequence=bindparam("number"), code=bindparam("new_code")),
        [{"row": row, "number": number, "new_code": code} for row, number, code in numbers],
    )
