"""The 168 hours of a week: midnight, holidays, years nobody knows, and gaps after office hours."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gis.coverage.profiles import (
    HOURS,
    straight_distance,
    walked_cost,
    walked_distance,
    week_gaps,
    week_hours,
    week_profile,
)
from gis.coverage.scenarios import HoursContext, Scenario
from gis.coverage.walking_coverage import serving_at, walking_verdicts
from gis.errors import InvalidInputError
from tests.geometry.coverage_ground import CALENDAR, ground_of, houses, key, offers, stands

pytestmark = pytest.mark.geometry

ZONE = "Asia/Shanghai"
CONTEXT = HoursContext(ZONE, CALENDAR)
#: An ordinary week; the week of National Day (Thursday on); the one after it, with its Saturday.
ORDINARY, GOLDEN, MAKE_UP = date(2026, 9, 14), date(2026, 9, 28), date(2026, 10, 5)
STREET = [(0, 0), (1000, 0)]


@pytest.fixture(scope="module")
def stations():
    return stands({"west": (0, 0), "east": (1000, 0)})


@pytest.fixture(scope="module")
def buildings():
    people = {"w": 30, "e": 70}
    return houses({"w": (100, 10), "e": (900, 10)}, households=people, residents=people)


@pytest.fixture(scope="module")
def ground(buildings, stations):
    return ground_of(buildings, stations, STREET)


def open_hours(stations, services, monday: date, context=CONTEXT, **how: int) -> list[int]:
    """Return the hours of the week (0 to 167) at which the first station serves."""
    week = week_hours(stations, services, "canteen", monday, context, **how)
    return np.flatnonzero(week.open_stations[:, 0]).tolist()


def test_a_night_over_midnight_and_one_on_a_holiday(stations):
    services = offers({"at": "west", "opening_hours": "Fr 22:00-25:00"})
    friday = 4 * 24
    assert open_hours(stations, services, ORDINARY) == [friday + 22, friday + 23, friday + 24]
    # 2 October 2026 is a Friday and a holiday: it keeps the hours of a Sunday.
    assert open_hours(stations, services, GOLDEN) == []
    holiday = offers({"at": "west", "opening_hours": "Mo-Fr 09:00-10:00; PH 20:00-26:00"})
    thursday = 3 * 24
    assert open_hours(stations, holiday, GOLDEN)[:3] == [9, 33, 57]
    # From Thursday to Sunday it is open from 20:00 to 02:00, and so on to the end of the week.
    late = [h for h in open_hours(stations, holiday, GOLDEN) if h >= thursday]
    assert late == [
        *range(thursday + 20, thursday + 26),
        *range(thursday + 44, thursday + 50),
        *range(thursday + 68, thursday + 74),
        *range(thursday + 92, thursday + 96),
    ]


def test_a_make_up_saturday_is_a_working_day(stations):
    services = offers({"at": "west", "opening_hours": "Mo-Fr 09:00-11:00"})
    assert open_hours(stations, services, MAKE_UP) == [
        *(day * 24 + hour for day in (3, 4, 5) for hour in (9, 10))
    ]
    week = week_hours(stations, services, "canteen", MAKE_UP, CONTEXT)
    assert week.of_rest.reshape(7, 24)[:, 0].tolist() == [
        True,
        True,
        True,
        False,
        False,
        False,
        True,
    ]
    assert week.calendar == "verified"


def test_a_year_that_the_calendar_lacks_is_unverified(stations):
    services = offers({"at": "west", "opening_hours": "Mo-Fr 09:00-11:00"})
    week = week_hours(stations, services, "canteen", date(2027, 10, 4), CONTEXT)
    assert week.calendar == "unverified"
    assert week.open_stations[:, 0].sum() == 10  # by the rules of weekdays
    across = week_hours(stations, services, "canteen", date(2026, 12, 28), CONTEXT)
    assert across.calendar == "unverified"  # its Friday is in 2027


def test_the_minute_that_stands_for_an_hour(stations):
    services = offers({"at": "west", "opening_hours": "Mo 08:30-12:00"})
    assert open_hours(stations, services, ORDINARY) == [9, 10, 11]
    assert open_hours(stations, services, ORDINARY, minute=30) == [8, 9, 10, 11]
    with pytest.raises(InvalidInputError, match="minute 60"):
        open_hours(stations, services, ORDINARY, minute=60)


def test_a_week_where_clocks_change(stations):
    services = offers({"at": "west", "opening_hours": "24/7"})
    context = HoursContext("Europe/Madrid", CALENDAR)
    assert open_hours(stations, services, date(2026, 3, 23), context) == list(range(HOURS))
    assert open_hours(stations, services, date(2026, 10, 19), context) == list(range(HOURS))


def test_what_is_refused(stations):
    services = offers({"at": "west", "opening_hours": "Mo 25:00-26:00"})
    with pytest.raises(InvalidInputError, match=key("stations", "west")):
        open_hours(stations, services, ORDINARY)
    with pytest.raises(InvalidInputError, match="Tuesday"):
        open_hours(stations, services, date(2026, 9, 15))


def test_unknown_hours_are_neither_open_nor_hidden(stations):
    services = offers({"at": "west", "opening_hours": None})
    week = week_hours(stations, services, "canteen", ORDINARY, CONTEXT)
    assert week.unknown[:, 0].all()
    assert not week.open_stations.any()


SERVICES = (
    {"at": "west", "opening_hours": "Mo-Fr 09:00-17:00"},
    {"at": "east", "opening_hours": "Mo-Su 09:00-21:00"},
)


def test_shares_and_gaps_of_a_week(ground, buildings, stations):
    week = week_hours(stations, offers(*SERVICES), "canteen", ORDINARY, CONTEXT)
    assert week.distinct_sets == 3
    profile = week_profile(buildings, week, walked_distance(ground), 300)
    table = profile.table
    assert len(table) == HOURS
    assert table["residents_share"].iloc[8] == 0
    assert table["residents_share"].iloc[9] == 1
    assert table["residents_share"].iloc[18] == 0.7
    assert table["elderly_share"].isna().all()
    gaps = week_gaps(profile, buildings)
    assert gaps.loc["office", "mean_share"] == 1
    assert gaps.loc["evening", "mean_share"] == pytest.approx(0.7 * 3 / 4)
    assert gaps.loc["evening", "never"] == 30
    assert gaps.loc["weekend", "hours"] == 24
    assert gaps.loc["weekend", "gap"] == pytest.approx(0.3)
    assert gaps.loc["evening", "least_share"] == 0
    assert gaps.loc["evening", "least_at"].hour == 21


def test_a_place_where_nobody_lives_has_no_share(ground, buildings, stations):
    empty = buildings.assign(households=0, residents=0)
    week = week_hours(stations, offers(*SERVICES), "canteen", ORDINARY, CONTEXT)
    profile = week_profile(empty, week, walked_cost(ground), 300)
    assert profile.table["residents_share"].isna().all()
    assert week_gaps(profile, empty)[["mean_share", "never", "gap"]].isna().all().all()


def test_each_distinct_set_is_measured_once(ground, buildings, stations):
    seen = []

    def measure(masks: np.ndarray) -> np.ndarray:
        seen.append(len(masks))
        return straight_distance(ground)(masks)

    week = week_hours(stations, offers(*SERVICES), "canteen", ORDINARY, CONTEXT)
    week_profile(buildings, week, measure, 500)
    assert seen == [3]


@settings(max_examples=15, deadline=None)
@given(
    hours=st.lists(
        st.sampled_from(
            ["24/7", "Mo-Fr 08:00-20:00; PH off", "Sa,Su 09:00-25:30", "Tu 19:00-21:00", None]
        ),
        min_size=2,
        max_size=2,
    ),
    hour=st.integers(0, HOURS - 1),
    monday=st.sampled_from([ORDINARY, GOLDEN, MAKE_UP]),
)
def test_each_hour_is_the_verdict_of_its_moment(ground, buildings, stations, hours, hour, monday):
    services = offers(
        {"at": "west", "opening_hours": hours[0]}, {"at": "east", "opening_hours": hours[1]}
    )
    week = week_hours(stations, services, "canteen", monday, CONTEXT)
    profile = week_profile(buildings, week, walked_distance(ground), 500)
    moment = datetime.combine(monday, datetime.min.time(), ZoneInfo(ZONE)) + timedelta(hours=hour)
    serving = serving_at(stations, services, Scenario("canteen", moment), CONTEXT)
    verdicts = walking_verdicts(ground, serving)
    people = buildings.loc[verdicts["within_500_m"], "residents"].sum()
    row = profile.table.iloc[hour]
    assert row["residents_covered"] == people
    assert row["stations_open"] == serving.sum()
    assert pd.Timestamp(row["moment"]) == pd.Timestamp(moment)
