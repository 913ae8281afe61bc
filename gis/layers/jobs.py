"""Jobs: long work that somebody asked for, how far it is, and what came of it."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    ARRAY,
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
    cast,
    false,
    func,
    insert,
    literal,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from gis.database.base import Base
from gis.errors import ConflictError, NotFoundError
from gis.layers import audit, queries
from gis.layers.common import Identified, one_of, reference
from gis.layers.imports import ImportRecord
from gis.layers.locks import lock
from gis.layers.queries import table_of
from gis.scope import Action, Scope

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sqlalchemy import ColumnElement, Row
    from sqlalchemy.orm import Session

JOB_STATUSES = ("queued", "running", "succeeded", "failed", "cancelled")
LINE_LEVELS = ("info", "warning", "error")
#: A worker of which nobody has heard for so long is gone, or was never started.
WORKER_UNSEEN_S = 60


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
    #: The account that asked, and for what it was allowed to: both are asked again when it runs.
    user_id: Mapped[str | None] = reference("users.id", ondelete="SET NULL")
    permission: Mapped[str | None] = mapped_column(Text)
    #: By which roles, and on which ground it is done: its report is told to who has all of both.
    roles: Mapped[list[str] | None] = mapped_column(ARRAY(Text))
    community_ids: Mapped[list[str] | None] = mapped_column(ARRAY(Uuid(as_uuid=False)))
    grid_ids: Mapped[list[str] | None] = mapped_column(ARRAY(Uuid(as_uuid=False)))
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


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a job is: the step, and how much of how much of it is done."""

    step: str
    done: float | None = None
    total: float | None = None


def add(
    session: "Session",
    scope: Scope,
    kind: str,
    arguments: "Mapping[str, Any]",
    *,
    job_id: str | None = None,
) -> str:
    """Write a job down as queued and return its key; the caller commits and hands it on.

    With it goes who asked and what for: whoever does it asks again whether that is still allowed.
    """
    scope.require(Action.WRITE)
    values: dict[str, Any] = {
        "kind": kind,
        "arguments": dict(arguments),
        "principal": scope.principal,
        **_asked_by(scope),
    }
    if job_id is not None:
        values["id"] = job_id
    made = insert(table_of(Job)).values(**values)
    key = str(session.execute(made.returning(Job.id)).scalar_one())
    audit.record(session, scope, audit.Change("queue", "jobs", key, after={"kind": kind}))
    return key


def waiting(session: "Session", scope: Scope) -> int:
    """Return how many jobs of a principal wait or run; others that count it wait meanwhile.

    So two requests at once are not both the last one that is allowed.
    """
    scope.require(Action.READ)
    lock(session, f"jobs of {scope.principal}")
    c = table_of(Job).c
    own = c.principal == scope.principal, c.status.in_(("queued", "running"))
    return int(
        session.execute(select(func.count()).select_from(table_of(Job)).where(*own)).scalar_one()
    )


def _asked_by(scope: Scope) -> dict[str, Any]:
    """Return the account and the permission of a job; the owner of the installation has neither."""
    if scope.is_owner:
        return {}
    # The accounts' module is above this one: named here as text.
    account = text("(SELECT id FROM users WHERE login = :login)").bindparams(login=scope.principal)
    return {"user_id": account, "permission": scope.permission or "none", **_done_on(scope)}


def _done_on(scope: Scope) -> dict[str, Any]:
    """Return by which roles and on which ground a scope does a job; everywhere is no list."""
    return {
        "roles": sorted(scope.roles),
        "community_ids": None if scope.community_ids is None else sorted(scope.community_ids),
        "grid_ids": sorted(scope.grid_ids),
    }


def allow(session: "Session", scope: Scope, job_id: str, asking: Scope) -> None:
    """Write down what a job is done with now that it begins: that of who asked for it, as of today.

    Parameters
    ----------
    session, scope
        Whose books they are.
    job_id
        The job.
    asking
        The scope of who asked.
    """
    scope.require(Action.WRITE)
    if not asking.is_owner:
        c = table_of(Job).c
        session.execute(update(table_of(Job)).where(c.id == job_id).values(**_done_on(asking)))


def _own(scope: Scope) -> "list[ColumnElement[bool]]":
    """Return the conditions that a job is the scope's: its own, to an admin of everything all.

    Its own as long as it has all the roles and all the ground that the job was done with.
    """
    scope.require(Action.READ)
    if scope.is_owner or (scope.is_everywhere and "admin" in scope.roles):
        return []
    c = table_of(Job).c
    own = [c.principal == scope.principal, _within(c.roles, scope.roles)]
    if scope.community_ids is not None:
        own += [_within(c.community_ids, scope.community_ids), _within(c.grid_ids, scope.grid_ids)]
    return own


