"""Roads and paths."""

from sqlalchemy import Boolean, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from gis.database.base import Base
from gis.frames.roads import ROAD_CLASSES, ROAD_SURFACES
from gis.layers.common import Identified, Imported, Sourced, geometry_column, gist, one_of


class Road(Identified, Sourced, Imported, Base):
    """A piece of road or path between two junctions, or a whole way of the source."""

    __tablename__ = "roads"
    __table_args__ = (
        one_of("road_class", ROAD_CLASSES),
        one_of("surface", ROAD_SURFACES, nullable=True),
        gist("ix_roads_geometry", "geometry"),
    )

    name: Mapped[str | None] = mapped_column(Text)
    road_class: Mapped[str] = mapped_column(Text)
    walkable: Mapped[bool] = mapped_column(Boolean, server_default=text("true"))
    bridge: Mapped[bool] = mapped_column(Boolean, server_default=text("false"))
    tunnel: Mapped[bool] = mapped_column(Boolean, server_default=text("false"))
    surface: Mapped[str | None] = mapped_column(Text)
    geometry: Mapped[object] = geometry_column("LINESTRING")
