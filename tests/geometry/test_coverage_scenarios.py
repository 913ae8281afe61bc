"""Scenarios: who is open at a moment for a service, and how far everybody is from them."""

from datetime import date, datetime, timedelta
from unittest import mock
from zoneinfo import ZoneInfo

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from gis.coverage import (
    HoursContext,
    Scenario,
    coverage_verdicts,
    open_at,
    opening_states,
    scenario_distances,
    scenarios,
    scenarios_of,
)
from gis.errors import InvalidInputError
from gis.hours import Calendar, HoursException, china_calendar_days, open_state

pytestmark = pytest.mark.geometry

SHANGHAI = ZoneInfo("Asia/Shanghai")
CONTEXT = HoursContext("Asia/Shanghai", Calendar.of(china_calendar_days([2026])))
CENTRE = "Mo-Fr 08:00-20:00; Sa-Su 09:00-21:00"


def stations(**columns: list[object]) -> gpd.GeoDataFrame:
    count = 6
    data: dict[str, object] = {
        "id": [f"s{k}" for k in range(count)],
        "status": ["open"] * count,
        "opens_on": [None] * count,
        "closes_on": [None] * count,
    }
    return gpd.GeoDataFrame(
        data | columns,
        geometry=[shapely.Point(117.30 + 0.004 * k, 31.87) for k in range(count)],
        crs="EPSG:4326",
        index=pd.Index(list("uvwxyz")),
    )


SERVICES = pd.DataFrame(
    [
        ("s0", "canteen", "11:00-13:00"),
        ("s0", "rest_stop", "24/7"),
        ("s1", "canteen", CENTRE),
        ("s2", "affairs", CENTRE),
        ("s2", "canteen", None),
        ("s3", "affairs", "Mo-Fr 08:00-17:00; PH off"),
        ("s4", "police", "24/7"),
        ("gone", "police", "24/7"),
    ],
    columns=["station_id", "service", "opening_hours"],
)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


def names(service: str | None, moment: str, frame: gpd.GeoDataFrame | None = None) -> list[str]:
    chosen = stations() if frame is None else frame
    is_open = open_at(chosen, SERVICES, Scenario(service, at(moment)), CONTEXT)
    assert is_open.index.equals(chosen.index)
    return chosen.loc[is_open, "id"].tolist()


def test_service_hour_and_calendar_decide_who_is_open() -> None:
    assert names("canteen", "2026-05-12 12:00") == ["s0", "s1"]
    assert names("canteen", "2026-05-12 19:00") == ["s1"]
    assert names("canteen", "2026-05-12 22:00") == []
    assert names(None, "2026-05-12 22:00") == ["s0", "s4"]
    assert names("affairs", "2026-05-12 08:30") == ["s2", "s3"]
    assert names("affairs", "2026-05-09 08:30") == ["s2", "s3"]  # a Saturday that is worked
    assert names("affairs", "2026-10-01 09:30") == ["s2"]  # a holiday, as on a Sunday
    assert names("affairs", "2026-10-01 08:30") == []


def test_unknown_hours_are_not_open_and_not_closed() -> None:
    scenario = Scenario("canteen", at("2026-05-12 22:00"))
    states = opening_states(stations(), SERVICES, [scenario], CONTEXT)
    assert states.columns.tolist() == [("canteen", "2026-05-12T22:00+08:00")]
    assert states.iloc[:, 0].tolist() == ["closed", "closed", "unknown", *["closed"] * 3]


def test_status_and_dates_of_a_station() -> None:
    frame = stations(
        status=["open", "open", "closed", "planned", "open", "open"],
        opens_on=[None, date(2026, 5, 13), None, None, date(2026, 5, 12), None],
        closes_on=[date(2026, 5, 12), None, None, None, date(2026, 5, 13), None],
    )
    assert names(None, "2026-05-12 12:00", frame) == ["s4"]
    assert names(None, "2026-05-13 12:00", frame) == ["s1"]
    assert names(None, "2026-05-11 12:00", frame) == ["s0"]


