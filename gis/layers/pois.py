"""Points of interest."""

from sqlalchemy import Text
from sqlalchemy.orm import Mapped, mapped_column

from gis.database.base import Base
from gis.layers.common import Identified, Imported, Sourced, geometry_column, gist


class Poi(Identified, Sourced, Imported, Base):
    """A point that incidents and people refer to."""

    __tablename__ = "pois"
    __table_args__ = (gist("ix_pois_geometry", "geometry"),)

    name: Mapped[str | None] = mapped_column(Text)
    category: Mapped[str] = mapped_column(Text, index=True)
    geometry: Mapped[object] = geometry_column("POINT")
