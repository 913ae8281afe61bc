"""Runs of coverage and their indicators: a history that is only ever added to."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    CheckConstraint,
    Date,
    DateTime,
    Double,
    ForeignKey,
    Index,
    Text,
    Uuid,
    func,
    insert,
    or_,
    select,
)
from sqlalchemy.dialects.postgresql import JSONB, distinct_on
from sqlalchemy.orm import Mapped, mapped_column

from gis.database.base import Base
from gis.database.frames import copy_frame, read_frame
from gis.errors import NotFoundError
from gis.frames.indicators import AREA_KINDS
from gis.layers.common import Identified, one_of, reference
from gis.layers.queries import table_of
from gis.scope import Action, Scope

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from sqlalchemy import ColumnElement, Row
    from sqlalchemy.orm import Session

METHODS = ("straight_line", "walking")
_VALUES = (
    "indicator",
    "area_kind",
    "area_id",
    "community_id",
    "value",
    "target",
    "numerator",
    "denominator",
    "detail",
)


class CoverageRun(Identified, Base):
    """A measurement of coverage as of a day, from a version of the data."""

    __tablename__ = "coverage_runs"
    __table_args__ = (one_of("method", METHODS), Index("ix_coverage_runs_as_of", "as_of"))

    made_at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), server_default=func.clock_timestamp()
    )
    as_of: Mapped[date] = mapped_column(Date)
    data_version: Mapped[str] = mapped_column(Text)
    method: Mapped[str] = mapped_column(Text)
    parameters: Mapped[dict[str, Any]] = mapped_column(JSONB)
    network_id: Mapped[str | None] = reference("walking_networks.id", ondelete="SET NULL")


class IndicatorValue(Base):
    """The value of an indicator for an area in a run; the key allows one."""

    __tablename__ = "indicator_values"
    __table_args__ = (
        one_of("area_kind", AREA_KINDS),
        CheckConstraint(
            "area_kind = 'subdistrict' OR community_id IS NOT NULL", name="lies_in_a_community"
        ),
        Index("ix_indicator_values_indicator_area_id", "indicator", "area_id"),
    )

    run_id: Mapped[str] = mapped_column(
        Uuid(as_uuid=False), ForeignKey("coverage_runs.id", ondelete="CASCADE"), primary_key=True
    )
    indicator: Mapped[str] = mapped_column(Text, primary_key=True)
    area_kind: Mapped[str] = mapped_column(Text, primary_key=True)
    #: No foreign key: a grid that is gone keeps its history.
    area_id: Mapped[str] = mapped_column(Uuid(as_uuid=False), primary_key=True)
    community_id: Mapped[str | None] = mapped_column(Uuid(as_uuid=False))
    value: Mapped[float | None] = mapped_column(Double)
    target: Mapped[float | None] = mapped_column(Double)
    numerator: Mapped[float | None] = mapped_column(Double)
    denominator: Mapped[float | None] = mapped_column(Double)
    detail: Mapped[dict[str, Any] | None] = mapped_column(JSONB)


@dataclass(frozen=True, slots=True)
class NewRun:
    """A run on its way into the store.

    Parameters
    ----------
    as_of
        The day that it speaks of.
    data_version
        Fingerprint of the data it was measured on.
    method
        ``straight_line`` or ``walking``.
    parameters
        Thresholds, speeds, services: what it was asked for.
    network_id
        The walking network it used.
    """

    as_of: date
    data_version: str
    method: str
    parameters: Mapping[str, Any]
    network_id: str | None = None


def add(session: "Session", scope: Scope, run: NewRun, values: "pd.DataFrame") -> str:
    """Store a run with its indicators and return its key.

    Parameters
    ----------
    session, scope
        Where, and who asks.
    run
        What was measured, and how.
    values
        Columns of :class:`IndicatorValue` but ``run_id``; ``detail`` may be missing. Counts are
        stored as they are: whoever shows them withholds the small ones.

    A run of some communities says so, and is no run to the others; it knows nothing of the whole.
    """
    parameters = dict(run.parameters)
    if not scope.is_everywhere:
        values = values[values["area_kind"] != "subdistrict"]
        scope.require_within(Action.WRITE, values["community_id"].unique().tolist())
        parameters["within"] = sorted(scope.community_ids or ())
    scope.require(Action.WRITE)
    made = insert(table_of(CoverageRun)).values(
        as_of=run.as_of,
        data_version=run.data_version,
        method=run.method,
        parameters=parameters,
        network_id=run.network_id,
    )
    key = str(session.execute(made.returning(CoverageRun.id)).scalar_one())
    kept = [name for name in _VALUES if name in values]
    copy_frame(session, table_of(IndicatorValue), values[kept].assign(run_id=key))
    return key


def runs(session: "Session", scope: Scope, *, limit: int = 50) -> "Sequence[Row[Any]]":
    """Return the newest runs (every column of :class:`CoverageRun`), newest first."""
    c = table_of(CoverageRun).c
    asked = (
        select(*c)
        .where(_tells(scope))
        .order_by(c.as_of.desc(), c.made_at.desc(), c.id)
        .limit(limit)
    )
    return session.execute(asked).all()


def one(session: "Session", scope: Scope, run_id: str) -> "Row[Any]":
    """Return a run.

    Raises
    ------
    gis.errors.NotFoundError
        There is no such run of all the scope's communities.
    """
    c = table_of(CoverageRun).c
    row = session.execute(select(*c).where(c.id == run_id, _tells(scope))).one_or_none()
    if row is None:
        raise NotFoundError(f"There is no coverage run {run_id}.", remedy="List the runs.")
    return row


def there_is(session: "Session", scope: Scope, as_of: date) -> bool:
    """Return whether there is a run of a day."""
    c = table_of(CoverageRun).c
    asked = select(c.id).where(c.as_of == as_of, _tells(scope)).limit(1)
    return session.execute(asked).first() is not None


def newest_at(
    session: "Session", scope: Scope, as_of: date, *, method: str | None = None
) -> "Row[Any] | None":
    """Return the last run of a day, or else of the day before it that has one."""
    c = table_of(CoverageRun).c
    asked = select(*c).where(c.as_of <= as_of, _tells(scope))
    if method is not None:
        asked = asked.where(c.method == method)
    asked = asked.order_by(c.as_of.desc(), c.made_at.desc(), c.id).limit(1)
    return session.execute(asked).one_or_none()


def days(
    session: "Session", scope: Scope, *, since: date, until: date, method: str
) -> "list[date]":
    """Return the days of ``[since, until]`` that have a run, in order."""
    c = table_of(CoverageRun).c
    days = c.as_of.between(since, until), c.method == method
    asked = select(c.as_of).where(*days, _tells(scope)).distinct()
    return list(session.execute(asked.order_by(c.as_of)).scalars())


def values(session: "Session", scope: Scope, run_id: str) -> Any:  # noqa: ANN401 - a frame
    """Return the indicators of a run, those of the scope's communities, ordered by key."""
    c = table_of(IndicatorValue).c
    asked = select(*(c[name] for name in _VALUES)).where(c.run_id == run_id)
    asked = asked.order_by(c.indicator, c.area_kind, c.area_id)
    return read_frame(session, scope.restrict(asked, c.community_id, c.area_id))