def test_exceptions_of_a_station_hold_for_all_its_services() -> None:
    closed = {"s0": [HoursException(date(2026, 5, 12), "off", "painting")]}
    context = HoursContext(CONTEXT.timezone, CONTEXT.calendar, closed)
    scenario = Scenario(None, at("2026-05-12 12:00"))
    assert not open_at(stations(), SERVICES, scenario, context)["u"]
    assert open_at(stations(), SERVICES, scenario, CONTEXT)["u"]


def test_a_station_whose_hours_cannot_be_read_is_named() -> None:
    services = SERVICES.assign(opening_hours="whenever")
    with pytest.raises(InvalidInputError, match=r"Station s0.*whenever"):
        open_at(stations(), services, Scenario(None, at("2026-05-12 12:00")), CONTEXT)


def test_moments_are_instants_and_the_calendar_says_what_it_knows() -> None:
    with pytest.raises(InvalidInputError, match="time zone"):
        Scenario("canteen", at("2026-05-12 12:00").replace(tzinfo=None))
    assert CONTEXT.verified(at("2026-12-31 23:00"))
    assert not CONTEXT.verified(at("2027-01-01 00:00"))


moments = st.integers(0, 364 * 96).map(
    lambda quarter: at("2026-01-01 00:00") + timedelta(minutes=15 * quarter)
)


@settings(deadline=None, max_examples=12)
@given(st.lists(moments, min_size=1, max_size=8), st.permutations(["canteen", "affairs", None]))
def test_each_cell_of_the_table_is_what_one_station_says_alone(
    times: list[datetime], services: list[str | None]
) -> None:
    wanted = scenarios_of(services, times)
    states = opening_states(stations(), SERVICES, wanted, CONTEXT)
    assert states.shape == (6, len(wanted))
    for column, scenario in enumerate(wanted):
        for row, station in enumerate(stations()["id"]):
            mine = SERVICES[SERVICES["station_id"] == station]
            alone = [
                open_state(
                    hours if isinstance(hours, str) else None,
                    scenario.moment,
                    timezone=SHANGHAI,
                    calendar=CONTEXT.calendar,
                ).state
                for service, hours in zip(mine["service"], mine["opening_hours"], strict=True)
                if scenario.service in {None, service}
            ]
            best = next((s for s in ("open", "unknown") if s in alone), "closed")
            assert states.iloc[row, column] == best


@pytest.fixture
def buildings() -> gpd.GeoDataFrame:
    lon, lat = np.random.default_rng(4).uniform((117.29, 31.86), (117.33, 31.88), (40, 2)).T
    return gpd.GeoDataFrame(
        {"id": [f"b{k}" for k in range(40)]},
        geometry=shapely.box(lon, lat, lon + 1e-4, lat + 1e-4),
        crs="EPSG:4326",
        index=pd.Index(range(100, 140)),
    )


@pytest.mark.slow
def test_distances_are_those_of_the_verdicts_and_equal_sets_are_measured_once(
    buildings: gpd.GeoDataFrame,
) -> None:
    hours = [at("2026-05-11 00:00") + timedelta(hours=hour) for hour in range(72)]
    wanted = scenarios_of(["canteen", "affairs", None], hours)
    with mock.patch.object(
        scenarios, "nearest_open_station", wraps=scenarios.nearest_open_station
    ) as measure:
        table = scenario_distances(buildings, stations(), SERVICES, wanted, CONTEXT)
    assert table.index.equals(buildings.index)
    assert table.columns.names == ["service", "moment"]
    distinct = {tuple(open_at(stations(), SERVICES, scenario, CONTEXT)) for scenario in wanted}
    assert measure.call_count == len(distinct) < 10
    for scenario in wanted[::7]:
        is_open = open_at(stations(), SERVICES, scenario, CONTEXT)
        verdicts = coverage_verdicts(buildings, stations(), is_open)
        np.testing.assert_array_equal(table[scenario.key], verdicts["distance_m"])
    assert table["canteen"]["2026-05-11T03:00+08:00"].isna().all()


def test_no_scenarios_no_columns(buildings: gpd.GeoDataFrame) -> None:
    table = scenario_distances(buildings, stations(), SERVICES, [], CONTEXT)
    assert table.shape == (40, 0)
    assert table.index.equals(buildings.index)
