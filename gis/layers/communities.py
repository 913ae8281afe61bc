"""Communities: the ground that grids are nested in."""

from sqlalchemy import Boolean, CheckConstraint, Index, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from gis.database.base import Base
from gis.layers.common import DATED_CHECK, Dated, Identified, Sourced, geometry_column, gist


class Community(Identified, Sourced, Dated, Base):
    """A community (社区), published or derived, with the days on which it exists."""

    __tablename__ = "communities"
    __table_args__ = (
        CheckConstraint("code ~ '^[0-9]{12}$'", name="code_12_digits"),
        CheckConstraint(DATED_CHECK, name="dates_in_order"),
        gist("ix_communities_geometry", "geometry"),
        # One living community per code; old ones stay with their dates.
        Index(
            "uq_communities_code_living",
            "code",
            unique=True,
            postgresql_where=text("valid_to IS NULL"),
        ),
    )

    code: Mapped[str] = mapped_column(Text)
    name: Mapped[str | None] = mapped_column(Text)
    derived: Mapped[bool] = mapped_column(Boolean, server_default=text("false"))
    #: Fingerprint of the data its cells were built from; empty: they must be built.
    data_version: Mapped[str | None] = mapped_column(Text)
    geometry: Mapped[object] = geometry_column("MULTIPOLYGON")
