"""Roads and paths."""

from typing import TYPE_CHECKING

from geoalchemy2 import Geography, Geometry
from sqlalchemy import Boolean, Text, cast, func, select, text
from sqlalchemy.orm import Mapped, mapped_column

from gis.database.base import Base
from gis.frames.roads import ROAD_CLASSES, ROAD_SURFACES
from gis.layers.common import Identified, Imported, Sourced, geometry_column, gist, one_of
from gis.layers.queries import point, table_of, there_are

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from gis.scope import Scope


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


def walkable_near(
    session: "Session", scope: "Scope", lon: float, lat: float, reach_m: float
) -> bool | None:
    """Return whether a road that one can walk along is within reach; ``None``: there is no road."""
    if not there_are(session, scope, Road):
        return None
    c, here = table_of(Road).c, cast(point(lon, lat), Geography)
    around = cast(func.ST_Buffer(here, reach_m * 1.1), Geometry)  # for the index; a polygon inside
    near = select(c.id).where(
        c.walkable,
        func.ST_Intersects(c.geometry, around),
        func.ST_DWithin(cast(c.geometry, Geography), here, reach_m),
    )
    return session.execute(near.limit(1)).first() is not None
