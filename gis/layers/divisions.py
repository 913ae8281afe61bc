"""Divisions above the community, as a table."""

from typing import TYPE_CHECKING

from sqlalchemy import CheckConstraint, Text, case, func, select
from sqlalchemy.orm import Mapped, mapped_column

from gis.database.base import Base
from gis.errors import NotFoundError
from gis.frames.divisions import DIVISION_LEVELS
from gis.layers.common import Identified, Imported, Sourced, geometry_column, gist, one_of
from gis.layers.communities import Community
from gis.layers.queries import alive
from gis.scope import Action, Scope

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


class Division(Identified, Sourced, Imported, Base):
    """A county or subdistrict."""

    __tablename__ = "divisions"
    __table_args__ = (
        CheckConstraint("code ~ '^[0-9]{12}$'", name="code_12_digits"),
        one_of("level", DIVISION_LEVELS),
        gist("ix_divisions_geometry", "geometry"),
    )

    code: Mapped[str] = mapped_column(Text, unique=True)
    name: Mapped[str | None] = mapped_column(Text)
    level: Mapped[str] = mapped_column(Text)
    parent_code: Mapped[str | None] = mapped_column(Text)
    geometry: Mapped[object] = geometry_column("MULTIPOLYGON")


def scope_code(session: "Session", scope: Scope) -> str:
    """Return the code of the lowest division in the store, 12 digits.

    Without a division it is the subdistrict that the communities' codes begin with.

    Raises
    ------
    gis.errors.NotFoundError
        There is neither, or the communities belong to several subdistricts.
    """
    scope.require(Action.READ)
    lowest = case((Division.level == "subdistrict", 0), else_=1)
    statement = select(Division.code).order_by(lowest, Division.code).limit(1)
    code = session.execute(statement).scalar_one_or_none()
    if code is not None:
        return code
    heads = select(func.left(Community.code, 9)).where(alive(Community)).distinct()
    found = session.execute(heads).scalars().all()
    if len(found) != 1:
        raise NotFoundError(
            f"No division is in the store, and communities of {len(found)} subdistricts are.",
            remedy="Bring it in: wangge import layer divisions FILE.",
        )
    return f"{found[0]}000"


def name_of(session: "Session", scope: Scope, code: str) -> str | None:
    """Return the name of a division, if it is in the store and has one."""
    scope.require(Action.READ)
    asked = select(Division.name).where(Division.code == code)
    return session.execute(asked).scalar_one_or_none()


def key_of(session: "Session", scope: Scope, code: str) -> str | None:
    """Return the key of the division with a code, if it is in the store."""
    scope.require(Action.READ)
    asked = select(Division.id).where(Division.code == code)
    return session.execute(asked).scalar_one_or_none()
