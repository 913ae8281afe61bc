"""Imports: what was taken in, by whom, what it changed, and how each source is read."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    DateTime,
    Identity,
    Index,
    Text,
    UniqueConstraint,
    func,
    insert,
    literal_column,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from gis.database.base import Base
from gis.layers.common import CURRENT_IMPORT, Identified, one_of, reference
from gis.layers.queries import table_of
from gis.scope import Action, Scope

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import ColumnElement, Row
    from sqlalchemy.orm import Session

IMPORT_MODES = ("load", "update", "fix")
ROW_CHANGES = ("changed", "removed")


class ImportRecord(Identified, Base):
    """A file or data set that was taken in whole, by the fingerprint of its content."""

    __tablename__ = "imports"
    __table_args__ = (
        one_of("mode", IMPORT_MODES),
        CheckConstraint("(undone_at IS NULL) = (undone_by IS NULL)", name="undone_by_somebody"),
        # What was undone may be loaded again; an update may bring back what was there before.
        Index(
            "uq_imports_fingerprint",
            "fingerprint",
            unique=True,
            postgresql_where=text("mode = 'load' AND undone_at IS NULL"),
        ),
    )

    #: The number that the rows of the import carry.
    number: Mapped[int] = mapped_column(BigInteger, Identity(always=True), unique=True)
    name: Mapped[str] = mapped_column(Text)
    mode: Mapped[str] = mapped_column(Text, server_default=text("'load'"))
    fingerprint: Mapped[str] = mapped_column(Text)
    scope_code: Mapped[str] = mapped_column(Text)
    principal: Mapped[str] = mapped_column(Text, server_default=text("'local_owner'"))
    job_id: Mapped[str | None] = reference("jobs.id", ondelete="SET NULL")
    rows: Mapped[dict[str, int]] = mapped_column(JSONB)
    report: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    imported_at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), server_default=func.now()
    )
    undone_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    undone_by: Mapped[str | None] = mapped_column(Text)


class RowHistory(Base):
    """A row of a layer as it was before an import changed or removed it."""

    __tablename__ = "row_history"
    __table_args__ = (
        one_of("change", ROW_CHANGES),
        Index("ix_row_history_layer_row_id", "layer", "row_id"),
        Index("ix_row_history_import_no", "import_no"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    import_no: Mapped[int] = mapped_column(BigInteger)
    layer: Mapped[str] = mapped_column(Text)
    row_id: Mapped[str] = mapped_column(Text)
    change: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    before: Mapped[dict[str, Any]] = mapped_column(JSONB)


class ImportMapping(Identified, Base):
    """How the columns of a source become a layer, as it was last used."""

    __tablename__ = "import_mappings"
    __table_args__ = (UniqueConstraint("source", name="uq_import_mappings_source"),)

    source: Mapped[str] = mapped_column(Text)
    mapping: Mapped[dict[str, Any]] = mapped_column(JSONB)
    principal: Mapped[str] = mapped_column(Text)
    used_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())


def begin(
    session: "Session",
    scope: Scope,
    *,
    name: str,
    fingerprint: str,
    scope_code: str = "",
    mode: str = "load",
    job_id: str | None = None,
) -> int:
    """Open the record of an import and return its number.

    Every row that the transaction writes to a layer carries the number from here on. The record
    is completed by :func:`end`.
    """
    scope.require_everywhere(Action.WRITE)
    made = insert(table_of(ImportRecord)).values(
        name=name,
        mode=mode,
        fingerprint=fingerprint,
        scope_code=scope_code,
        principal=scope.principal,
        job_id=job_id,
        rows={},
    )
    number = int(session.execute(made.returning(ImportRecord.number)).scalar_one())
    session.execute(select(func.set_config("wangge.import_no", str(number), True)))
    return number


def end(
    session: "Session",
    scope: Scope,
    number: int,
    *,
    rows: "Mapping[str, int]",
    report: "Mapping[str, Any]",
) -> None:
    """Complete the record of an import; rows that are written after it are not its own."""
    scope.require_everywhere(Action.WRITE)
    session.execute(
        update(table_of(ImportRecord))
        .where(ImportRecord.number == number)
        .values(rows=dict(rows), report=dict(report))
    )
    session.execute(select(func.set_config("wangge.import_no", "", True)))


def of_job(session: "Session", scope: Scope, job_id: str) -> int | None:
    """Return the number of the import that a job has stored; ``None``: it has stored none."""
    scope.require(Action.READ)
    own = table_of(ImportRecord)
    asked = select(func.max(own.c.number)).where(own.c.job_id == job_id)
    return session.execute(asked).scalar_one_or_none()


def stood_before(model: "type[Base]") -> "ColumnElement[bool]":
    """Return the condition that a row is not of the import that is under way, if one is."""
    current: ColumnElement[int] = literal_column(str(CURRENT_IMPORT), BigInteger)
    return or_(current.is_(None), table_of(model).c.import_no.is_distinct_from(current))


def newest(
    session: "Session", scope: Scope, *, limit: int = 20, layer: str | None = None
) -> "Sequence[Row[Any]]":
    """Return the newest imports, newest first, those that were undone too.

    An import is of the whole installation, and so is what is told of it.
    """
    scope.require_everywhere(Action.READ)
    own = table_of(ImportRecord)
    asked = select(*own.c).order_by(own.c.number.desc()).limit(limit)
    if layer is not None:
        asked = asked.where(func.jsonb_exists(own.c.rows, layer))
    return session.execute(asked).all()


@dataclass(frozen=True, slots=True)
class Facts:
    """What the imports say of the data as a whole.

    ``synthetic`` is what of the data is made up: ``all``, ``matters`` (incidents and demands), or
    ``none``.
    """

    synthetic: Literal["all", "matters", "none"]
    attribution: str


def facts(session: "Session", scope: Scope) -> Facts:
    """Return whether any of the data are made up, and whose they are."""
    scope.require(Action.READ)
    reports = session.execute(
        select(ImportRecord.report)
        .where(ImportRecord.undone_at.is_(None))
        .order_by(ImportRecord.imported_at, ImportRecord.id)
    ).scalars()
    told = [report or {} for report in reports]
    names = dict.fromkeys(str(r["attribution"]) for r in told if r.get("attribution"))
    if any(report.get("synthetic") for report in told):
        return Facts("all", "; ".join(names))
    matters = any(report.get("synthetic_layers") for report in told)
    return Facts("matters" if matters else "none", "; ".join(names))
