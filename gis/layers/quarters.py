"""Quarters (小区): estates that stay whole in one grid if they can."""

from sqlalchemy import Boolean, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from gis.database.base import Base
from gis.layers.common import Identified, Imported, Sourced, geometry_column, gist, reference


class Quarter(Identified, Sourced, Imported, Base):
    """A residential estate."""

    __tablename__ = "quarters"
    __table_args__ = (gist("ix_quarters_geometry", "geometry"),)

    community_id: Mapped[str | None] = reference("communities.id")
    name: Mapped[str | None] = mapped_column(Text)
    gated: Mapped[bool] = mapped_column(Boolean, server_default=text("false"))
    geometry: Mapped[object] = geometry_column("MULTIPOLYGON")
