"""Who reaches what on foot: drawn streets with known metres, and every reason why not."""

from datetime import UTC, date, datetime

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gis.coverage.scenarios import HoursContext, Scenario
from gis.coverage.sensitivity import sensitivity
from gis.coverage.verdicts import NO_OPEN_STATION
from gis.coverage.walking_coverage import (
    BEYOND_LIMIT,
    NO_STATION_ON_NETWORK,
    WalkOptions,
    serving_at,
    serving_on,
    walking_verdict_sets,
    walking_verdicts,
)
from gis.errors import InvalidInputError, NotFoundError
from gis.network.walking import NO_STATION_REACHABLE
from tests.geometry.coverage_ground import CALENDAR, ground_of, houses, key, offers, stands

pytestmark = pytest.mark.geometry

#: A street of 1 km, one that turns away from it, and an island far off.
STREET = ([(0, 0), (1000, 0)], [(1000, 0), (1000, 400)], [(0, 2000), (200, 2000)])
HOUSES = {"near": (100, 10), "middle": (500, 10), "turn": (994, 320), "island": (50, 2010)}
HOUSES |= {"field": (500, 1000)}
PEOPLE = {
    "households": {"near": 10, "middle": 20, "turn": 30, "island": 4, "field": 1},
    "residents": {"near": 20, "middle": 40, "turn": 60, "island": 8, "field": 2},
}


@pytest.fixture(scope="module")
def buildings():
    return houses(HOUSES, **PEOPLE)


@pytest.fixture(scope="module")
def stations():
    return stands({"west": (0, 0), "east": (1000, 0)})


@pytest.fixture(scope="module")
def ground(buildings, stations):
    return ground_of(buildings, stations, *STREET)


def told(verdicts: pd.DataFrame, buildings: pd.DataFrame, column: str) -> dict:
    return dict(zip(buildings["name"], verdicts[column], strict=True))


def every(stations: pd.DataFrame, *, but: tuple[str, ...] = ()) -> "pd.Series[bool]":
    return ~stations["name"].isin(but)


def test_metres_minutes_and_the_straight_line(ground, buildings, stations):
    found = walking_verdicts(ground, every(stations))
    metres = told(found, buildings, "distance_m")
    # The doors are 6 m from the road.
    assert metres["near"] == pytest.approx(106, abs=0.5)
    assert metres["turn"] == pytest.approx(322, abs=0.5)
    assert told(found, buildings, "station_id")["turn"] == key("stations", "east")
    assert told(found, buildings, "minutes_adult")["near"] == pytest.approx(106 / 72, abs=0.02)
    assert told(found, buildings, "minutes_frail")["near"] == pytest.approx(106 / 39, abs=0.02)
    assert told(found, buildings, "within_500_m")["middle"] == (metres["middle"] <= 500)
    assert told(found, buildings, "within_5_min")["near"]
    assert told(found, buildings, "straight_m")["near"] == pytest.approx(100.2, abs=0.2)
    detour = told(found, buildings, "detour")
    assert detour["near"] == pytest.approx(1.058, abs=0.01)
    assert np.isnan(detour["island"])


def test_every_reason_is_named(ground, buildings, stations):
    found = walking_verdicts(ground, every(stations), WalkOptions(limit_m=400))
    assert told(found, buildings, "reason") == {
        "near": None,
        "middle": BEYOND_LIMIT,
        "turn": None,
        "island": NO_STATION_REACHABLE,
        "field": "no_road_within_reach",
    }
    beyond = found.loc[found["reason"].notna()]
    assert beyond["station_id"].isna().all()
    assert beyond[["distance_m", "cost_m", "minutes_adult"]].isna().all().all()
    assert not beyond["within_1000_m"].any()
    closed = walking_verdicts(ground, every(stations, but=("west", "east")))
    assert set(closed["reason"]) == {NO_OPEN_STATION}


def test_a_station_in_the_river_serves_nobody_and_is_told(buildings):
    stations = stands({"river": (500, 1500), "west": (0, 0)})
    ground = ground_of(buildings, stations, *STREET)
    assert ground.stations_off_network == [key("stations", "river")]
    found = walking_verdicts(ground, every(stations, but=("west",)))
    assert told(found, buildings, "reason")["near"] == NO_STATION_ON_NETWORK
    assert told(found, buildings, "reason")["field"] == "no_road_within_reach"
    # In a straight line it is as near as ever.
    assert found["straight_m"].notna().all()


def test_no_stations_at_all(buildings):
    stations = stands({"west": (0, 0)}).iloc[:0]
    ground = ground_of(buildings, stations, *STREET)
    found = walking_verdicts(ground, pd.Series([], dtype=bool, index=stations.index))
    assert set(found["reason"]) == {NO_OPEN_STATION}
    assert found["straight_m"].isna().all()


def test_the_way_is_drawn_on_demand(ground, buildings):
    way = ground.way(key("buildings", "turn"), key("stations", "east"))
    assert way.line_m.length == pytest.approx(way.distance_m)
    with pytest.raises(InvalidInputError, match="no building"):
        ground.way("nobody", key("stations", "east"))
    with pytest.raises(NotFoundError):
        ground.way(key("buildings", "field"), key("stations", "east"))


