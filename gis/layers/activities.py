"""Activities: what takes place at a station, when, for whom."""

from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import Boolean, CheckConstraint, DateTime, Index, Integer, Text, select, text
from sqlalchemy.orm import Mapped, mapped_column

from gis.database.base import Base
from gis.database.frames import read_frame
from gis.errors import InvalidInputError
from gis.frames.activities import ACTIVITIES
from gis.frames.incidents import SERVED_GROUPS
from gis.frames.stations import FEE_CLASSES
from gis.layers.common import Identified, Imported, Sourced, one_of, reference
from gis.layers.queries import table_of
from gis.layers.stations import Station
from gis.scope import Scope

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


class Activity(Identified, Sourced, Imported, Base):
    """What takes place at a station, for whom; people are counted, never named."""

    __tablename__ = "activities"
    __table_args__ = (
        one_of("served_group", SERVED_GROUPS),
        one_of("fee_class", FEE_CLASSES),
        CheckConstraint("starts_at < ends_at", name="ends_after_it_begins"),
        CheckConstraint("places IS NULL OR places >= 0", name="places_not_negative"),
        CheckConstraint("attendance IS NULL OR attendance >= 0", name="attendance_not_negative"),
        Index("ix_activities_starts_at", "starts_at"),
    )

    station_id: Mapped[str] = reference("stations.id", ondelete="CASCADE", nullable=False)
    name: Mapped[str] = mapped_column(Text)
    room: Mapped[str | None] = mapped_column(Text)
    starts_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    ends_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    served_group: Mapped[str] = mapped_column(Text, server_default=text("'general'"))
    fee_class: Mapped[str] = mapped_column(Text, server_default=text("'public'"))
    places: Mapped[int | None] = mapped_column(Integer)
    attendance: Mapped[int | None] = mapped_column(Integer)
    synthetic: Mapped[bool] = mapped_column(Boolean, server_default=text("false"))


def read_activities(session: "Session", scope: Scope, start: datetime, end: datetime) -> Any:  # noqa: ANN401 - a frame
    """Return the activities that begin in ``[start, end)``, in order of their beginning.

    Parameters
    ----------
    session, scope
        Where, and who asks: stations of its communities only.
    start, end
        With a time zone.

    Raises
    ------
    gis.errors.InvalidInputError
        A moment has no time zone, or the end is not after the start.
    """
    if start.tzinfo is None or end.tzinfo is None or end <= start:
        raise InvalidInputError(
            f"Activities cannot be read from {start} to {end}.",
            remedy="Pass aware datetimes, the end after the start.",
            field="start",
        )
    c, stations = table_of(Activity).c, table_of(Station)
    statement = (
        select(*(c[name] for name in ACTIVITIES.names))
        .join(stations, stations.c.id == c.station_id)
        .where(c.starts_at >= start, c.starts_at < end)
        .order_by(c.starts_at, c.id)
    )
    return read_frame(session, scope.restrict(statement, stations.c.community_id), ACTIVITIES)