def _within(column: "ColumnElement[Any]", values: "Iterable[str]") -> "ColumnElement[bool]":
    """Return that all of an array are among some values; nothing is, if it is not known."""
    listed = cast(literal(queries.array_of(sorted(values)), Text), column.type)
    found: ColumnElement[bool] = column.op("<@", is_comparison=True)(listed)
    return found


def start(session: "Session", scope: Scope, job_id: str) -> "Row[Any] | None":
    """Mark a queued job as running and return what it is, and who asked for it.

    ``None``: it is not queued any more, for example because it was cancelled or another worker has
    it.
    """
    scope.require(Action.WRITE)
    table = table_of(Job)
    begun = (
        update(table)
        .where(table.c.id == job_id, table.c.status == "queued")
        .values(status="running", started_at=func.now(), seen_at=func.now())
    )
    row: Row[Any] | None = session.execute(
        begun.returning(
            table.c.kind,
            table.c.arguments,
            table.c.principal,
            table.c.user_id,
            table.c.permission,
        )
    ).one_or_none()
    return row


def tell(session: "Session", scope: Scope, job_id: str, progress: Progress) -> bool:
    """Write down how far a running job is; return whether it is to end.

    That is so if somebody wants it cancelled, or if it was closed because nobody had heard of it.
    """
    scope.require(Action.WRITE)
    table = table_of(Job)
    told = (
        update(table)
        .where(table.c.id == job_id, table.c.status == "running")
        .values(step=progress.step, done=progress.done, total=progress.total, seen_at=func.now())
    )
    wanted = session.execute(told.returning(table.c.cancel_requested)).scalar_one_or_none()
    return wanted is not False


def see(session: "Session", scope: Scope, job_id: str) -> None:
    """Write down that a running job's process is alive."""
    scope.require(Action.WRITE)
    table = table_of(Job)
    alive = table.c.id == job_id, table.c.status == "running"
    session.execute(update(table).where(*alive).values(seen_at=func.now()))


def end(
    session: "Session",
    scope: Scope,
    job_id: str,
    status: str,
    *,
    report: "Mapping[str, Any] | None" = None,
    error: "Mapping[str, Any] | None" = None,
) -> None:
    """Close a job that has not ended yet."""
    scope.require(Action.WRITE)
    table = table_of(Job)
    session.execute(
        update(table)
        .where(table.c.id == job_id, table.c.status.in_(("queued", "running")))
        .values(
            status=status,
            ended_at=func.now(),
            report=None if report is None else dict(report),
            error=None if error is None else dict(error),
        )
    )


def add_line(session: "Session", scope: Scope, job_id: str, level: str, message: str) -> None:
    """Add a line to a job's log."""
    scope.require(Action.WRITE)
    session.execute(insert(table_of(JobLine)).values(job_id=job_id, level=level, message=message))


def request_cancel(session: "Session", scope: Scope, job_id: str) -> str:
    """Ask a job to end and return its status: what is queued is cancelled at once.

    Raises
    ------
    gis.errors.NotFoundError
        There is no such job.
    gis.errors.ConflictError
        It has ended already.
    """
    scope.require(Action.WRITE)
    table = table_of(Job)
    # The open transaction of an import refers to its job: a lock of the key would wait for its end.
    status = session.execute(
        select(table.c.status)
        .where(table.c.id == job_id, *_own(scope))
        .with_for_update(key_share=True)
    ).scalar_one_or_none()
    if status is None:
        raise _no_such_job(job_id)
    if status not in {"queued", "running"}:
        raise ConflictError(
            f"Job {job_id} has ended already ({status}).", remedy="Nothing needs doing."
        )
    wish = update(table).where(table.c.id == job_id)
    audit.record(session, scope, audit.Change("cancel", "jobs", job_id))
    if status == "queued":
        session.execute(wish.values(status="cancelled", ended_at=func.now()))
        return "cancelled"
    session.execute(wish.values(cancel_requested=True))
    return "running"


def one(session: "Session", scope: Scope, job_id: str) -> "Row[Any]":
    """Return a job.

    Raises
    ------
    gis.errors.NotFoundError
        There is no such job, or it is somebody else's.
    """
    c = table_of(Job).c
    asked = select(*c).where(c.id == job_id, *_own(scope))
    found: Row[Any] | None = session.execute(asked).one_or_none()
    if found is None:
        raise _no_such_job(job_id)
    return found


