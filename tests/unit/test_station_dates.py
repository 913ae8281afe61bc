"""A status that changes without a date leaves the days alone on which a station served."""

from datetime import date, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gis.services.station_dates import dated

pytestmark = pytest.mark.unit

TODAY = date(2026, 6, 15)
PAST, AHEAD = date(2026, 1, 1), date(2026, 12, 31)
STATUSES = ("planned", "open", "closed")
DAYS = st.none() | st.integers(-3, 3).map(lambda away: TODAY + timedelta(days=away))


def station(status: str, opens_on: date | None = None, closes_on: date | None = None) -> Any:
    return SimpleNamespace(status=status, opens_on=opens_on, closes_on=closes_on)


def serves(one: Any, day: date) -> bool:
    """Say it as docs/adr/016 does."""
    return (
        (one.status != "planned" or one.opens_on is not None)
        and (one.status != "closed" or one.closes_on is not None)
        and (one.opens_on is None or one.opens_on <= day)
        and (one.closes_on is None or day < one.closes_on)
    )


@pytest.mark.parametrize(
    ("before", "sent", "told"),
    [
        (station("open"), {"status": "closed"}, {"closes_on": TODAY}),
        (station("open", PAST, AHEAD), {"status": "closed"}, {"closes_on": TODAY}),
        (station("open", PAST, date(2026, 5, 1)), {"status": "closed"}, {}),
        (station("open"), {"status": "closed", "closes_on": AHEAD}, {"closes_on": AHEAD}),
        (station("open"), {"status": "closed", "closes_on": None}, {"closes_on": None}),
        (station("planned"), {"status": "closed"}, {"closes_on": None}),
        (station("open", TODAY), {"status": "closed"}, {"closes_on": None}),
        (station("closed"), {"status": "closed"}, {}),
        (station("closed", None, PAST), {"status": "open"}, {"closes_on": None}),
        (
            station("closed", None, PAST),
            {"status": "open", "opens_on": TODAY},
            {"opens_on": TODAY, "closes_on": None},
        ),
        (station("closed"), {"status": "open"}, {"opens_on": TODAY, "closes_on": None}),
        (station("planned"), {"status": "open"}, {"opens_on": TODAY}),
        (station("planned", AHEAD), {"status": "open"}, {"opens_on": TODAY}),
        (station("planned", PAST), {"status": "open"}, {}),
        (station("planned"), {"status": "open", "opens_on": AHEAD}, {"opens_on": AHEAD}),
        (station("open"), {"opens_on": AHEAD}, {"opens_on": AHEAD}),
    ],
)
def test_a_status_brings_its_day(before: Any, sent: dict[str, Any], told: dict[str, Any]):
    assert dated(before, sent, TODAY) == {**sent, **told}


@given(st.sampled_from(STATUSES), DAYS, DAYS, st.sampled_from(("open", "closed")))
def test_days_that_are_over_stay_as_they_were(
    status: str, opens_on: date | None, closes_on: date | None, new: str
):
    if opens_on is not None and closes_on is not None and opens_on >= closes_on:
        return
    before = station(status, opens_on, closes_on)
    after = SimpleNamespace(**{**vars(before), **dated(before, {"status": new}, TODAY)})
    if new == status:
        assert after == before
        return
    assert serves(after, TODAY) == (new == "open")
    for away in range(1, 6):
        past = TODAY - timedelta(days=away)
        # One span of service is known: who opens again has not been away.
        away_once = new == "open" and closes_on is not None and closes_on <= past
        if not away_once:
            assert serves(after, past) == serves(before, past), (past, after)