def test_sets_are_answered_as_one_by_one(ground, stations):
    sets = [every(stations), every(stations, but=("east",)), every(stations)]
    together = walking_verdict_sets(ground, sets)
    assert together[0] is together[2]  # walked once
    for serving, found in zip(sets, together, strict=True):
        pd.testing.assert_frame_equal(found, walking_verdicts(ground, serving))
    assert walking_verdict_sets(ground, []) == []


def test_planned_stations_count_from_their_day():
    stations = stands(
        {"west": (0, 0), "east": (1000, 0), "gone": (500, 0)},
        status={"west": "open", "east": "planned", "gone": "closed"},
        opens_on={"east": date(2027, 3, 1)},
        closes_on={"gone": date(2026, 6, 1)},
    )
    services = offers({"at": "west"}, {"at": "east"}, {"at": "gone"})

    def names(day: date, service: str | None = "canteen") -> set[str]:
        return set(stations["name"][serving_on(stations, services, service, day)])

    assert names(date(2026, 5, 31)) == {"west", "gone"}
    assert names(date(2026, 6, 1)) == {"west"}
    assert names(date(2027, 3, 1)) == {"west", "east"}
    assert names(date(2027, 3, 1), "health") == set()
    assert names(date(2027, 3, 1), None) == {"west", "east"}


def test_what_only_travels_is_no_place_to_walk_to():
    stations = stands({"kitchen": (0, 0), "hall": (1000, 0)})
    services = offers(
        {"at": "kitchen", "mode": "delivery", "opening_hours": "24/7"},
        {"at": "hall", "mode": "both", "opening_hours": "Fr 22:00-25:00"},
    )
    assert list(serving_on(stations, services, "canteen", date(2026, 9, 1))) == [False, True]
    context = HoursContext("Asia/Shanghai", CALENDAR)

    def at(text: str) -> list[bool]:
        scenario = Scenario("canteen", datetime.fromisoformat(text))
        return list(serving_at(stations, services, scenario, context))

    assert at("2026-09-04T23:00+08:00") == [False, True]  # a Friday
    assert at("2026-09-05T00:59+08:00") == [False, True]  # still Friday's hours
    assert at("2026-09-05T01:00+08:00") == [False, False]


def test_hours_past_any_clock_are_an_error_that_names_the_station(stations):
    services = offers({"at": "west", "opening_hours": "Mo 25:00-26:00"})
    scenario = Scenario("canteen", datetime(2026, 9, 1, tzinfo=UTC))
    with pytest.raises(InvalidInputError, match=key("stations", "west")):
        serving_at(stations, services, scenario, HoursContext("Asia/Shanghai", CALENDAR))


@pytest.mark.parametrize(
    "wrong",
    [{"thresholds_m": (0,)}, {"thresholds_min": (-5,)}, {"limit_m": 0.0}, {"group": "runner"}],
)
def test_options_that_mean_nothing_are_refused(wrong):
    with pytest.raises(InvalidInputError):
        WalkOptions(**wrong)


def test_a_series_of_other_stations_is_refused(ground, stations):
    with pytest.raises(InvalidInputError, match="index"):
        walking_verdicts(ground, every(stations).iloc[:1])


@pytest.mark.slow
@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(20, 980), min_size=1, max_size=6, unique=True))
def test_more_stations_never_take_anybody_farther_off(spots):
    houses_ = houses({f"h{x}": (x, 12) for x in range(0, 1001, 100)})
    stations = stands({f"s{x}": (x, 0) for x in spots})
    ground = ground_of(houses_, stations, STREET[0])
    all_open = pd.Series(True, index=stations.index)
    fewer = all_open.copy()
    fewer.iloc[0] = False
    found, less = walking_verdict_sets(ground, [all_open, fewer])
    far = less["distance_m"].fillna(np.inf)
    assert (found["distance_m"] <= far + 1e-9).all()
    # On a straight street the walk is the straight line, but for the step to the road.
    assert (found["distance_m"] >= found["straight_m"] - 5).all()


def test_sensitivity_stands_in_one_table(ground, buildings, stations):
    verdicts = walking_verdicts(ground, every(stations))
    table = sensitivity(buildings, verdicts).set_index(["threshold", "unit", "variant"])
    assert len(table) == 6 * 5
    assert table.loc[(5, "min", "as_asked"), "limit_m"] == pytest.approx(360)
    assert table.loc[(5, "min", "slower"), "limit_m"] == pytest.approx(288)
    assert table.loc[(5, "min", "farther"), "limit_m"] == pytest.approx(460)
    people = 130
    # 106 m, 322 m and 506 m; two houses reach nothing.
    assert table.loc[(300, "m", "as_asked"), "residents_share"] == 20 / people
    assert table.loc[(300, "m", "farther"), "residents_share"] == 80 / people
    assert table.loc[(300, "m", "farther"), "residents_change"] == pytest.approx(60 / people)
    assert table.loc[(5, "min", "slower"), "residents_change"] == pytest.approx(-60 / people)
    assert pd.isna(table.loc[(300, "m", "slower"), "residents_share"])
    assert table["elderly_share"].isna().all()  # nobody: no share, not 0
    cut = walking_verdicts(ground, every(stations), WalkOptions(limit_m=200))
    with pytest.raises(InvalidInputError, match="cut off"):
        sensitivity(buildings, cut)
