"""Opening hours: the OSM ``opening_hours`` grammar over a calendar of holidays and make-up days.

The grammar is read and evaluated by opening-hours-py; this module adds the one thing that library
cannot know, the editable calendar of a place (``calendar_days``). ADR 005 states the rules:

- a public holiday follows the rule for ``PH`` where the expression has one, else that of a Sunday;
- a make-up workday follows the rule of the nearest working weekday: a Saturday that of the Friday
  before it, a Sunday that of the Monday after it;
- a rule for named dates, and a dated exception, is stronger than both, as in the grammar;
- a year that the calendar lacks is answered by weekday rules and marked as not verified.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Any, NamedTuple, Self
from zoneinfo import ZoneInfo

from opening_hours import (  # type: ignore[attr-defined]  # its stub omits ParserError
    OpeningHours,
    ParserError,
    State,
    validate,
)

from gis.errors import InvalidInputError

Interval = tuple[datetime, datetime]

_WEEKDAYS = ("Mo", "Tu", "We", "Th", "Fr", "Sa", "Su")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_SUNDAY = 6
_ONE_DAY = timedelta(days=1)
#: A weekday names one date in seven days; the first of them only feeds the night into the second.
_WINDOW_DAYS = 6

_WD = "(?:Mo|Tu|We|Th|Fr|Sa|Su)"
_ITEM = rf"(?:{_WD}\[[^\]]*\](?: [+-]?\d+ days?)?|{_WD}-{_WD}|{_WD}|(?:PH|SH)(?: [+-]?\d+ days?)?)"
#: A quoted comment (kept as it is), or the weekday selector of a rule.
_SELECTOR = re.compile(rf'"[^"]*"|\b{_ITEM}(?:,{_ITEM})*(?![\w\[])')
_NTH_ITEM = re.compile(rf"(?P<weekday>{_WD})\[[^\]]*\](?: (?P<offset>[+-]?\d+) days?)?")
_HOLIDAY_ITEM = re.compile(r"(?P<kind>PH|SH)(?: (?P<offset>[+-]?\d+) days?)?")
_MONTH_BEFORE = re.compile(rf"(?:{'|'.join(_MONTHS)}) $")
_SUN_EVENT = re.compile(r"\b(?:sunrise|sunset|dawn|dusk)\b")
#: Where hours begin, if that is after midnight: a range may end there, but not begin.
_BEGINS = re.compile(r"(?<![\d:-])(2[4-9]:(?!00)\d{2}|(?:2[5-9]|[3-9]\d):\d{2})\s*-")
_QUOTED = re.compile(r'"[^"]*"')
_EXCEPTION_HOURS = re.compile(
    r"(?:off|closed|unknown|\d{1,2}:\d{2}-\d{1,2}:\d{2}(?:,\d{1,2}:\d{2}-\d{1,2}:\d{2})*)"
)
_GRAMMAR = "Write it as OpenStreetMap's opening_hours, for example 'Mo-Fr 08:00-20:00; PH off'."


class DayKind(StrEnum):
    """What makes a date different from its weekday."""

    HOLIDAY = "holiday"
    MAKE_UP_WORKDAY = "make_up_workday"


class CalendarDay(NamedTuple):
    """One row of the calendar table: a date that is not what its weekday says."""

    date: date
    kind: DayKind
    name: str
    source: str


@dataclass(frozen=True)
class Calendar:
    """Holidays and make-up workdays, and the years they are known for.

    Parameters
    ----------
    days
        The dates that differ from their weekday; weekends are not in it.
    years
        Years whose days are complete; for others the calendar is not verified.
    """

    days: Mapping[date, DayKind] = field(default_factory=dict)
    years: frozenset[int] = field(default_factory=frozenset)

    @classmethod
    def of(cls, days: Iterable[CalendarDay]) -> Self:
        """Return the calendar of ``days``; the years that have a day are the known ones."""
        kinds = {day.date: DayKind(day.kind) for day in days}
        return cls(kinds, frozenset(day.year for day in kinds))

    def is_holiday(self, day: date) -> bool:
        """Return whether ``day`` is a public holiday."""
        return self.days.get(day) is DayKind.HOLIDAY

    def weekday(self, day: date) -> int:
        """Return the weekday whose rule ``day`` follows, Monday 0 … Sunday 6."""
        kind = self.days.get(day)
        if kind is DayKind.HOLIDAY:
            return _SUNDAY
        if kind is DayKind.MAKE_UP_WORKDAY:
            return {5: 4, 6: 0}.get(day.weekday(), day.weekday())
        return day.weekday()

    def is_ordinary(self, day: date) -> bool:
        """Return whether ``day`` is exactly what its weekday says."""
        return day not in self.days


def china_calendar_days(years: Iterable[int]) -> list[CalendarDay]:
    """Return mainland China's public holidays and make-up workdays, to seed the calendar table.

    Parameters
    ----------
    years
        Years wanted; one that chinesecalendar does not know yet gives no rows.

    Returns
    -------
    list of CalendarDay
        In order of date. Names are the library's English names.
    """
    import chinese_calendar

    wanted = set(years)
    sources = (
        (chinese_calendar.holidays, DayKind.HOLIDAY),
        (chinese_calendar.workdays, DayKind.MAKE_UP_WORKDAY),
    )
    return sorted(
        CalendarDay(day, kind, str(name), "chinesecalendar")
        for table, kind in sources
        for day, name in table.items()
        if day.year in wanted
    )


@dataclass(frozen=True, slots=True)
class HoursException:
    """What holds on one date, whatever the expression says: a closure, or other hours.

    Parameters
    ----------
    day
        The local date; it is overridden from midnight to midnight.
    hours
        ``off``, ``unknown``, or times as ``10:00-12:00,14:00-26:00``.
    note
        Why; shown to people.
    """

    day: date
    hours: str = "off"
    note: str = ""

    def __post_init__(self) -> None:
        """Refuse hours that are not times."""
        if not (_EXCEPTION_HOURS.fullmatch(self.hours) and validate(self.rule)):
            msg = f"Exception on {self.day}: hours {self.hours!r} cannot be read."
            raise InvalidInputError(
                msg,
                remedy="Use 'off', 'unknown' or times such as '10:00-12:00,14:00-18:00'.",
                field="hours",
                value=self.hours,
            )

    @property
    def rule(self) -> str:
        """The exception as a rule of the grammar."""
        return f"{self.day.year} {_MONTHS[self.day.month - 1]} {self.day.day:02} {self.hours}"


class OpeningState(StrEnum):
    """What can be said about a moment."""

    OPEN = "open"
    CLOSED = "closed"
    UNKNOWN = "unknown"


class OpenState(NamedTuple):
    """The state at a moment, and whether the calendar knew its year."""

    state: OpeningState
    calendar_verified: bool


@dataclass(frozen=True, slots=True)
class Expansion:
    """An expression laid out over a horizon.

    Parameters
    ----------
    intervals
        When it is open: UTC, half-open ``[from, to)``, in order, disjoint and not adjacent.
    unknown
        When nobody knows, in the same form; disjoint from ``intervals``.
    calendar_verified
        Whether the calendar knows every year of the horizon.
    """

    intervals: list[Interval]
    unknown: list[Interval]
    calendar_verified: bool


@dataclass(frozen=True, slots=True)
class HoursRule:
    """A parsed expression and the time zone of the place.

    Parameters
    ----------
    expression
        The canonical text of the expression.
    timezone
        Zone in which its times are read.
    warnings
        What the library found odd but could read.
    """

    expression: str
    timezone: ZoneInfo
    warnings: tuple[str, ...] = ()


def parse_hours(expression: str | None, timezone: str | ZoneInfo) -> HoursRule:
    """Return the rule that ``expression`` states.

    Parameters
    ----------
    expression
        Text in the grammar of OSM's ``opening_hours``; ``None`` or blank: hours are unknown. Hours
        that follow the sun (``sunrise-sunset``) are unknown too, not guessed.
    timezone
        IANA name of the zone of the place.

    Raises
    ------
    gis.errors.InvalidInputError
        The expression is not in the grammar, or the zone does not exist.
    """
    zone = _zone(timezone)
    text = (expression or "").strip()
    if not text or _SUN_EVENT.search(_QUOTED.sub("", text)):
        return HoursRule("unknown", zone)
    try:
        parsed = _compile(text, zone)
        canonical = str(parsed)
        # Days of the calendar are evaluated on a rewritten text: prove now that it can be read.
        _compile(_rewrite(canonical, date(2026, 1, 1), Calendar()), zone)
    except ParserError as error:
        where = re.search(r"--> \d+:(\d+)", str(error))
        place = f" from character {where[1]} on" if where else ""
        msg, remedy = f"Opening hours {expression!r} cannot be read{place}.", _GRAMMAR
        late = _BEGINS.search(_QUOTED.sub("", text))
        if late is not None:
            msg = f"Opening hours {expression!r} begin at {late[1]}; nothing begins after 24:00."
            remedy = (
                "Hours after midnight belong to the next day, or end what began before it "
                "('Mo 22:00-26:00'), as in OpenStreetMap's opening_hours."
            )
        raise InvalidInputError(
            msg, remedy=remedy, field="opening_hours", value=expression
        ) from error
    return HoursRule(canonical, zone, tuple(parsed.warnings))


def expand_hours(
    expression: str | HoursRule | None,
    start: datetime,
    end: datetime,
    *,
    timezone: str | ZoneInfo,
    calendar: Calendar,
    exceptions: Sequence[HoursException] = (),
) -> Expansion:
    """Lay an expression out over ``[start, end)``.

    Parameters
    ----------
    expression
        Text in the grammar, or what :func:`parse_hours` returned (its own zone is then used).
    start, end
        The horizon, with a time zone.
    timezone
        IANA name of the zone of the place.
    calendar
        Holidays and make-up workdays; the library's own calendars are not used.
    exceptions
        Dates that are overridden; a later one for the same date wins.

    Raises
    ------
    gis.errors.InvalidInputError
        The expression cannot be read, or the horizon is naive or runs backwards.
    """
    rule = expression if isinstance(expression, HoursRule) else parse_hours(expression, timezone)
    if start.tzinfo is None or end.tzinfo is None or end < start:
        msg = f"The horizon {start} to {end} needs a time zone at both ends, and end after start."
        raise InvalidInputError(msg, remedy="Pass aware datetimes in order.", field="start")
    first = start.astimezone(rule.timezone).date()
    last = end.astimezone(rule.timezone).date()
    if first.year < 1901 or last.year > 9998:  # the library counts from 1900 to 9999
        msg = f"The horizon {start} to {end} is outside 1901–9998."
        raise InvalidInputError(msg, remedy="Choose a nearer horizon.", field="start")
    text = "; ".join([rule.expression, *(item.rule for item in exceptions)])
    found: dict[str, list[Interval]] = {"open": [], "unknown": []}
    for day, part in _daily_texts(text, first, last, calendar):
        midnight = datetime.combine(day, time())
        hours = _compile(part, rule.timezone).intervals(midnight, midnight + _ONE_DAY)
        for begins, ends, state, _comment in hours:
            if state != State.CLOSED:
                _extend(found[str(state)], _clip(begins, ends, start, end))
    years = range(first.year, (end - timedelta.resolution).astimezone(rule.timezone).year + 1)
    return Expansion(found["open"], found["unknown"], calendar.years.issuperset(years))


def open_state(
    expression: str | HoursRule | None,
    at: datetime,
    *,
    timezone: str | ZoneInfo,
    calendar: Calendar,
    exceptions: Sequence[HoursException] = (),
) -> OpenState:
    """Return whether the place is open at one moment: for moments beyond the stored horizon.

    The answer is that of :func:`expand_hours` for an interval that holds ``at``; parameters and
    errors are the same.
    """
    expansion = expand_hours(
        expression,
        at,
        at + timedelta.resolution,
        timezone=timezone,
        calendar=calendar,
        exceptions=exceptions,
    )
    state = OpeningState.CLOSED
    if expansion.intervals:
        state = OpeningState.OPEN
    elif expansion.unknown:
        state = OpeningState.UNKNOWN
    return OpenState(state, expansion.calendar_verified)


def timezone_at(lon: float, lat: float) -> str:
    """Return the IANA name of the time zone at a place, as opening-hours-py's map has it."""
    midnight = datetime(2026, 1, 1)  # noqa: DTZ001 - only the zone of the answer is wanted
    first = next(OpeningHours("24/7", coords=(lat, lon)).intervals(midnight))
    zone = first[0].tzinfo
    if not isinstance(zone, ZoneInfo):
        msg = f"No time zone is known at lon {lon}, lat {lat}."
        raise InvalidInputError(msg, remedy="Name it, for example Asia/Shanghai.", field="timezone")
    return zone.key


