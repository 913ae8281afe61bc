"""Services that come to the household: reach, hours, means and room; beside walking."""

from datetime import datetime

import numpy as np
import pandas as pd
import pytest

from gis.coverage.capacity import NO_ROOM
from gis.coverage.delivery import (
    BEYOND_DELIVERY,
    DELIVERY_SPEEDS,
    NO_STATION_DELIVERS,
    SERVED,
    DeliveryOptions,
    deliver_with_room,
    delivering_at,
    delivery_verdicts,
    together,
    together_shares,
    travelling,
)
from gis.coverage.scenarios import HoursContext, Scenario
from gis.coverage.walking_coverage import serving_at, walking_verdicts
from gis.errors import InvalidInputError
from tests.geometry.coverage_ground import CALENDAR, ground_of, houses, key, offers, stands

pytestmark = pytest.mark.geometry

STREET = ([(0, 0), (2000, 0)], [(0, 3000), (100, 3000)])
CONTEXT = HoursContext("Asia/Shanghai", CALENDAR)
NOON = datetime.fromisoformat("2026-09-15T11:00+08:00")  # a Tuesday
SERVICES = (
    {
        "at": "walker",
        "opening_hours": "Mo-Fr 09:00-14:00",
        "mode": "both",
        "delivery_by": "walking",
        "delivery_reach_m": 600,
        "delivery_capacity": 7,
        "delivery_period": "week",
    },
    {
        "at": "rider",
        "opening_hours": "24/7",
        "mode": "delivery",
        "delivery_hours": "Mo-Su 10:30-12:30",
        "delivery_reach_m": 1500,
        "delivery_capacity": 3,
    },
    {"at": "hall", "opening_hours": "24/7", "capacity": 9},
)


@pytest.fixture(scope="module")
def buildings():
    places = {"a": (100, 10), "b": (900, 10), "c": (1900, 10), "island": (50, 3010)}
    people = dict.fromkeys(places, 10)
    return houses({**places, "field": (900, 1500)}, households=people, residents=people)


@pytest.fixture(scope="module")
def stations():
    return stands({"walker": (0, 0), "rider": (500, 0), "hall": (2000, 0)})


@pytest.fixture(scope="module")
def services():
    return offers(*SERVICES)


@pytest.fixture(scope="module")
def ground(buildings, stations):
    return ground_of(buildings, stations, *STREET)


def on_at(stations, services, moment: datetime = NOON):
    return delivering_at(stations, services, Scenario("canteen", moment), CONTEXT)


def told(frame: pd.DataFrame, buildings: pd.DataFrame, column: str) -> dict:
    return dict(zip(buildings["name"], frame[column], strict=True))


def test_deliveries_have_hours_of_their_own(stations, services):
    assert travelling(services)["station_id"].tolist() == services["station_id"].tolist()[:2]
    assert travelling(services, "health").empty
    assert on_at(stations, services).tolist() == [True, True, False]
    evening = datetime.fromisoformat("2026-09-15T20:00+08:00")
    assert on_at(stations, services, evening).tolist() == [False, False, False]
    # The hall and the walker's canteen are places to walk to, the kitchen of the rider is none.
    walk_to = serving_at(stations, services, Scenario("canteen", NOON), CONTEXT)
    assert walk_to.tolist() == [True, False, True]


def test_who_comes_first_and_why_nobody_does(ground, buildings, stations, services):
    found = delivery_verdicts(ground, services, "canteen", on_at(stations, services))
    # To a: 106 m on foot take less time than 406 m at 15 km/h.
    assert told(found, buildings, "means")["a"] == "walking"
    assert told(found, buildings, "minutes")["a"] == pytest.approx(106 / 72, abs=0.01)
    assert told(found, buildings, "means")["b"] == "riding"
    riding = DELIVERY_SPEEDS["riding"] * 60
    assert told(found, buildings, "minutes")["b"] == pytest.approx(406 / riding, abs=0.01)
    assert told(found, buildings, "distance_m")["c"] == pytest.approx(1406, abs=0.5)
    reasons = told(found, buildings, "reason")
    assert reasons["island"] == "no_station_reachable"
    assert reasons["field"] == "no_road_within_reach"
    assert found["delivered"].tolist() == [True, True, True, False, False]
    only_walker = pd.Series([True, False, False], index=stations.index)
    near = delivery_verdicts(ground, services, "canteen", only_walker)
    assert told(near, buildings, "reason")["b"] == BEYOND_DELIVERY
    assert told(near, buildings, "station_id")["b"] is None
    nobody = delivery_verdicts(ground, services, "canteen", only_walker & False)
    assert set(nobody["reason"]) == {NO_STATION_DELIVERS}
    # Who does not deliver the service is no carrier, whatever is said about it.
    other = delivery_verdicts(ground, services, "health", pd.Series(True, index=stations.index))
    assert set(other["reason"]) == {NO_STATION_DELIVERS}


