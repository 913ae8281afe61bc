"""Incidents: what happened, and to whom it was assigned."""

from sqlalchemy import Text
from sqlalchemy.orm import Mapped, mapped_column

from gis.database.base import Base
from gis.frames.incidents import INCIDENT_CATEGORIES
from gis.layers.common import one_of
from gis.layers.matters import Matter


class Incident(Matter, Base):
    """Something that happened at a place; a service may answer it."""

    __tablename__ = "incidents"

    category: Mapped[str] = mapped_column(Text, index=True)
    service: Mapped[str | None] = mapped_column(Text)


Incident.__table__.append_constraint(one_of("category", INCIDENT_CATEGORIES))  # type: ignore[attr-defined] # a Table at run time
