"""Crossings: where a barrier can be passed."""

from sqlalchemy import Boolean, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from gis.database.base import Base
from gis.frames.crossings import CROSSING_KINDS
from gis.layers.common import Identified, Imported, Sourced, geometry_column, gist, one_of


class Crossing(Identified, Sourced, Imported, Base):
    """A bridge, underpass, level crossing or gate."""

    __tablename__ = "crossings"
    __table_args__ = (one_of("kind", CROSSING_KINDS), gist("ix_crossings_geometry", "geometry"))

    name: Mapped[str | None] = mapped_column(Text)
    kind: Mapped[str] = mapped_column(Text)
    open_to_walkers: Mapped[bool] = mapped_column(Boolean, server_default=text("true"))
    geometry: Mapped[object] = geometry_column("POINT")
