"""Demands: a service that somebody wants."""

from sqlalchemy import Text
from sqlalchemy.orm import Mapped, mapped_column

from gis.database.base import Base
from gis.layers.matters import Matter


class Demand(Matter, Base):
    """A service that is wanted at a place and time."""

    __tablename__ = "demands"

    service: Mapped[str] = mapped_column(Text, index=True)
