"""What topology audits found, run by run."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Boolean,
    Date,
    DateTime,
    Double,
    ForeignKey,
    Identity,
    Index,
    Text,
    Uuid,
    cast,
    func,
    insert,
    literal,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from gis.database.base import Base
from gis.database.frames import copy_frame, read_frame
from gis.errors import NotFoundError
from gis.layers import plans
from gis.layers.common import Identified, geometry_column, one_of
from gis.layers.grids import Grid, in_effect
from gis.layers.posts import Post
from gis.layers.queries import (
    Page,
    Window,
    as_geojson,
    community_column,
    existing_on,
    meets_box,
    restricted,
    table_of,
)
from gis.layers.registry import LAYER_BY_NAME
from gis.scope import Action, Scope

if TYPE_CHECKING:
    import pandas as pd
    from sqlalchemy import ColumnElement, Row
    from sqlalchemy.orm import Session

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


#: Kinds of plan whose grids tile communities; micro-grids nest in one grid.
_TILING_PLANS = ("community", "party")
#: A cursor of another list may hold a number that no key can be.
_LARGEST_KEY = 2**63 - 1


def read_standing(
    session: "Session",
    scope: Scope,
    layer: str,
    on_day: date,
    communities: Collection[str] | None = None,
) -> Any:  # noqa: ANN401 - a frame or geo frame
    """Return the rows of a layer that exist on a day as they are stored, valid or not, by key.

    Parameters
    ----------
    session, scope
        Where, and who asks.
    layer
        Name of an imported layer.
    on_day
        The day.
    communities
        Only rows of these communities and of none; ``None``: all rows.
    """
    if layer == "posts":
        return _posts_in_force(session, scope, on_day)
    one = LAYER_BY_NAME[layer]
    table = table_of(one.model)
    columns = [table.c[name] for name in one.contract.names if name in table.c]
    statement = select(*columns).order_by(table.c.id)
    if "valid_to" in table.c:
        statement = statement.where(existing_on(one.model, on_day))
    place = None if layer == "communities" else community_column(one.model)
    if communities is not None and place is not None:
        mine = place.in_(sorted(communities))
        statement = statement.where(or_(mine, place.is_(None)))
    return read_frame(session, restricted(statement, scope, one.model))


def read_audited_grids(
    session: "Session",
    scope: Scope,
    on_day: date,
    *,
    plan_id: str | None = None,
    communities: Collection[str] | None = None,
) -> Any:  # noqa: ANN401 - a geo frame
    """Return grids of a plan, or of all plans that tile communities and are in effect on a day.

    Raises
    ------
    gis.errors.NotFoundError
        There is no such plan.
    """
    c = table_of(Grid).c
    statement = select(c.id, c.plan_id, c.community_id, c.code, c.kind, c.geometry).order_by(c.id)
    if plan_id is not None:
        plans.one(session, scope, plan_id)
        statement = statement.where(c.plan_id == plan_id)
    else:
        statement = statement.where(or_(*(in_effect(kind, on_day) for kind in _TILING_PLANS)))
    if communities is not None:
        statement = statement.where(c.community_id.in_(sorted(communities)))
    return read_frame(session, restricted(statement, scope, Grid))


def add_run(
    session: "Session", scope: Scope, values: Mapping[str, Any], findings: "pd.DataFrame"
) -> str:
    """Store an audit with its findings and return its key; the caller commits.

    Parameters
    ----------
    session, scope
        Where, and who audits.
    values
        ``import_no``, ``options``, ``counts``.
    findings
        Columns as of :class:`AuditFinding`, geometry in EPSG:4326.

    An audit of some communities says so, and is shown to who sees all of these.
    """
    scope.require(Action.WRITE)
    if not scope.is_everywhere:
        within = {"within": sorted(scope.community_ids or ())}
        values = {**values, "options": {**(values.get("options") or {}), **within}}
    made = insert(table_of(AuditRun)).values(principal=scope.principal, **values)
    run_id = str(session.execute(made.returning(AuditRun.id)).scalar_one())
    if len(findings):
        copy_frame(session, table_of(AuditFinding), findings.assign(run_id=run_id))
    return run_id


def newest_runs(session: "Session", scope: Scope, limit: int) -> "Sequence[Row[Any]]":
    """Return the newest audits, newest first (id, at, principal, import_no, options, counts)."""
    table = table_of(AuditRun)
    newest = (
        select(*_run_shown())
        .where(seen_run(scope))
        .order_by(table.c.at.desc(), table.c.id)
        .limit(limit)
    )
    return session.execute(newest).all()


def one_run(session: "Session", scope: Scope, run_id: str) -> "Row[Any]":
    """Return an audit as :func:`newest_runs` shows it.

    Raises
    ------
    gis.errors.NotFoundError
        There is none that the scope may see.
    """
    c = table_of(AuditRun).c
    asked = select(*_run_shown()).where(c.id == run_id, seen_run(scope))
    row: Row[Any] | None = session.execute(asked).one_or_none()
    if row is None:
        raise NotFoundError(f"There is no audit {run_id}.", remedy="List the audits.")
    return row


def seen_run(scope: Scope) -> "ColumnElement[bool]":
    """Return the condition that an audit was of communities of a scope; of the whole for who may.

    What was found on other ground names rows there.
    """
    scope.require(Action.READ)
    options = table_of(AuditRun).c.options
    if scope.community_ids is None:
        return or_(options.is_(None), ~options.has_key("within"))
    within: ColumnElement[bool] = options["within"].contained_by(
        cast(sorted(scope.community_ids), JSONB)
    )
    return within


def page_findings(
    session: "Session",
    scope: Scope,
    run_id: str,
    window: Window,
    *,
    kind: str | None = None,
    severity: str | None = None,
) -> Page:
    """Return the findings of an audit in the order in which it told them, the worst first.

    A page ends at the key of its last finding, written as a UUID as every cursor's key is.

    Raises
    ------
    gis.errors.NotFoundError
        There is no such audit.
    """
    one_run(session, scope, run_id)
    c = table_of(AuditFinding).c
    statement = select(*_finding_shown()).where(c.run_id == run_id).order_by(c.id)
    if kind is not None:
        statement = statement.where(c.kind == kind)
    if severity is not None:
        statement = statement.where(c.severity == severity)
    if window.after is not None:
        statement = statement.where(c.id > min(UUID(window.after).int, _LARGEST_KEY))
    if window.bbox is not None:
        statement = statement.where(meets_box(c.geometry, window.bbox))
    rows = session.execute(statement.limit(window.limit + 1)).all()
    if len(rows) > window.limit:
        return Page(rows[: window.limit], str(UUID(int=rows[window.limit - 1].id)))
    return Page(rows, None)


def end_rows(
    session: "Session", scope: Scope, layer: str, ends: Mapping[str, date], number: int
) -> None:
    """Let rows of a dated layer end, as a change of import ``number``."""
    scope.require_everywhere(Action.WRITE)
    table = table_of(LAYER_BY_NAME[layer].model)
    given = (
        func.unnest(
            cast(list(ends), ARRAY(Uuid(as_uuid=False))), cast(list(ends.values()), ARRAY(Date))
        )
        .table_valued("id", "ends", name="given")
        .render_derived()
    )
    session.execute(
        update(table)
        .values(valid_to=given.c.ends, import_no=number)
        .where(table.c.id == given.c.id)
    )


def redraw_rows(
    session: "Session", scope: Scope, layer: str, shapes: "Mapping[str, bytes]", number: int
) -> None:
    """Give rows of a layer of areas new geometries (WKB, EPSG:4326), as a change of an import."""
    scope.require_everywhere(Action.WRITE)
    table = table_of(LAYER_BY_NAME[layer].model)
    texts = [shape.hex() for shape in shapes.values()]
    given = (
        func.unnest(cast(list(shapes), ARRAY(Uuid(as_uuid=False))), cast(texts, ARRAY(Text)))
        .table_valued("id", "shape", name="given")
        .render_derived()
    )
    drawn = func.ST_Multi(func.ST_GeomFromWKB(func.decode(given.c.shape, literal("hex")), 4326))
    session.execute(
        update(table).values(geometry=drawn, import_no=number).where(table.c.id == given.c.id)
    )


def _posts_in_force(session: "Session", scope: Scope, on_day: date) -> Any:  # noqa: ANN401 - a frame
    c = table_of(Post).c
    begun = or_(c.active_from.is_(None), c.active_from <= on_day)
    not_ended = or_(c.active_to.is_(None), c.active_to > on_day)
    asked = select(c.id, c.grid_id).where(begun, not_ended).order_by(c.id)
    return read_frame(session, restricted(asked, scope, Post))


def _run_shown() -> "list[ColumnElement[Any]]":
    c = table_of(AuditRun).c
    return [c.id, c.at, c.principal, c.import_no, c.options, c.counts]


def _finding_shown() -> "list[ColumnElement[Any]]":
    c = table_of(AuditFinding).c
    sizes = [c.size_m2, c.length_m]
    return [
        c.id,
        func.coalesce(as_geojson(c.geometry), "null").label("geometry"),
        c.kind,
        c.severity,
        c.layer,
        c.row_ids,
        *sizes,
        c.fixable,
        c.detail,
    ]
