"""Public holidays and make-up workdays: seeded from a kept library, editable by hand."""

from datetime import date
from typing import TYPE_CHECKING, Any

from sqlalchemy import Date, Text, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, mapped_column

from gis.database.base import Base
from gis.layers.common import one_of
from gis.layers.queries import table_of
from gis.scope import Action, Scope

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Row
    from sqlalchemy.orm import Session

DAY_KINDS = ("holiday", "make_up_workday")


class CalendarDay(Base):
    """A day that does not follow its weekday."""

    __tablename__ = "calendar_days"
    __table_args__ = (one_of("kind", DAY_KINDS),)

    day: Mapped[date] = mapped_column(Date, primary_key=True)
    kind: Mapped[str] = mapped_column(Text)
    name: Mapped[str | None] = mapped_column(Text)
    source: Mapped[str] = mapped_column(Text)


def read(session: "Session", scope: Scope) -> "Sequence[Row[Any]]":
    """Return every day of the calendar, in order."""
    scope.require(Action.READ)
    table = table_of(CalendarDay)
    return session.execute(select(*table.c).order_by(table.c.day)).all()


def years(session: "Session", scope: Scope) -> set[int]:
    """Return the years of which the calendar has any day."""
    scope.require(Action.READ)
    return set(
        session.execute(select(func.distinct(func.date_part("year", CalendarDay.day))))
        .scalars()
        .all()
    )


def add(session: "Session", scope: Scope, days: "Sequence[dict[str, Any]]") -> None:
    """Add days; a day that is there already stays as it is."""
    scope.require_everywhere(Action.WRITE)
    if days:
        session.execute(insert(table_of(CalendarDay)).values(list(days)).on_conflict_do_nothing())