def _tells(scope: Scope) -> "ColumnElement[bool]":
    """Return the condition that a run was measured on all the communities of a scope."""
    scope.require(Action.READ)
    parameters = table_of(CoverageRun).c.parameters
    whole: ColumnElement[bool] = ~parameters.has_key("within")
    if not scope.community_ids:
        return whole
    within: ColumnElement[bool] = parameters.contains({"within": sorted(scope.community_ids)})
    return or_(whole, within)


def history(
    session: "Session", scope: Scope, *, since: date, until: date, method: str = "walking"
) -> Any:  # noqa: ANN401 - a frame
    """Return the stored indicators of ``[since, until]``, the last run of each day.

    Returns
    -------
    pandas.DataFrame
        ``as_of``, ``made_at``, ``data_version`` and the columns of :func:`values`, in order of
        day: what :func:`gis.coverage.indicators.trends` compares.
    """
    runs_, c = table_of(CoverageRun), table_of(IndicatorValue).c
    last = (
        select(runs_.c.id)
        .ext(distinct_on(runs_.c.as_of))
        .where(runs_.c.as_of.between(since, until), runs_.c.method == method, _tells(scope))
        .order_by(runs_.c.as_of, runs_.c.made_at.desc(), runs_.c.id)
    )
    asked = (
        select(
            runs_.c.as_of,
            runs_.c.made_at,
            runs_.c.data_version,
            *(c[name] for name in _VALUES),
        )
        .join(runs_, runs_.c.id == c.run_id)
        .where(c.run_id.in_(last))
        .order_by(runs_.c.as_of, c.indicator, c.area_kind, c.area_id)
    )
    return read_frame(session, scope.restrict(asked, c.community_id, c.area_id))
