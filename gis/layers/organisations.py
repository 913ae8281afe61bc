"""Organisations that answer for matters."""

from sqlalchemy import Text
from sqlalchemy.orm import Mapped, mapped_column

from gis.database.base import Base
from gis.frames.organisations import ORGANISATION_KINDS
from gis.layers.common import Identified, Imported, Sourced, one_of


class Organisation(Identified, Sourced, Imported, Base):
    """A department, property firm or partner."""

    __tablename__ = "organisations"
    __table_args__ = (one_of("kind", ORGANISATION_KINDS),)

    name: Mapped[str] = mapped_column(Text)
    kind: Mapped[str] = mapped_column(Text)
