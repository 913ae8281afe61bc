"""Opening hours into intervals: the calendar's seed, the expansion over a horizon."""

import contextlib
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from gis.errors import ConflictError
from gis.hours import (
    Calendar,
    CalendarDay,
    DayKind,
    china_calendar_days,
    expand_hours,
)
from gis.layers import calendar_days, stations
from gis.logs import get_logger

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy.orm import Session

    from gis.scope import Scope

log = get_logger(__name__)

#: How far the intervals reach beyond today; the daily task moves the horizon on.
AHEAD = timedelta(days=120)
#: Zones in which the public holidays of China hold.
CHINESE_ZONES = frozenset({"Asia/Shanghai", "Asia/Urumqi", "Asia/Chongqing", "Asia/Harbin", "PRC"})


def seed_calendar(session: "Session", scope: "Scope", years: "Iterable[int]") -> int:
    """Add the holidays and make-up workdays of years that the table lacks; return how many days.

    Days that somebody has edited stay as they are: a year with any row is left alone.
    """
    known = calendar_days.years(session, scope)
    days = china_calendar_days(sorted(set(years) - known))
    calendar_days.add(
        session,
        scope,
        [{"day": d.date, "kind": d.kind.value, "name": d.name, "source": d.source} for d in days],
    )
    return len(days)


def read_calendar(session: "Session", scope: "Scope") -> Calendar:
    """Return the calendar of the table."""
    return Calendar.of(
        CalendarDay(row.day, DayKind(row.kind), row.name or "", row.source)
        for row in calendar_days.read(session, scope)
    )


def expand_open_intervals(
    session: "Session",
    scope: "Scope",
    *,
    timezone: str,
    start: datetime,
    end: datetime | None = None,
    station_id: str | None = None,
) -> int:
    """Lay the hours of every service out over a horizon and store it; return the intervals.

    Services that only travel get none, as nobody can go there for them.

    Parameters
    ----------
    session, scope
        Where, and who asks; the caller commits.
    timezone
        IANA name of the zone of the stations.
    start, end
        The horizon, with a time zone; the end is 120 days from today by default.
    station_id
        Only this station, over the horizon that is stated already (its hours were edited).
    """
    if station_id is None:
        end = end or datetime.now(UTC) + AHEAD
        stations.set_horizon(session, scope, start, end)
    else:
        start, end = stations.horizon(session, scope)
    calendar = read_calendar(session, scope)
    exceptions = stations.exceptions(session, scope, station_id)
    rows: list[dict[str, Any]] = []
    layouts: dict[tuple[Any, ...], list[tuple[datetime, datetime]]] = {}
    for service in stations.services(session, scope, station_id):
        if service.opening_hours is None or service.mode == "delivery":
            continue
        dated = tuple(stations.dated_rules(exceptions.get(service.station_id, []), service.service))
        key = (service.opening_hours, dated)
        if key not in layouts:
            layouts[key] = expand_hours(
                service.opening_hours,
                start,
                end,
                timezone=timezone,
                calendar=calendar,
                exceptions=dated,
            ).intervals
        rows += [
            {"station_id": service.station_id, "service": service.service, "begins": a, "ends": b}
            for a, b in layouts[key]
        ]
    stations.replace_open_intervals(session, scope, rows, station_id)
    log.info("opening_hours_expanded", intervals=len(rows), start=str(start), end=str(end))
    return len(rows)


def ensure_hours(
    session: "Session", scope: "Scope", *, timezone: str, behind: timedelta = timedelta(days=30)
) -> int:
    """Seed the calendar and lay every station's hours out anew; return the intervals.

    The horizon reaches from ``behind`` before now, or from where it began already, to 120 days
    ahead: the daily task calls this.
    """
    start = datetime.now(UTC) - behind
    with contextlib.suppress(ConflictError):
        start = min(start, stations.horizon(session, scope)[0])
    seed_calendar_for(session, scope, timezone, start)
    return expand_open_intervals(session, scope, timezone=timezone, start=start)


def seed_calendar_for(session: "Session", scope: "Scope", timezone: str, start: datetime) -> int:
    """Seed the calendar of a place from one day to the end of next year; return how many days.

    Only China's calendar has a kept source; elsewhere weekday rules answer, marked unverified.
    """
    if timezone not in CHINESE_ZONES:
        return 0
    last = datetime.now(UTC).year + 1
    return seed_calendar(session, scope, range(start.year, last + 1))


def is_stale(session: "Session", scope: "Scope") -> bool:
    """Return whether the horizon is missing or ends within a quarter of its usual reach."""
    try:
        _, end = stations.horizon(session, scope)
    except ConflictError:
        return True
    return end < datetime.now(UTC) + AHEAD / 4
