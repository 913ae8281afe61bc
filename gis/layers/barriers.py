"""Barriers that a grid should not straddle."""

from sqlalchemy import Text
from sqlalchemy.orm import Mapped, mapped_column

from gis.database.base import Base
from gis.frames.barriers import BARRIER_CLASSES
from gis.layers.common import Identified, Imported, Sourced, geometry_column, gist, one_of


class Barrier(Identified, Sourced, Imported, Base):
    """An arterial, river, railway or wall."""

    __tablename__ = "barriers"
    __table_args__ = (
        one_of("barrier_class", BARRIER_CLASSES),
        gist("ix_barriers_geometry", "geometry"),
    )

    name: Mapped[str | None] = mapped_column(Text)
    barrier_class: Mapped[str] = mapped_column(Text)
    geometry: Mapped[object] = geometry_column("LINESTRING")
