"""Posts: who covers which grid, building or unit, by an opaque token."""

from datetime import date
from typing import TYPE_CHECKING

from sqlalchemy import Boolean, CheckConstraint, CursorResult, Date, Text, delete, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from gis.database.base import Base
from gis.frames.posts import POST_ROLES
from gis.layers.common import Identified, Imported, one_of, reference
from gis.scope import Action, Scope

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


class Post(Identified, Imported, Base):
    """A dated post of a role, covering exactly one grid, building or unit."""

    __tablename__ = "posts"
    __table_args__ = (
        one_of("role", POST_ROLES),
        CheckConstraint("num_nonnulls(grid_id, building_id, unit_id) = 1", name="covers_one_thing"),
        CheckConstraint(
            "active_from IS NULL OR active_to IS NULL OR active_from < active_to",
            name="dates_in_order",
        ),
        # A token of letters, digits and dashes cannot be a Chinese name or a phone number.
        CheckConstraint(
            "person_token ~ '^[A-Za-z0-9_-]{8,64}$' AND person_token !~ '^[0-9-]+$'",
            name="person_is_a_token",
        ),
    )

    role: Mapped[str] = mapped_column(Text)
    person_token: Mapped[str] = mapped_column(Text, index=True)
    organisation_id: Mapped[str | None] = reference("organisations.id")
    grid_id: Mapped[str | None] = reference("grids.id")
    building_id: Mapped[str | None] = reference("buildings.id")
    unit_id: Mapped[str | None] = reference("units.id")
    backup: Mapped[bool] = mapped_column(Boolean, server_default=text("false"))
    duty_hours: Mapped[str | None] = mapped_column(Text)
    skills: Mapped[list[str] | None] = mapped_column(ARRAY(Text))
    active_from: Mapped[date | None] = mapped_column(Date)
    active_to: Mapped[date | None] = mapped_column(Date)


def remove_posts(session: "Session", scope: Scope) -> int:
    """Take every post out; return how many. For the demo, whose posts are made up."""
    scope.require_everywhere(Action.WRITE)
    result = session.execute(delete(Post))
    assert isinstance(result, CursorResult)
    return result.rowcount
