"""What topology audits found, run by run."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    DateTime,
    Double,
    ForeignKey,
    Identity,
    Index,
    Text,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from gis.database.base import Base
from gis.layers.common import Identified, geometry_column, one_of

SEVERITIES = ("error", "warning", "note")


class AuditRun(Identified, Base):
    """One run of the topology audit over the store."""

    __tablename__ = "audit_runs"

    at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    principal: Mapped[str] = mapped_column(Text)
    import_no: Mapped[int | None] = mapped_column(BigInteger)
    options: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    counts: Mapped[dict[str, int]] = mapped_column(JSONB)


class AuditFinding(Base):
    """A fault of the ground, with the rows it concerns, its size and its place."""

    __tablename__ = "audit_findings"
    __table_args__ = (
        one_of("severity", SEVERITIES),
        Index("ix_audit_findings_run_id_id", "run_id", "id"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    run_id: Mapped[str] = mapped_column(
        Uuid(as_uuid=False), ForeignKey("audit_runs.id", ondelete="CASCADE")
    )
    kind: Mapped[str] = mapped_column(Text)
    severity: Mapped[str] = mapped_column(Text)
    layer: Mapped[str] = mapped_column(Text)
    row_ids: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'"))
    size_m2: Mapped[float | None] = mapped_column(Double)
    length_m: Mapped[float | None] = mapped_column(Double)
    fixable: Mapped[bool] = mapped_column(Boolean, server_default=text("false"))
    detail: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    geometry: Mapped[object | None] = geometry_column("GEOMETRY", nullable=True)
