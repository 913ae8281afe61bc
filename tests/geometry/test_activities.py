"""The month's menu, and how much of it is on when people can come."""

from datetime import date, datetime
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gis.coverage.activities import (
    FREE_TIME,
    free_time_supply,
    month_menu,
    supply_shares,
)
from gis.coverage.scenarios import HoursContext
from gis.errors import InvalidInputError
from gis.frames import ACTIVITIES, SERVED_GROUPS
from gis.samples import generate_subdistrict
from tests.geometry.coverage_ground import CALENDAR, key

pytestmark = pytest.mark.geometry

CONTEXT = HoursContext("Asia/Shanghai", CALENDAR)
SEPTEMBER = date(2026, 9, 1)


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-{text}+08:00")


def activities(*rows: dict[str, Any]) -> pd.DataFrame:
    told = [
        {"id": key("activities", str(n)), "station_id": key("stations", "hub"), "name": "x", **row}
        for n, row in enumerate(rows)
    ]
    return ACTIVITIES.conform(pd.DataFrame(told, columns=None if told else ACTIVITIES.names))


def session(begins: str, ends: str, **facts: Any) -> dict[str, Any]:
    return {"starts_at": at(begins), "ends_at": at(ends), **facts}


def test_what_is_after_office_hours_follows_the_calendar():
    menu = month_menu(
        activities(
            session("10-10T10:00", "10-10T12:00"),  # a make-up Saturday: a working day
            session("10-01T10:00", "10-01T12:00"),  # a holiday
            session("10-12T16:00", "10-12T19:00"),  # Monday, from work into the evening
            session("10-31T23:00", "11-01T01:00"),  # over midnight into the next month
        ),
        date(2026, 10, 15),
        CONTEXT,
    )
    assert menu.table["off_hours"].tolist() == [2, 0, 2, 2]
    assert menu.table["hours"].tolist() == [2, 2, 3, 2]
    assert menu.table["begins"].tolist() == ["10:00", "10:00", "16:00", "23:00"]
    assert menu.table["weekday"].tolist() == [3, 5, 0, 5]
    assert menu.calendar == "verified"
    shares = supply_shares(menu).loc["all"]
    assert shares["off_hours_share"] == pytest.approx(6 / 9)
    assert shares["off_hours_activities_share"] == pytest.approx(3 / 4)


def test_the_month_is_that_of_the_place():
    rows = activities(session("08-31T23:59", "09-01T01:00"), session("09-01T00:00", "09-01T01:00"))
    assert len(month_menu(rows, SEPTEMBER, CONTEXT).table) == 1
    assert len(month_menu(rows, SEPTEMBER, HoursContext("UTC", CALENDAR)).table) == 0


def test_a_year_that_the_calendar_lacks_is_unverified():
    rows = activities()
    assert month_menu(rows, date(2027, 2, 1), CONTEXT).calendar == "unverified"


def test_groups_by_when_they_can_come():
    rows = activities(
        session("09-15T10:00", "09-15T11:00", served_group="elderly", places=20, attendance=15),
        session("09-15T12:00", "09-15T13:00", served_group="elderly", places=20),
        session("09-15T10:30", "09-15T11:30", served_group="elderly", places=0, attendance=3),
        session("09-15T10:00", "09-15T11:00", served_group="child", places=10, attendance=1),
    )
    menu = month_menu(rows, SEPTEMBER, CONTEXT)
    by = supply_shares(menu, "served_group")
    assert by.loc["elderly", "free_time_share"] == pytest.approx(2 / 3)
    assert by.loc["child", "free_time_share"] == 0  # at school
    assert by.loc["elderly", "filled"] == 0.75  # only where both are known and there are places
    assert by.loc["elderly", "attendance"] == 18
    supply = free_time_supply(menu)
    # Two sessions overlap: from 10:00 to 11:30 something is on.
    assert supply.loc["elderly", "offered_hours"] == pytest.approx(1.5)
    assert supply.loc["elderly", "free_hours"] == pytest.approx(30 * 9.5)
    assert supply.loc["new_resident", "offered_share"] == 0
    assert supply.loc["elderly", "activities"] == 3
    assert set(supply_shares(menu, "fee_class").index) == {"public"}


