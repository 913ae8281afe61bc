"""Divisions above the community, as a table."""

from sqlalchemy import CheckConstraint, Text
from sqlalchemy.orm import Mapped, mapped_column

from gis.database.base import Base
from gis.frames.divisions import DIVISION_LEVELS
from gis.layers.common import Identified, Sourced, geometry_column, gist, one_of


class Division(Identified, Sourced, Base):
    """A county or subdistrict."""

    __tablename__ = "divisions"
    __table_args__ = (
        CheckConstraint("code ~ '^[0-9]{12}$'", name="code_12_digits"),
        one_of("level", DIVISION_LEVELS),
        gist("ix_divisions_geometry", "geometry"),
    )

    code: Mapped[str] = mapped_column(Text, unique=True)
    name: Mapped[str | None] = mapped_column(Text)
    level: Mapped[str] = mapped_column(Text)
    parent_code: Mapped[str | None] = mapped_column(Text)
    geometry: Mapped[object] = geometry_column("MULTIPOLYGON")
