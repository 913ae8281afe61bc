"""Texts that say where something is and could not be placed for certain: a person decides."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, DateTime, Index, Text, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from gis.database.base import Base
from gis.layers.common import Identified, geometry_column, one_of

GEOCODING_STATUSES = ("open", "resolved", "rejected")


class GeocodingRequest(Identified, Base):
    """A place description with its candidates, and the row that waits for its place."""

    __tablename__ = "geocoding_requests"
    __table_args__ = (
        one_of("status", GEOCODING_STATUSES),
        CheckConstraint("(status = 'open') = (resolved_at IS NULL)", name="resolved_when_not_open"),
        CheckConstraint(
            "(status = 'resolved') = (geometry IS NOT NULL)", name="resolved_has_a_place"
        ),
        Index("ix_geocoding_requests_status_created_at", "status", "created_at"),
    )

    #: The description as it came, without persons' numbers.
    description: Mapped[str] = mapped_column("text", Text)
    #: Layer and values of the row that waits, for example an incident; empty: a question only.
    layer: Mapped[str | None] = mapped_column(Text)
    waiting: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    candidates: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, server_default=text("'[]'"))
    status: Mapped[str] = mapped_column(Text, server_default=text("'open'"))
    resolved_layer: Mapped[str | None] = mapped_column(Text)
    resolved_row_id: Mapped[str | None] = mapped_column(Text)
    resolved_by: Mapped[str | None] = mapped_column(Text)
    note: Mapped[str | None] = mapped_column(Text)
    import_no: Mapped[int | None] = mapped_column(
        BigInteger,
        server_default=text("NULLIF(current_setting('wangge.import_no', true), '')::bigint"),
    )
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    resolved_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    geometry: Mapped[object | None] = geometry_column("POINT", nullable=True)