def test_an_empty_month_has_no_shares():
    menu = month_menu(activities(), SEPTEMBER, CONTEXT)
    assert menu.table.empty
    shares = supply_shares(menu).loc["all"]
    assert shares["activities"] == 0
    assert pd.isna(shares["off_hours_share"])
    assert supply_shares(menu, "station_id").empty
    assert free_time_supply(menu)["offered_hours"].sum() == 0


def test_what_is_refused():
    late = activities(session("09-15T10:00", "09-15T11:00"), session("09-15T11:00", "09-15T11:00"))
    with pytest.raises(InvalidInputError, match="row 2"):
        month_menu(late, SEPTEMBER, CONTEXT)
    rows = activities(session("09-15T10:00", "09-15T11:00", served_group="child"))
    with pytest.raises(InvalidInputError, match="child"):
        month_menu(rows, SEPTEMBER, CONTEXT, free_time={"general": "24/7"})
    with pytest.raises(InvalidInputError, match="25:00"):
        month_menu(rows, SEPTEMBER, CONTEXT, office_hours="Mo 25:00-26:00")


def test_every_group_has_free_time():
    assert set(FREE_TIME) == set(SERVED_GROUPS)


@pytest.mark.slow
@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 30 * 24 * 4 - 1), st.integers(1, 40)), min_size=1, max_size=8)
)
def test_parts_of_the_time_add_up(spans):
    start = pd.Timestamp(at("09-01T00:00"))
    step = pd.Timedelta(minutes=15)
    rows = activities(
        *(
            {
                "starts_at": start + first * step,
                "ends_at": start + (first + length) * step,
                "served_group": "elderly",
            }
            for first, length in spans
        )
    )
    all_day = month_menu(rows, SEPTEMBER, CONTEXT, free_time={**FREE_TIME, "elderly": "24/7"})
    assert all_day.table["free_hours"].tolist() == pytest.approx(all_day.table["hours"].tolist())
    never = month_menu(rows, SEPTEMBER, CONTEXT, office_hours="24/7")
    assert never.table["off_hours"].abs().max() == pytest.approx(0, abs=1e-9)
    menu = month_menu(rows, SEPTEMBER, CONTEXT)
    assert (menu.table["off_hours"] <= menu.table["hours"] + 1e-9).all()
    assert (menu.table["free_hours"] <= menu.table["hours"] + 1e-9).all()
    assert (
        free_time_supply(menu).loc["elderly", "offered_hours"] <= menu.table["hours"].sum() + 1e-9
    )


@pytest.mark.slow
@pytest.mark.parametrize("today", [date(2026, 1, 1), date(2026, 11, 30), date(2028, 2, 29)])
def test_activities_of_the_sample_lie_around_the_day_it_is_drawn_on(today: date):
    first, again = (
        generate_subdistrict(households=4_000, seed=3, today=today).layers for _ in range(2)
    )
    pd.testing.assert_frame_equal(first["activities"], again["activities"])
    days = first["activities"]["starts_at"].dt.tz_convert("Asia/Shanghai").dt.date
    months = {(day.year, day.month) for day in days}
    assert len(months) == 4
    assert max(months) == (today.year, today.month)
    counted = first["activities"]["attendance"].notna()
    assert list(counted) == list(days < today)
    later = generate_subdistrict(households=4_000, seed=3).layers
    for name, frame in first.items():
        if name != "activities":
            pd.testing.assert_frame_equal(frame, later[name])


@pytest.mark.slow
def test_the_hub_of_the_sample_serves_after_office_hours():
    layers = generate_subdistrict(households=4_000, seed=3).layers
    menu = month_menu(layers["activities"], SEPTEMBER, CONTEXT)
    hub = layers["stations"].query("tier == 'hub'")["id"].iloc[0]
    assert supply_shares(menu, "station_id").loc[hub, "off_hours_activities_share"] > 0.9
    assert supply_shares(menu).loc["all", "filled"] > 0.3