def begins_with(session: "Session", scope: Scope, beginning: str) -> "Row[Any]":
    """Return the one job whose key begins so.

    Raises
    ------
    gis.errors.NotFoundError
        There is none.
    gis.errors.ConflictError
        There are several.
    """
    table = table_of(Job)
    like = queries.begins_with(table.c.id, beginning)
    asked = select(*table.c).where(like, *_own(scope)).limit(2)
    found: Sequence[Any] = session.execute(asked).all()
    if not found:
        raise _no_such_job(beginning)
    if len(found) > 1:
        raise ConflictError(
            f"Several jobs begin with {beginning}.", remedy="Give more characters of the id."
        )
    row: Row[Any] = found[0]
    return row


def lines(session: "Session", scope: Scope, job_id: str) -> "Sequence[Row[datetime, str, str]]":
    """Return the lines of a job's log, oldest first (at, level, message)."""
    c, own = table_of(JobLine).c, table_of(Job)
    mine = select(own.c.id).where(own.c.id == job_id, *_own(scope))
    asked = select(c.at, c.level, c.message).where(c.job_id.in_(mine)).order_by(c.id)
    return session.execute(asked).all()


def newest(
    session: "Session",
    scope: Scope,
    *,
    limit: int = 20,
    status: str | None = None,
    kind: str | None = None,
) -> "Sequence[Row[Any]]":
    """Return the newest jobs, newest first."""
    table = table_of(Job)
    asked = select(*table.c).where(*_own(scope))
    asked = asked.order_by(table.c.created_at.desc(), table.c.id).limit(limit)
    if status is not None:
        asked = asked.where(table.c.status == status)
    if kind is not None:
        asked = asked.where(table.c.kind == kind)
    return session.execute(asked).all()


def newest_of(
    session: "Session", scope: Scope, kind: str, *, status: str | None = None
) -> "Row[Any] | None":
    """Return the newest job of a kind, if there is one."""
    c = table_of(Job).c
    asked = select(*c).where(c.kind == kind, *_own(scope))
    asked = asked.order_by(c.created_at.desc(), c.id).limit(1)
    if status is not None:
        asked = asked.where(c.status == status)
    return session.execute(asked).one_or_none()


def queued(session: "Session", scope: Scope) -> list[str]:
    """Return the keys of the jobs that wait, oldest first."""
    scope.require(Action.READ)
    table = table_of(Job)
    asked = select(table.c.id).where(table.c.status == "queued").order_by(table.c.created_at)
    return [str(key) for key in session.execute(asked).scalars()]


def worker_seen(session: "Session", scope: Scope) -> bool:
    """Return whether a worker was seen within :data:`WORKER_UNSEEN_S`.

    Workers tell the queue every ten seconds that they are there; without a queue there was none.
    """
    scope.require(Action.READ)
    recent = func.now() - func.make_interval(0, 0, 0, 0, 0, 0, WORKER_UNSEEN_S)
    seen = select(func.coalesce(func.wangge_worker_seen() > recent, false()))
    return bool(session.execute(seen).scalar_one())


def fail_abandoned(session: "Session", scope: Scope, *, unseen_s: int) -> list[str]:
    """Close running jobs of which nobody has heard for a while; return those that have failed.

    What such a job had done was one transaction: the database has rolled it back, or it was
    committed just before the process went, and then the job has succeeded.
    """
    scope.require(Action.WRITE)
    table, stored = table_of(Job), table_of(ImportRecord)
    silent = func.now() - func.make_interval(0, 0, 0, 0, 0, 0, unseen_s)
    lost = table.c.status == "running", table.c.seen_at < silent
    number = select(func.max(stored.c.number)).where(stored.c.job_id == table.c.id)
    session.execute(
        update(table)
        .where(*lost, number.scalar_subquery().is_not(None))
        .values(
            status="succeeded",
            ended_at=func.now(),
            report=func.jsonb_build_object("number", number.scalar_subquery()),
        )
    )
    failed = (
        update(table)
        .where(*lost)
        .values(
            status="failed",
            ended_at=func.now(),
            error={
                "message": "The process that did it is gone; nothing of it was stored.",
                "remedy": "Start it again.",
            },
        )
    )
    return [str(key) for key in session.execute(failed.returning(table.c.id)).scalars()]


def _no_such_job(job_id: str) -> NotFoundError:
    return NotFoundError(f"There is no job {job_id}.", remedy="List the jobs.")
