"""Cells that tile a community, and the borders between them.

A community's current cells are those of its ``data_version``; older ones stay for as long as a plan
refers to them.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from geoalchemy2.shape import from_shape
from sqlalchemy import (
    ARRAY,
    Boolean,
    CheckConstraint,
    Double,
    ForeignKey,
    Index,
    Integer,
    Select,
    SmallInteger,
    Text,
    Uuid,
    delete,
    literal_column,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, mapped_column

from gis.database.base import STORED_SRID, Base
from gis.database.frames import copy_frame, read_frame
from gis.frames.cells import CELL_BORDERS, CELLS
from gis.layers.common import Identified, geometry_column, gist, reference
from gis.layers.communities import Community
from gis.layers.queries import table_of
from gis.scope import Action, Scope

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


class Cell(Identified, Base):
    """The ground of one building, or a piece of open land."""

    __tablename__ = "cells"
    __table_args__ = (
        CheckConstraint("area_m2 >= 0 AND outer_border_m >= 0", name="measures_not_negative"),
        gist("ix_cells_geometry", "geometry"),
        Index(
            "uq_cells_data_version_building_id",
            "data_version",
            "building_id",
            unique=True,
            postgresql_where=text("building_id IS NOT NULL AND part_of IS NULL"),
        ),
        Index("ix_cells_part_of", "part_of", postgresql_where=text("part_of IS NOT NULL")),
    )

    community_id: Mapped[str] = reference("communities.id", nullable=False)
    building_id: Mapped[str | None] = mapped_column(
        Uuid(as_uuid=False), ForeignKey("buildings.id", ondelete="SET NULL")
    )
    #: The dedicated area it lies in, if any: fixed before a plan is drawn.
    dedicated_area_id: Mapped[str | None] = reference("dedicated_areas.id", ondelete="SET NULL")
    #: The cell that this one is a part of, where a plan splits its building by units.
    part_of: Mapped[str | None] = mapped_column(
        Uuid(as_uuid=False), ForeignKey("cells.id", ondelete="CASCADE")
    )
    data_version: Mapped[str] = mapped_column(Text)
    area_m2: Mapped[float] = mapped_column(Double)
    outer_border_m: Mapped[float] = mapped_column(Double)
    geometry: Mapped[object] = geometry_column("POLYGON")


class BuildingCell(Base):
    """The cell on which a building stands; several may share one where footprints overlap.

    Beside it there may be the parts into which plans split that cell. Of n people of the building
    those from ``n * share_from // share_of`` to ``n * share_to // share_of`` are on a part.
    """

    __tablename__ = "building_cells"
    __table_args__ = (
        CheckConstraint(
            "0 <= share_from AND share_from <= share_to AND share_to <= share_of AND share_of >= 1",
            name="share_in_order",
        ),
        Index("ix_building_cells_of_parts", "building_id", postgresql_where=text("share_of > 1")),
    )

    building_id: Mapped[str] = mapped_column(
        Uuid(as_uuid=False), ForeignKey("buildings.id", ondelete="CASCADE"), primary_key=True
    )
    cell_id: Mapped[str] = mapped_column(
        Uuid(as_uuid=False),
        ForeignKey("cells.id", ondelete="CASCADE"),
        primary_key=True,
        index=True,
    )
    share_from: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    share_to: Mapped[int] = mapped_column(Integer, server_default=text("1"))
    share_of: Mapped[int] = mapped_column(Integer, server_default=text("1"))
    #: Names of the units on a part, in their order along the building.
    units: Mapped[list[str] | None] = mapped_column(ARRAY(Text))


class CellBorder(Base):
    """A shared border of two cells and the strongest thing that runs along it."""

    __tablename__ = "cell_borders"
    __table_args__ = (
        CheckConstraint("cell_a < cell_b", name="ordered"),
        CheckConstraint("border_m >= 0", name="length_not_negative"),
        CheckConstraint("barrier_class BETWEEN 0 AND 3", name="barrier_class_known"),
    )

    cell_a: Mapped[str] = mapped_column(
        Uuid(as_uuid=False), ForeignKey("cells.id", ondelete="CASCADE"), primary_key=True
    )
    cell_b: Mapped[str] = mapped_column(
        Uuid(as_uuid=False),
        ForeignKey("cells.id", ondelete="CASCADE"),
        primary_key=True,
        index=True,
    )
    border_m: Mapped[float] = mapped_column(Double)
    barrier_class: Mapped[int] = mapped_column(SmallInteger)
    passable: Mapped[bool] = mapped_column(Boolean, server_default=text("true"))


def read_current(session: "Session", scope: Scope) -> Any:  # noqa: ANN401 - a geo frame
    """Return the current cells with ``dedicated_area_id``, ordered by key."""
    cells, communities = table_of(Cell), table_of(Community)
    columns = [cells.c[name] for name in CELLS.names]
    statement = (
        select(*columns, cells.c.dedicated_area_id)
        .join(communities, communities.c.id == cells.c.community_id)
        .where(communities.c.data_version == cells.c.data_version, cells.c.part_of.is_(None))
        .order_by(cells.c.id)
    )
    return read_frame(session, scope.restrict(statement, cells.c.community_id), CELLS)


def read_current_borders(session: "Session", scope: Scope) -> Any:  # noqa: ANN401 - a frame
    """Return the borders between current cells, ordered by both keys."""
    borders, cells, communities = table_of(CellBorder), table_of(Cell), table_of(Community)
    other = cells.alias("other")
    statement = (
        select(*borders.c)
        .join(cells, cells.c.id == borders.c.cell_a)
        .join(other, other.c.id == borders.c.cell_b)
        .join(communities, communities.c.id == cells.c.community_id)
        .where(
            communities.c.data_version == cells.c.data_version,
            cells.c.part_of.is_(None),
            other.c.part_of.is_(None),
        )
        .order_by(borders.c.cell_a, borders.c.cell_b)
    )
    return read_frame(session, scope.restrict(statement, cells.c.community_id), CELL_BORDERS)


def read_current_buildings(session: "Session", scope: Scope) -> Any:  # noqa: ANN401 - a frame
    """Return which building stands on which current cell (building_id, cell_id)."""
    links, cells, communities = table_of(BuildingCell), table_of(Cell), table_of(Community)
    statement = (
        select(links.c.building_id, links.c.cell_id)
        .join(cells, cells.c.id == links.c.cell_id)
        .join(communities, communities.c.id == cells.c.community_id)
        .where(communities.c.data_version == cells.c.data_version, cells.c.part_of.is_(None))
        .order_by(links.c.building_id)
    )
    return read_frame(session, scope.restrict(statement, cells.c.community_id))


@dataclass(frozen=True, slots=True)
class NewCells:
    """The cells of some communities, on their way into the store."""

    cells: Any
    borders: Any
    building_cells: Any


def replace_cells(
    session: "Session", scope: Scope, versions: dict[str, str], new: NewCells
) -> None:
    """Store new cells and make them the current ones of their communities.

    ``versions`` maps each community to the fingerprint of its new cells. Older cells that no plan
    refers to are deleted.
    """
    scope.require_within(Action.WRITE, {*versions, *new.cells["community_id"]})
    cells, communities = table_of(Cell), table_of(Community)
    # The plans' memberships live a module above this one: named here as text.
    used: Select[Any] = select(literal_column("cell_id")).select_from(text("cell_grids"))
    parts = cells.alias("parts")
    whole = select(parts.c.part_of).where(parts.c.part_of.is_not(None), parts.c.id.in_(used))
    session.execute(
        delete(cells).where(
            cells.c.community_id.in_(sorted(versions)),
            cells.c.id.not_in(used),
            cells.c.id.not_in(whole),
        )
    )
    copy_frame(session, cells, new.cells)
    copy_frame(session, table_of(CellBorder), new.borders)
    copy_frame(session, table_of(BuildingCell), new.building_cells)
    for community_id, version in sorted(versions.items()):
        session.execute(
            update(communities).where(communities.c.id == community_id).values(data_version=version)
        )


def data_versions(session: "Session", scope: Scope) -> dict[str, str]:
    """Return the fingerprint of the current cells of each community that has any."""
    communities = table_of(Community)
    statement = select(communities.c.id, communities.c.data_version).where(
        communities.c.data_version.is_not(None)
    )
    rows = session.execute(scope.restrict(statement, communities.c.id))
    return {row.id: row.data_version for row in rows}


def add_parts(session: "Session", scope: Scope, new: NewCells) -> None:
    """Store parts of cells, with their borders and buildings; those that are there stay."""
    scope.require_within(Action.WRITE, new.cells["community_id"].unique().tolist())
    shapes = [from_shape(shape, srid=STORED_SRID) for shape in new.cells.geometry]
    parts = new.cells.drop(columns="geometry").assign(geometry=shapes)
    written = ((Cell, parts), (CellBorder, new.borders), (BuildingCell, new.building_cells))
    for model, frame in written:
        rows = frame.astype(object).where(frame.notna(), None).to_dict(orient="records")
        if rows:
            session.execute(insert(table_of(model)).on_conflict_do_nothing(), rows)