def _zone(timezone: str | ZoneInfo) -> ZoneInfo:
    if isinstance(timezone, ZoneInfo):
        return timezone
    try:
        return ZoneInfo(timezone)
    except (KeyError, ValueError, OSError) as error:
        msg = f"There is no time zone {timezone!r}."
        raise InvalidInputError(
            msg, remedy="Use an IANA name such as Asia/Shanghai.", field="timezone", value=timezone
        ) from error


@lru_cache(maxsize=4096)
def _compile(text: str, zone: ZoneInfo) -> Any:  # noqa: ANN401 - the library's own class, immutable
    """Return the library's rule, without any calendar of its own: ``PH`` never matches."""
    return OpeningHours(text, timezone=zone, country=None, auto_country=False, auto_timezone=False)


def _daily_texts(
    text: str, first: date, last: date, calendar: Calendar
) -> Iterator[tuple[date, str]]:
    """Yield each date and the text to evaluate on it.

    One date at a time: over several, opening-hours-py 2.1 skips whole days after a rule with a
    fallback (``Mo-Fr 08:00-12:00 || unknown``).
    """
    part = ""
    for shift in range((last - first).days + 1):
        day = first + timedelta(days=shift)
        if shift % _WINDOW_DAYS == 0:
            part = _rewrite(text, day, calendar)
        yield day, part


