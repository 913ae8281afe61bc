"""Communities: the ground that grids are nested in."""

from datetime import date
from typing import TYPE_CHECKING, Any

from sqlalchemy import Boolean, CheckConstraint, Index, Text, select, text, update
from sqlalchemy.orm import Mapped, mapped_column

from gis.database.base import Base
from gis.layers.common import (
    DATED_CHECK,
    Dated,
    Identified,
    Imported,
    Sourced,
    geometry_column,
    gist,
)
from gis.layers.queries import (
    Page,
    Window,
    as_geojson,
    existing_on,
    page_layer,
    read_one,
    table_of,
)
from gis.scope import Action

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Row
    from sqlalchemy.orm import Session

    from gis.scope import Scope


class Community(Identified, Sourced, Dated, Imported, Base):
    """A community (社区), published or derived, with the days on which it exists."""

    __tablename__ = "communities"
    __table_args__ = (
        CheckConstraint("code ~ '^[0-9]{12}$'", name="code_12_digits"),
        CheckConstraint(DATED_CHECK, name="dates_in_order"),
        gist("ix_communities_geometry", "geometry"),
        # One living community per code; old ones stay with their dates.
        Index(
            "uq_communities_code_living",
            "code",
            unique=True,
            postgresql_where=text("valid_to IS NULL"),
        ),
    )

    code: Mapped[str] = mapped_column(Text)
    name: Mapped[str | None] = mapped_column(Text)
    derived: Mapped[bool] = mapped_column(Boolean, server_default=text("false"))
    #: Fingerprint of the data its cells were built from; empty: they must be built.
    data_version: Mapped[str | None] = mapped_column(Text)
    geometry: Mapped[object] = geometry_column("MULTIPOLYGON")


def page(
    session: "Session", scope: "Scope", window: Window, *, on_day: date, code: str | None = None
) -> Page:
    """Return the communities of a window that exist on a day, perhaps only those of a code."""
    conditions = [existing_on(Community, on_day)]
    if code is not None:
        conditions.append(Community.code == code)
    return page_layer(session, scope, Community, _shown(), window, *conditions)


def one(session: "Session", scope: "Scope", community_id: str) -> "Row[Any]":
    """Return a community as :func:`page` shows it."""
    return read_one(session, scope, Community, _shown(), community_id)


def lies_in(column: "ColumnElement[Any]", code: str) -> "ColumnElement[bool]":
    """Return the condition that a row's community has a code, at whatever time it existed."""
    table = table_of(Community)
    return column.in_(select(table.c.id).where(table.c.code == code))


def _shown() -> "list[ColumnElement[Any]]":
    c = table_of(Community).c
    return [c.id, as_geojson(c.geometry), c.code, c.name, c.derived, c.valid_from, c.valid_to]


def forget_cells(session: "Session", scope: "Scope") -> None:
    """Say that the cells of every community may be out of date: they are checked before use."""
    scope.require_everywhere(Action.WRITE)
    session.execute(update(table_of(Community)).values(data_version=None))