def test_reach_is_the_one_that_is_asked_where_none_is_stated(ground, buildings, stations):
    services = offers({"at": "walker", "mode": "both", "opening_hours": "24/7"})
    on = on_at(stations, services)
    short = delivery_verdicts(ground, services, "canteen", on, DeliveryOptions(limit_m=500))
    assert short["delivered"].sum() == 1
    assert told(short, buildings, "means")["a"] == "riding"
    assert delivery_verdicts(ground, services, "canteen", on)["delivered"].sum() == 3
    for wrong in ({"limit_m": 0}, {"speeds_m_s": {"riding": 0.0}}):
        with pytest.raises(InvalidInputError):
            DeliveryOptions(**wrong)


def test_room_of_a_period(ground, buildings, stations, services):
    demand = buildings["households"].astype("int64")
    on = on_at(stations, services)
    day = deliver_with_room(ground, services, "canteen", on, demand)
    assert day.stations["room"].dropna().tolist() == [1, 3]  # 7 a week is 1 a day
    assert day.stations["people"].tolist() == [1, 3, 0]
    week = deliver_with_room(ground, services, "canteen", on, demand, period="week")
    assert week.stations["people"].tolist() == [7, 21, 0]
    reason = dict(zip(week.left_out["building_id"], week.left_out["reason"], strict=True))
    assert reason[key("buildings", "c")] == NO_ROOM
    assert reason[key("buildings", "island")] == "no_station_within_limit"
    assert week.gap_m == 0
    with pytest.raises(InvalidInputError, match="period"):
        deliver_with_room(ground, services, "canteen", on, demand, period="year")


def test_a_capacity_of_zero_serves_nobody(ground, buildings, stations):
    services = offers(
        {"at": "walker", "mode": "both", "opening_hours": "24/7", "delivery_capacity": 0}
    )
    demand = buildings["households"].astype("int64")
    plan = deliver_with_room(ground, services, "canteen", on_at(stations, services), demand)
    assert plan.placements.empty
    assert plan.left_out["people"].sum() == demand.sum()


def test_walking_and_delivery_together(ground, buildings, stations, services):
    walk_to = serving_at(stations, services, Scenario("canteen", NOON), CONTEXT)
    walking = walking_verdicts(ground, walk_to)["within_500_m"]
    brought = delivery_verdicts(ground, services, "canteen", on_at(stations, services))["delivered"]
    served = together(walking, brought)
    assert served.tolist() == ["both", "delivery", "both", "none", "none"]
    table = together_shares(buildings, served)
    assert table.index.tolist() == list(SERVED)
    assert table["households"].tolist() == [20, 0, 10, 10]
    assert table["households_share"].sum() == 1
    assert table["elderly_share"].isna().all()
    by = pd.Series(["n", "n", "s", "s", "s"], index=buildings.index)
    grouped = together_shares(buildings, served, by)
    assert grouped.loc[("s", "both"), "households_share"] == 0.5
    with pytest.raises(InvalidInputError, match="index"):
        together(walking, brought.iloc[:2])


def test_nothing_is_reached_without_pairs(ground, services, stations):
    on = pd.Series(np.zeros(3, dtype=bool), index=stations.index)
    demand = pd.Series(0, index=ground.buildings.index)
    plan = deliver_with_room(ground, services, "canteen", on, demand)
    assert plan.left_out.empty
