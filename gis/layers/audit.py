"""The audit trail and the record of imports."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Literal

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
        The request that asked for it, if it is another than the scope's.
    outcome
        Whether it was done, refused (not allowed), or failed.
    """

    action: str
    layer: str
    row_id: str
    before: Mapping[str, Any] | None = None
    after: Mapping[str, Any] | None = None
    request_id: str | None = None
    outcome: Literal["done", "refused", "failed"] = "done"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which entries are wanted: all of them, or those that fit what is given.

    Parameters
    ----------
    since, until
        From a moment (inclusive) to another (exclusive).
    who, action, layer, row_id, outcome
        Exactly these.
    before_id
        Entries older than this one, for the next page.
    """

    since: datetime | None = None
    until: datetime | None = None
    who: str | None = None
    action: str | None = None
    layer: str | None = None
    row_id: str | None = None
    outcome: str | None = None
    before_id: int | None = None


def digest_of(facts: Mapping[str, Any] | None) -> str | None:
    """Return the SHA-256 of facts as canonical JSON: sorted keys, no spaces, UTF-8.

    ``None`` has none.
    """
    if facts is None:
        return None
    plain = json.loads(json.dumps(facts))  # keys are strings in JSON, and sorted as such
    told = json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return sha256(told.encode("utf-8", "surrogatepass")).hexdigest()


def record(session: "Session", scope: Scope, change: Change) -> None:
    """Write down what was done, refused or failed, in the transaction in which it was.

    Raises
    ------
    gis.errors.ForbiddenError
        It is said to be done by somebody who may do nothing.
    """
    if change.outcome == "done" and not scope.actions:
        scope.require(Action.WRITE)
    session.execute(
        insert(table_of(AuditEntry)).values(
            principal=scope.principal,
            role=",".join(scope.roles) or None,
            action=change.action,
            layer=change.layer,
            row_id=change.row_id,
            request_id=change.request_id or scope.request_id,
            address=scope.address,
            outcome=change.outcome,
            before=None if change.before is None else dict(change.before),
            after=None if change.after is None else dict(change.after),
            before_hash=digest_of(change.before),
            after_hash=digest_of(change.after),
        )
    )


def history(session: "Session", scope: Scope, layer: str, row_id: str) -> "Sequence[Row[Any]]":
    """Return what was done to a row, oldest first."""
    scope.require_everywhere(Action.READ)
    table = table_of(AuditEntry)
    asked = select(*table.c).where(table.c.layer == layer, table.c.row_id == row_id)
    return session.execute(asked.order_by(table.c.id)).all()


def entries(
    session: "Session", scope: Scope, wanted: Wanted, *, limit: int
) -> "Sequence[Row[Any]]":
    """Return entries, newest first."""
    scope.require_everywhere(Action.READ)
    c = table_of(AuditEntry).c
    same = {
        c.principal: wanted.who,
        c.action: wanted.action,
        c.layer: wanted.layer,
        c.row_id: wanted.row_id,
        c.outcome: wanted.outcome,
    }
    conditions = [column == value for column, value in same.items() if value is not None]
    if wanted.since is not None:
        conditions.append(c.at >= wanted.since)
    if wanted.until is not None:
        conditions.append(c.at < wanted.until)
    if wanted.before_id is not None:
        conditions.append(c.id < wanted.before_id)
    asked = select(*c).where(*conditions).order_by(c.id.desc()).limit(limit)
    return session.execute(asked).all()


def forget(session: "Session", scope: Scope, before: datetime) -> int:
    """Remove the entries from before a moment and write that down; return how many they were.

    The database's own function does it, and none but the owner of the tables may call that.
    """
    scope.require_everywhere(Action.WRITE)
    forgotten = select(func.wangge_forget_audit(before, scope.principal))
    return int(session.execute(forgotten).scalar_one())
