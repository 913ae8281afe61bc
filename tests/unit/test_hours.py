"""Opening hours: the calendar changes days, and nothing else changes what the library says."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opening_hours import OpeningHours, State

from gis.errors import InvalidInputError
from gis.hours import (
    Calendar,
    CalendarDay,
    DayKind,
    Expansion,
    HoursException,
    OpeningState,
    china_calendar_days,
    expand_hours,
    open_state,
    parse_hours,
)

pytestmark = pytest.mark.unit

SHANGHAI = ZoneInfo("Asia/Shanghai")
ZONES = ("Asia/Shanghai", "Europe/Helsinki", "Atlantic/Canary", "Atlantic/Azores", "Africa/Cairo")
CHINA = Calendar.of(china_calendar_days([2025, 2026]))
NO_HOLIDAYS = Calendar({}, frozenset(range(2020, 2031)))
CENTRE = "Mo-Fr 08:00-20:00; Sa-Su 09:00-21:00"
EXPRESSIONS = (
    CENTRE,
    "24/7",
    "Mo-Fr 22:00-25:00",
    "Fr-Sa 18:00-26:00; Su 10:00-12:00",
    "Mo-Sa 09:00-12:00,14:00-18:00; PH off",
    "Mo[1],We[-1] 10:00-12:00; Th[2] +1 day 08:00-09:00",
    "Mar Su[-1]-Oct Su[-1] Mo-Fr 08:00-20:00",
    "week 1-53/2 Mo-We 08:00-12:00, Th 13:00-27:00",
    "2026 Sep 29-Oct 08 10:00-22:00",
    'Mo-Fr 08:00-12:00; Sa unknown "Mo or PH; ask"',
    "Jan-Mar,Dec Sa-Mo 00:15-01:20,23:10-24:00",
    "08:00-12:00 open, We 22:00-48:00 || unknown",
    "Mo-Fr 07:00-19:00; SH off",
)

hours_texts = st.sampled_from(EXPRESSIONS)
zones = st.sampled_from(ZONES)
moments = st.integers(0, 725 * 1440).map(
    lambda minutes: datetime(2025, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
)
kinds = st.dictionaries(
    st.dates(date(2025, 1, 1), date(2026, 12, 31)), st.sampled_from(DayKind), max_size=60
)


def local_days(expansion: Expansion) -> dict[str, str]:
    """Lay out the open hours of each date as people write them."""
    out: dict[str, str] = {}
    for begins, ends in expansion.intervals:
        start, end = begins.astimezone(SHANGHAI), ends.astimezone(SHANGHAI)
        out[f"{start:%m-%d}"] = f"{start:%H:%M}-{end:%H:%M}"
    return out


def expand_days(expression: str, first: str, days: int, **options: object) -> dict[str, str]:
    start = datetime.fromisoformat(first).replace(tzinfo=SHANGHAI)
    return local_days(
        expand_hours(
            expression,
            start,
            start + timedelta(days=days),
            timezone="Asia/Shanghai",
            **({"calendar": CHINA} | options),  # type: ignore[arg-type]
        )
    )


@pytest.mark.slow
@settings(deadline=None)
@given(hours_texts, zones, moments, st.integers(0, 40 * 24 * 60))
def test_ordinary_weeks_are_exactly_what_the_library_says(
    expression: str, zone: str, start: datetime, minutes: int
) -> None:
    end = start + timedelta(minutes=minutes)
    ours = expand_hours(expression, start, end, timezone=zone, calendar=NO_HOLIDAYS)
    library = OpeningHours(expression, timezone=ZoneInfo(zone), auto_country=False)
    for step in range(0, minutes, 97):
        at = (start + timedelta(minutes=step)).astimezone(ZoneInfo(zone))
        if at.replace(fold=0).utcoffset() != at.replace(fold=1).utcoffset():
            continue  # the library forgets which of the two hours was asked for
        expected = library.state(at)[0]
        assert (expected == State.OPEN) == _holds(ours.intervals, at), at
        assert (expected == State.UNKNOWN) == _holds(ours.unknown, at), at


def _holds(intervals: list[tuple[datetime, datetime]], at: datetime) -> bool:
    return any(begins <= at < ends for begins, ends in intervals)


@settings(deadline=None)
@given(hours_texts, zones, moments, st.integers(0, 90 * 1440), kinds)
def test_intervals_are_disjoint_ordered_and_inside_the_horizon(
    expression: str, zone: str, start: datetime, minutes: int, days: dict[date, DayKind]
) -> None:
    end = start + timedelta(minutes=minutes)
    calendar = Calendar(days, frozenset({2025}))
    expansion = expand_hours(expression, start, end, timezone=zone, calendar=calendar)
    for intervals in (expansion.intervals, expansion.unknown):
        assert all(start <= begins < ends <= end for begins, ends in intervals)
        assert all(before[1] < after[0] for before, after in pairwise(intervals))
        assert all(moment.tzinfo is UTC for interval in intervals for moment in interval)
    both = sorted(expansion.intervals + expansion.unknown)
    assert all(before[1] <= after[0] for before, after in pairwise(both))


@settings(deadline=None)
@given(hours_texts, zones, moments, st.integers(0, 30 * 1440), st.integers(0, 30 * 1440), kinds)
def test_two_horizons_joined_are_the_whole(
    expression: str,
    zone: str,
    start: datetime,
    first: int,
    second: int,
    days: dict[date, DayKind],
) -> None:
    middle = start + timedelta(minutes=first)
    end = middle + timedelta(minutes=second)
    calendar = Calendar(days, frozenset({2025, 2026}))

    def expand(begins: datetime, ends: datetime) -> Expansion:
        return expand_hours(expression, begins, ends, timezone=zone, calendar=calendar)

    whole, parts = expand(start, end), (expand(start, middle), expand(middle, end))
    assert _joined(parts[0].intervals + parts[1].intervals) == whole.intervals
    assert _joined(parts[0].unknown + parts[1].unknown) == whole.unknown


def _joined(intervals: list[tuple[datetime, datetime]]) -> list[tuple[datetime, datetime]]:
    out: list[tuple[datetime, datetime]] = []
    for begins, ends in intervals:
        if out and out[-1][1] == begins:
            out[-1] = (out[-1][0], ends)
        else:
            out.append((begins, ends))
    return out


@settings(deadline=None)
@given(st.dates(date(2025, 1, 8), date(2026, 12, 20)), st.sampled_from([None, *DayKind]), kinds)
def test_a_day_follows_the_rule_of_the_weekday_it_acts_as(
    day: date, kind: DayKind | None, others: dict[date, DayKind]
) -> None:
    days = {other: its for other, its in others.items() if other != day}
    if kind is not None:
        days[day] = kind
    # Each weekday opens at an hour of its own, so the hour names the rule that was followed.
    expression = "; ".join(
        f"{name} {hour:02}:00-{hour:02}:30"
        for hour, name in enumerate(("Mo", "Tu", "We", "Th", "Fr", "Sa", "Su"))
    )
    start = datetime(day.year, day.month, day.day, tzinfo=SHANGHAI)
    calendar = Calendar(days, frozenset({2025, 2026}))
    expansion = expand_hours(
        expression, start, start + timedelta(days=1), timezone=SHANGHAI, calendar=calendar
    )
    ((begins, _),) = expansion.intervals
    hour = begins.astimezone(SHANGHAI).hour
    if days.get(day) is DayKind.HOLIDAY:
        assert hour == 6
    elif days.get(day) is DayKind.MAKE_UP_WORKDAY:
        assert hour == min(day.weekday(), 4) * (day.weekday() != 6)
    else:
        assert hour == day.weekday()


@settings(deadline=None)
@given(hours_texts, zones, moments, kinds)
def test_one_moment_is_answered_as_the_expansion_answers_it(
    expression: str, zone: str, at: datetime, days: dict[date, DayKind]
) -> None:
    calendar = Calendar(days, frozenset({2025}))
    around = expand_hours(
        expression,
        at - timedelta(hours=30),
        at + timedelta(hours=30),
        timezone=zone,
        calendar=calendar,
    )
    answer = open_state(expression, at, timezone=zone, calendar=calendar)
    assert (answer.state is OpeningState.OPEN) == _holds(around.intervals, at)
    assert (answer.state is OpeningState.UNKNOWN) == _holds(around.unknown, at)
    local_year = at.astimezone(ZoneInfo(zone)).year
    assert answer.calendar_verified == (local_year == 2025)


def test_golden_week_2025_and_its_make_up_days() -> None:
    days = expand_days(CENTRE, "2025-09-26", 18)
    working, weekend = "08:00-20:00", "09:00-21:00"
    assert days["09-27"] == weekend  # an ordinary Saturday
    assert days["09-28"] == working  # a Sunday worked in exchange
    assert {days[f"10-{day:02}"] for day in range(1, 9)} == {weekend}
    assert {days["10-09"], days["10-10"], days["10-11"]} == {working}  # 11: a worked Saturday
    assert days["10-12"] == weekend


def test_golden_week_2026_with_a_holiday_rule_and_named_dates() -> None:
    days = expand_days(f"{CENTRE}; PH off; 2026 Oct 03 10:00-12:00", "2026-09-19", 23)
    assert days["09-20"] == "08:00-20:00"  # a worked Sunday
    assert not {f"10-{day:02}" for day in (1, 2, 4, 5, 6, 7)} & set(days)
    assert days["10-03"] == "10:00-12:00"
    assert days["10-10"] == "08:00-20:00"  # a worked Saturday


def test_a_night_runs_into_a_holiday_and_no_night_starts_on_it() -> None:
    start = datetime(2026, 9, 30, 12, tzinfo=SHANGHAI)
    expansion = expand_hours(
        "Mo-Fr 22:00-25:00",
        start,
        start + timedelta(days=9),
        timezone=SHANGHAI,
        calendar=CHINA,
    )
    assert [
        (f"{begins.astimezone(SHANGHAI):%m-%d %H}", f"{ends.astimezone(SHANGHAI):%m-%d %H}")
        for begins, ends in expansion.intervals
    ] == [("09-30 22", "10-01 01"), ("10-08 22", "10-09 01")]


def test_a_rule_for_holidays_on_the_next_day_replaces_the_night_as_the_grammar_says() -> None:
    start = datetime(2026, 9, 30, 12, tzinfo=SHANGHAI)

    def end_of_night(expression: str) -> str:
        expansion = expand_hours(
            expression, start, start + timedelta(days=1), timezone=SHANGHAI, calendar=CHINA
        )
        return f"{expansion.intervals[0][1].astimezone(SHANGHAI):%d %H}"

    assert end_of_night("Mo-Su 22:00-25:00; PH off") == "01 00"  # ';' replaces the whole date
    assert end_of_night("Mo-Su 22:00-25:00, PH 10:00-12:00") == "01 01"  # ',' adds to it


@pytest.mark.parametrize(
    ("selector", "open_days"),
    [
        ("PH", {1, 2, 3, 4, 5, 6, 7}),
        ("PH -1 day", {30, 1, 2, 3, 4, 5, 6}),
        ("PH +1 day", {28, 2, 3, 4, 5, 6, 7, 8}),
        ("Su,PH", {1, 2, 3, 4, 5, 6, 7}),
        ("Fr[1]", set()),  # 2 October is the first Friday, and a holiday
        ("Fr[2]", {9}),
        ("Oct Fr[1]", {2}),  # names a date
        ("SH", set()),
    ],
)
def test_selectors_for_holidays_and_nth_weekdays(selector: str, open_days: set[int]) -> None:
    # 25-27 September 2026 is Mid-Autumn, 1-7 October the National Day.
    days = expand_days(f"{selector} 10:00-12:00", "2026-09-28", 13)
    assert {int(day[3:]) for day in days} == open_days


def test_no_calendar_of_the_library_leaks_in() -> None:
    expansion = expand_hours(
        "PH 10:00-12:00",
        datetime(2026, 1, 1, tzinfo=UTC),
        datetime(2027, 1, 1, tzinfo=UTC),
        timezone="Europe/Paris",
        calendar=NO_HOLIDAYS,
    )
    assert expansion.intervals == []


def test_a_year_that_the_calendar_lacks_follows_weekdays_and_says_so() -> None:
    start = datetime(2027, 10, 1, tzinfo=SHANGHAI)  # a Friday
    expansion = expand_hours(
        f"{CENTRE}; PH off",
        start,
        start + timedelta(days=1),
        timezone=SHANGHAI,
        calendar=CHINA,
    )
    assert not expansion.calendar_verified
    assert local_days(expansion) == {"10-01": "08:00-20:00"}
    known = expand_hours(
        CENTRE,
        datetime(2026, 12, 31, tzinfo=SHANGHAI),
        datetime(2027, 1, 1, tzinfo=SHANGHAI),
        timezone=SHANGHAI,
        calendar=CHINA,
    )
    assert known.calendar_verified


def test_exceptions_override_the_day_and_the_last_one_wins() -> None:
    exceptions = [
        HoursException(date(2026, 7, 1), "off", "water is cut"),
        HoursException(date(2026, 7, 2), "off"),
        HoursException(date(2026, 7, 2), "10:00-11:00,12:00-26:00"),
        HoursException(date(2026, 10, 1), "08:00-09:00"),
    ]
    days = expand_days(CENTRE, "2026-06-30", 4, exceptions=exceptions)
    assert days["06-30"] == "08:00-20:00"
    assert "07-01" not in days
    assert days["07-02"] == "12:00-00:00"  # Friday's own rule replaces the night
    assert expand_days(CENTRE, "2026-10-01", 1, exceptions=exceptions) == {"10-01": "08:00-09:00"}
    fallback = expand_days('Mo 08:00-09:00 || "ask"', "2026-07-01", 1, exceptions=exceptions)
    assert fallback == {}


@pytest.mark.parametrize("expression", [None, "", "  ", "sunrise-sunset", "unknown"])
def test_hours_that_nobody_knows_are_unknown_and_not_a_guess(expression: str | None) -> None:
    start, end = datetime(2026, 5, 1, tzinfo=UTC), datetime(2026, 5, 3, tzinfo=UTC)
    expansion = expand_hours(expression, start, end, timezone="Asia/Shanghai", calendar=CHINA)
    assert expansion.intervals == []
    assert expansion.unknown == [(start, end)]
    state = open_state(expression, start, timezone="Asia/Shanghai", calendar=CHINA)
    assert state == (OpeningState.UNKNOWN, True)


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("Europe/Helsinki", date(2026, 3, 29), 23),
        ("Europe/Helsinki", date(2026, 10, 25), 25),
        ("Atlantic/Canary", date(2026, 3, 29), 23),
        ("Atlantic/Canary", date(2026, 10, 25), 25),
        ("Atlantic/Azores", date(2026, 10, 25), 25),
        ("Asia/Shanghai", date(2026, 3, 29), 24),
    ],
)
def test_days_of_23_and_25_hours(zone: str, day: date, hours: int) -> None:
    start = datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone)).astimezone(UTC)
    expansion = expand_hours(
        "24/7",
        start - timedelta(days=1),
        start + timedelta(days=3),
        timezone=zone,
        calendar=NO_HOLIDAYS,
    )
    assert expansion.intervals == [(start - timedelta(days=1), start + timedelta(days=3))]
    midnight = datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone))
    ends = midnight + timedelta(days=1)
    assert ends.astimezone(UTC) - start == timedelta(hours=hours)
    noon = expand_hours("12:00-13:00", start, ends, timezone=zone, calendar=NO_HOLIDAYS)
    assert [begins.astimezone(ZoneInfo(zone)).hour for begins, _ in noon.intervals] == [12]


@pytest.mark.parametrize(
    "text", ["Mo-Fri 10:00-12:00", "8-20", "Mo 25:00", "10:00-12:00;", "周一至周五 08:00-20:00"]
)
def test_bad_grammar_names_the_expression_and_the_remedy(text: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        parse_hours(text, "Asia/Shanghai")
    assert text in caught.value.message
    assert "opening_hours" in caught.value.remedy
    assert caught.value.context["value"] == text


@pytest.mark.parametrize("begin", ["25:00", "24:30", "47:15"])
def test_hours_that_begin_after_midnight_are_said_to_be_so(begin: str) -> None:
    with pytest.raises(InvalidInputError, match=f"begin at {begin}; nothing begins after 24:00"):
        parse_hours(f"Mo 08:00-12:00,{begin}-48:00", "Asia/Shanghai")


def test_what_the_library_found_odd_is_handed_on() -> None:
    assert parse_hours("mo-fr 8:00-20:00", "Asia/Shanghai").expression == "Mo-Fr 08:00-20:00"
    assert parse_hours("mo-fr 8:00-20:00", "Asia/Shanghai").warnings
    assert not parse_hours(CENTRE, "Asia/Shanghai").warnings


@pytest.mark.parametrize("zone", ["Mars/Olympus", "../etc/passwd", ""])
def test_an_unknown_time_zone_is_named(zone: str) -> None:
    with pytest.raises(InvalidInputError, match="time zone"):
        parse_hours(CENTRE, zone)


@pytest.mark.parametrize("hours", ["", "Mo 10:00-12:00", "10:00", "off; 24/7", "25:99-26:00"])
def test_an_exception_takes_times_only(hours: str) -> None:
    with pytest.raises(InvalidInputError, match="2026-05-01"):
        HoursException(date(2026, 5, 1), hours)


@pytest.mark.parametrize(
    ("start", "end"),
    [
        (datetime(2026, 1, 1), datetime(2026, 1, 2)),  # noqa: DTZ001 - naive on purpose
        (datetime(2026, 1, 2, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC)),
        (datetime(1850, 1, 2, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC)),
    ],
)
def test_a_horizon_is_aware_ordered_and_in_range(start: datetime, end: datetime) -> None:
    with pytest.raises(InvalidInputError, match="horizon"):
        expand_hours(CENTRE, start, end, timezone="Asia/Shanghai", calendar=CHINA)


def test_the_seed_has_the_years_the_library_knows_and_no_other() -> None:
    days = china_calendar_days([2026, 2027, 1990])
    assert {day.date.year for day in days} == {2026}
    assert days == sorted(days)
    table = {day.date: day for day in days}
    assert table[date(2026, 10, 1)] == CalendarDay(
        date(2026, 10, 1), DayKind.HOLIDAY, "National Day", "chinesecalendar"
    )
    assert table[date(2026, 10, 10)].kind is DayKind.MAKE_UP_WORKDAY
    assert date(2026, 10, 17) not in table  # an ordinary Saturday is no calendar day
