"""Jobs: long work that somebody asked for, how far it is, and what came of it."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
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
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from gis.database.base import Base
from gis.layers.common import Identified, one_of

JOB_STATUSES = ("queued", "running", "succeeded", "failed", "cancelled")
LINE_LEVELS = ("info", "warning", "error")


class Job(Identified, Base):
    """A piece of long work, in the foreground or in the worker."""

    __tablename__ = "jobs"
    __table_args__ = (
        one_of("status", JOB_STATUSES),
        CheckConstraint("done IS NULL OR done >= 0", name="done_not_negative"),
        Index("ix_jobs_created_at", "created_at"),
    )

    kind: Mapped[str] = mapped_column(Text)
    arguments: Mapped[dict[str, Any]] = mapped_column(JSONB)
    principal: Mapped[str] = mapped_column(Text)
    status: Mapped[str] = mapped_column(Text, server_default=text("'queued'"))
    #: What is being done now, and how much of how much.
    step: Mapped[str | None] = mapped_column(Text)
    done: Mapped[float | None] = mapped_column(Double)
    total: Mapped[float | None] = mapped_column(Double)
    cancel_requested: Mapped[bool] = mapped_column(Boolean, server_default=text("false"))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    started_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    seen_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    ended_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    report: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    error: Mapped[dict[str, Any] | None] = mapped_column(JSONB)


class JobLine(Base):
    """A line of a job's log."""

    __tablename__ = "job_lines"
    __table_args__ = (one_of("level", LINE_LEVELS), Index("ix_job_lines_job_id_id", "job_id", "id"))

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    job_id: Mapped[str] = mapped_column(
        Uuid(as_uuid=False), ForeignKey("jobs.id", ondelete="CASCADE")
    )
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    level: Mapped[str] = mapped_column(Text)
    message: Mapped[str] = mapped_column(Text)