def _rewrite(text: str, first: date, calendar: Calendar) -> str:
    """Return ``text`` such that plain weekdays give the answer of the calendar for six days.

    From the day before ``first`` on, the seven weekdays name one date each. So a weekday selector
    can be replaced by the list of those weekdays whose date follows it: on a Thursday that is a
    holiday, ``Su`` and ``PH`` become ``Th``. Dates, months and weeks stay as they are.
    """
    window = [first + timedelta(days=shift) for shift in range(-1, _WINDOW_DAYS)]
    if not _HOLIDAY_ITEM.search(text) and all(calendar.is_ordinary(day) for day in window):
        return text

    def replaced(match: re.Match[str]) -> str:
        selector = match[0]
        if selector.startswith('"'):
            return selector
        if _NTH_ITEM.match(selector) and _MONTH_BEFORE.search(text, 0, match.start()):
            return selector  # "Mar Su[-1]" is a date
        return _selector_for(selector, window, calendar)

    return _SELECTOR.sub(replaced, text)


def _selector_for(selector: str, window: Sequence[date], calendar: Calendar) -> str:
    days: set[int] = set()
    nth: list[str] = []
    for item in re.split(r",(?![^\[]*\])", selector):
        if match := _HOLIDAY_ITEM.fullmatch(item):
            days |= _holidays(match, window, calendar)
        elif match := _NTH_ITEM.fullmatch(item):
            if _nth_applies(match, window, calendar):
                nth.append(item)
        else:
            first, _, last = item.partition("-")
            low, high = _WEEKDAYS.index(first), _WEEKDAYS.index(last or first)
            named = {(low + step) % 7 for step in range((high - low) % 7 + 1)}
            days |= {day.weekday() for day in window if calendar.weekday(day) in named}
    # School holidays are in no calendar here, so SH alone never matches.
    return ",".join([_WEEKDAYS[day] for day in sorted(days)] + nth) or "SH"


