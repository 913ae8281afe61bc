"""Areas that become dedicated grids: markets, campuses, industrial parks."""

from sqlalchemy import Text
from sqlalchemy.orm import Mapped, mapped_column

from gis.database.base import Base
from gis.layers.common import Identified, Imported, Sourced, geometry_column, gist, reference


class DedicatedArea(Identified, Sourced, Imported, Base):
    """Ground that a plan sets apart before it draws the basic grids."""

    __tablename__ = "dedicated_areas"
    __table_args__ = (gist("ix_dedicated_areas_geometry", "geometry"),)

    community_id: Mapped[str | None] = reference("communities.id")
    name: Mapped[str | None] = mapped_column(Text)
    category: Mapped[str | None] = mapped_column(Text)
    geometry: Mapped[object] = geometry_column("MULTIPOLYGON")
