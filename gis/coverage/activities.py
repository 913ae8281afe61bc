"""Activities: the menu of a month, and how much of it is on when people can come.

Whether a time is after office hours, or one at which a group is free, is read from hours in the
grammar of OSM's opening_hours, by the calendar of the place: a holiday is a Sunday, a make-up
workday a working day.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import numpy as np

from gis.errors import InvalidInputError
from gis.hours import expand_hours

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from gis.coverage.scenarios import HoursContext
    from gis.hours import Interval

#: The eight hours; all other time is after office hours (8小时以外).
OFFICE_HOURS = "Mo-Fr 09:00-17:00"
#: When each group is taken to be able to come: an assumption to be replaced by what a place knows.
FREE_TIME: Mapping[str, str] = MappingProxyType(
    {
        "general": "Mo-Fr 18:00-22:00; Sa,Su 09:00-22:00",
        "elderly": "Mo-Su 08:00-11:30,14:00-20:00",
        "child": "Mo-Fr 16:30-20:30; Sa,Su 09:00-20:30",
        "new_employment": "Mo-Su 13:30-16:30,20:30-23:00",
        "new_resident": "Mo-Fr 18:00-22:00; Sa,Su 09:00-22:00",
    }
)
_HOUR_S = 3600.0
_NAMED_ROWS = 5


@dataclass(frozen=True, eq=False)
class Menu:
    """The activities of a month.

    Parameters
    ----------
    month
        Its first day.
    table
        The activities that begin in the month where the stations are, in order of time: the
        columns of the contract, then ``day``, ``weekday`` (Monday 0), ``begins`` and ``ends``
        (local clock), ``hours``, ``off_hours`` (hours of it after office hours), ``free_hours``
        (hours of it at which its group can come) and ``filled`` (attendance by places, NA where
        either is not known or there are no places).
    free_time
        Hours of the month at which each group can come, UTC, from its first day on.
    calendar_verified
        Whether the calendar knows the year.
    """

    month: date
    table: "pd.DataFrame"
    free_time: "Mapping[str, list[Interval]]"
    calendar_verified: bool

    @property
    def calendar(self) -> str:
        """``verified``, or ``unverified`` where weekday rules stand in for an unknown year."""
        return "verified" if self.calendar_verified else "unverified"


def month_menu(
    activities: "pd.DataFrame",
    month: date,
    context: "HoursContext",
    *,
    office_hours: str = OFFICE_HOURS,
    free_time: Mapping[str, str] = FREE_TIME,
) -> Menu:
    """Return what takes place in a month, and how much of it is when people can come.

    Parameters
    ----------
    activities
        Frame of this contract.
    month
        Any day of the month.
    context
        Zone and calendar of the place; its exceptions are not used.
    office_hours
        Hours that are not after office hours.
    free_time
        When each group can come.

    Raises
    ------
    gis.errors.InvalidInputError
        An activity ends before it begins (rows are named), a group has no free time, or hours
        cannot be read.
    """
    _check(activities, free_time)
    zone = ZoneInfo(str(context.timezone))
    first = month.replace(day=1)
    last = (first + timedelta(days=32)).replace(day=1)
    start, end = (datetime.combine(day, time(), zone).astimezone(UTC) for day in (first, last))
    chosen = activities[(activities["starts_at"] >= start) & (activities["starts_at"] < end)]
    chosen = chosen.sort_values(["starts_at", "ends_at", "id"], kind="stable", ignore_index=True)
    # An activity of the last evening may go on after midnight.
    horizon = max([end, *chosen["ends_at"]])
    office, known = _hours(office_hours, start, horizon, context)
    free = {group: _hours(text, start, horizon, context)[0] for group, text in free_time.items()}
    table = _table(chosen, zone)
    table["off_hours"] = table["hours"] - _shared(chosen, office)
    table["free_hours"] = 0.0
    for group, intervals in free.items():
        own = table["served_group"] == group
        table.loc[own, "free_hours"] = _shared(chosen[own], intervals)
    return Menu(first, table, {group: _until(free[group], end) for group in free}, known)


def supply_shares(menu: Menu, by: str | None = None) -> "pd.DataFrame":
    """Return how much is on after office hours, for all or by station, group or fee class.

    Parameters
    ----------
    menu
        The month.
    by
        ``station_id``, ``served_group`` or ``fee_class``; ``None``: all together.

    Returns
    -------
    pandas.DataFrame
        Index: groups in order (``all``). ``activities``, ``hours``, ``off_hours_share`` (of the
        hours), ``off_hours_activities_share`` (of the activities of which more than half is after
        office hours), ``free_time_share`` (of the hours, at which their group can come),
        ``places``, ``attendance`` and ``filled`` (of the activities for which both are known).
        Shares are NA where there is nothing.
    """
    import pandas as pd

    table = menu.table
    group = pd.Series("all", index=table.index) if by is None else table[by]
    known = table["attendance"].notna() & table["places"].notna() & (table["places"] > 0)
    told = pd.DataFrame(
        {
            "activities": 1,
            "hours": table["hours"],
            "off": table["off_hours"],
            "late": (table["off_hours"] > table["hours"] / 2).astype(int),
            "free": table["free_hours"],
            "places": table["places"].fillna(0).astype("int64"),
            "attendance": table["attendance"].fillna(0).astype("int64"),
            "came": table["attendance"].where(known, 0).astype("int64"),
            "offered": table["places"].where(known, 0).astype("int64"),
        }
    )
    sums = told.groupby(group.rename("group"), sort=True).sum()
    if by is None and not len(sums):
        sums = sums.reindex(pd.Index(["all"], name="group"), fill_value=0)
    out = sums[["activities", "hours"]].copy()
    for name, part, whole in (
        ("off_hours_share", "off", "hours"),
        ("off_hours_activities_share", "late", "activities"),
        ("free_time_share", "free", "hours"),
    ):
        out[name] = _share(sums[part], sums[whole])
    out[["places", "attendance"]] = sums[["places", "attendance"]]
    out["filled"] = _share(sums["came"], sums["offered"])
    return out


def free_time_supply(menu: Menu) -> "pd.DataFrame":
    """Return for each group how much of its free time anything is on for it.

    Returns
    -------
    pandas.DataFrame
        Index: groups. ``free_hours`` of the month, ``offered_hours`` of these at which at least
        one activity for the group is on anywhere, ``offered_share`` (NA: it is never free), and
        ``activities``.
    """
    import pandas as pd

    table = menu.table
    rows = {}
    for group, free in menu.free_time.items():
        own = table[table["served_group"] == group]
        on = _joined(list(zip(own["starts_at"], own["ends_at"], strict=True)))
        offered = sum(_overlap(begins, ends, free) for begins, ends in on)
        total = sum((ends - begins).total_seconds() for begins, ends in free) / _HOUR_S
        rows[group] = {
            "free_hours": total,
            "offered_hours": offered,
            "activities": len(own),
        }
    out = pd.DataFrame.from_dict(rows, orient="index")
    out["offered_share"] = _share(out["offered_hours"], out["free_hours"])
    return out


def _check(activities: "pd.DataFrame", free_time: Mapping[str, str]) -> None:
    bad = np.flatnonzero(~(activities["starts_at"] < activities["ends_at"]).to_numpy(dtype=bool))
    if len(bad):
        rows = [int(row) + 1 for row in bad[:_NAMED_ROWS]]
        msg = f"activities: row {', '.join(map(str, rows))} ends before it begins."
        raise InvalidInputError(
            msg, remedy="Give an end after the beginning.", field="ends_at", rows=rows
        )
    lacking = sorted(set(activities["served_group"]) - set(free_time))
    if lacking:
        msg = f"Nobody says when {', '.join(lacking)} can come."
        raise InvalidInputError(msg, remedy="Add the hours of that group.", field="free_time")


def _hours(
    text: str, start: datetime, end: datetime, context: "HoursContext"
) -> "tuple[list[Interval], bool]":
    found = expand_hours(text, start, end, timezone=context.timezone, calendar=context.calendar)
    return found.intervals, found.calendar_verified


def _table(chosen: "pd.DataFrame", zone: ZoneInfo) -> "pd.DataFrame":
    import pandas as pd

    begins, ends = (chosen[name].dt.tz_convert(zone) for name in ("starts_at", "ends_at"))
    seconds = (chosen["ends_at"] - chosen["starts_at"]).dt.total_seconds()
    places = chosen["places"].astype("Float64")
    filled = chosen["attendance"].astype("Float64") / places.where(places > 0)
    more: dict[str, Any] = {
        "day": begins.dt.date,
        "weekday": begins.dt.day_of_week,
        "begins": begins.dt.strftime("%H:%M"),
        "ends": ends.dt.strftime("%H:%M"),
        "hours": seconds / _HOUR_S,
        "filled": filled,
    }
    return pd.concat([chosen, pd.DataFrame(more, index=chosen.index)], axis=1)


def _shared(chosen: "pd.DataFrame", intervals: "list[Interval]") -> "NDArray[np.float64]":
    """Return the hours of each activity that fall into intervals."""
    times = zip(chosen["starts_at"], chosen["ends_at"], strict=True)
    return np.array([_overlap(begins, ends, intervals) for begins, ends in times], dtype=float)


def _overlap(begins: datetime, ends: datetime, intervals: "list[Interval]") -> float:
    """Return the hours of ``[begins, ends)`` that fall into disjoint intervals."""
    parts = (min(ends, last) - max(begins, first) for first, last in intervals)
    return sum(max(part.total_seconds(), 0.0) for part in parts) / _HOUR_S


def _until(intervals: "list[Interval]", end: datetime) -> "list[Interval]":
    return [(first, min(last, end)) for first, last in intervals if first < end]


def _joined(intervals: "list[Interval]") -> "list[Interval]":
    """Return intervals as disjoint ones, in order."""
    out: list[Interval] = []
    for begins, ends in sorted(intervals):
        if out and begins <= out[-1][1]:
            out[-1] = (out[-1][0], max(out[-1][1], ends))
        else:
            out.append((begins, ends))
    return out


def _share(part: "pd.Series[Any]", whole: "pd.Series[Any]") -> "pd.Series[Any]":
    total = whole.astype("Float64")
    return part.astype("Float64") / total.where(total > 0)