def _holidays(match: re.Match[str], window: Sequence[date], calendar: Calendar) -> set[int]:
    if match["kind"] == "SH":
        return set()
    shift = timedelta(days=int(match["offset"] or 0))
    return {day.weekday() for day in window if calendar.is_holiday(day - shift)}


def _nth_applies(match: re.Match[str], window: Sequence[date], calendar: Calendar) -> bool:
    """Whether the n-th weekday of a month still counts: not where that date acts as another."""
    weekday = (_WEEKDAYS.index(match["weekday"]) + int(match["offset"] or 0)) % 7
    day = next(day for day in window if day.weekday() == weekday)
    return calendar.weekday(day) == weekday


def _clip(begins: datetime, ends: datetime, start: datetime, end: datetime) -> Interval:
    return (
        max(begins.astimezone(UTC), start.astimezone(UTC)),
        min(ends.astimezone(UTC), end.astimezone(UTC)),
    )


def _extend(intervals: list[Interval], interval: Interval) -> None:
    """Append an interval in place; one that touches the last is joined to it."""
    begins, ends = interval
    if begins >= ends:
        return
    if intervals and begins <= intervals[-1][1]:
        intervals[-1] = (intervals[-1][0], max(ends, intervals[-1][1]))
    else:
        intervals.append(interval)
