"""The audit log: what was done and tried, and how long it is kept."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from gis.errors import InvalidInputError
from gis.layers import audit
from gis.layers.audit import Wanted
from gis.settings import get_settings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Row
    from sqlalchemy.orm import Session

    from gis.scope import Scope

#: So long entries are kept at least; the database refuses to forget younger ones as well.
KEPT_DAYS = 184


def read_trail(
    session: "Session", scope: "Scope", wanted: Wanted, *, limit: int = 100
) -> "Sequence[Row[Any]]":
    """Return entries of the audit log, newest first."""
    if wanted.outcome is not None and wanted.outcome not in audit.OUTCOMES:
        raise InvalidInputError(
            f"The outcome {wanted.outcome!r} is not known.",
            remedy=f"Use one of {', '.join(audit.OUTCOMES)}.",
            field="outcome",
        )
    return audit.entries(session, scope, wanted, limit=limit)


def forget(session: "Session", scope: "Scope", before: date) -> int:
    """Remove the entries from before a day and write that down; return how many they were.

    Raises
    ------
    gis.errors.InvalidInputError
        The day is not at least 184 days ago: so long network logs must be kept.
    """
    moment = beginning_of(before)
    if moment > datetime.now(UTC) - timedelta(days=KEPT_DAYS):
        raise InvalidInputError(
            f"Entries of the last {KEPT_DAYS} days are kept, and {before} is one of these.",
            remedy="Name an earlier day.",
            field="before",
        )
    return audit.forget(session, scope, moment)


def note_refused(
    session: "Session", scope: "Scope", operation: str, facts: "Mapping[str, Any] | None" = None
) -> None:
    """Write down that somebody asked for what they may not do; the caller commits."""
    trail = replace(scope, actions=frozenset())
    change = audit.Change("ask", "operations", operation, after=facts, outcome="refused")
    audit.record(session, trail, change)


def beginning_of(day: date) -> datetime:
    """Return the moment at which a day begins where the stations are."""
    return datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(get_settings().timezone))
