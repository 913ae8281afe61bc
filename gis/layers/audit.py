"""The audit trail and the record of imports."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import BigInteger, DateTime, Identity, Index, Text, func, insert, select, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from gis.database.base import Base
from gis.layers.common import one_of
from gis.layers.queries import table_of
from gis.scope import Action, Scope

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Row
    from sqlalchemy.orm import Session

#: What became of what was asked: done, refused (not allowed), or failed (as a wrong password).
OUTCOMES = ("done", "refused", "failed")


class AuditEntry(Base):
    """Who changed which row, when, from what to what; never personal data."""

    __tablename__ = "audit_log"
    __table_args__ = (
        one_of("outcome", OUTCOMES),
        Index("ix_audit_log_layer_row_id", "layer", "row_id"),
        Index("ix_audit_log_at", "at"),
        Index("ix_audit_log_principal_id", "principal", "id"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    principal: Mapped[str] = mapped_column(Text)
    action: Mapped[str] = mapped_column(Text)
    layer: Mapped[str] = mapped_column(Text)
    row_id: Mapped[str] = mapped_column(Text)
    request_id: Mapped[str | None] = mapped_column(Text)
    before: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    after: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    role: Mapped[str | None] = mapped_column(Text)
    address: Mapped[str | None] = mapped_column(Text)
    before_hash: Mapped[str | None] = mapped_column(Text)
    after_hash: Mapped[str | None] = mapped_column(Text)
    outcome: Mapped[str] = mapped_column(Text, server_default=text("'done'"))


@dataclass(frozen=True, slots=True)
class Change:
    """A change to one row: what was done to which row, and the facts before and after.

    Parameters
    ----------
    action
        What was done, for example ``update``.
    layer, row_id
        Which row.
    before, after
        The facts that changed, as JSON; ``None`` where there was no row. Never personal data.
    request_id
        The request that asked for it, if any.
    """

    action: str
    layer: str
    row_id: str
    before: Mapping[str, Any] | None = None
    after: Mapping[str, Any] | None = None
    request_id: str | None = None


def record(session: "Session", scope: Scope, change: Change) -> None:
    """Write a change down in the transaction that makes it."""
    scope.require(Action.WRITE)
    session.execute(
        insert(table_of(AuditEntry)).values(
            principal=scope.principal,
            action=change.action,
            layer=change.layer,
            row_id=change.row_id,
            request_id=change.request_id,
            before=None if change.before is None else dict(change.before),
            after=None if change.after is None else dict(change.after),
        )
    )


def history(session: "Session", scope: Scope, layer: str, row_id: str) -> "Sequence[Row[Any]]":
    """Return what was done to a row, oldest first."""
    scope.require_everywhere(Action.READ)
    table = table_of(AuditEntry)
    asked = select(*table.c).where(table.c.layer == layer, table.c.row_id == row_id)
    return session.execute(asked.order_by(table.c.id)).all()
