"""Whose grid and which station: the API's answer is the one of brute force."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import httpx
import numpy as np
import pytest
import shapely
from pyproj import Geod

from gis.hours import Calendar, OpeningState, china_calendar_days, open_state
from tests.api.serving import is_problem
from tests.town import (
    GRIDS,
    STATIONS,
    TIMEZONE,
    YEAR,
    grid_id,
    key,
    lon_lat,
    square,
    squares,
)

pytestmark = pytest.mark.api

CALENDAR = Calendar.of(china_calendar_days([YEAR]))
GEOD = Geod(ellps="WGS84")
ZONE = ZoneInfo(TIMEZONE)


def grid_shapes() -> dict[str, shapely.Geometry]:
    letters = squares(GRIDS)
    return {
        grid_id("plan", letter): shapely.union_all(
            [square(*at) for at, other in letters.items() if other == letter]
        )
        for letter in sorted(set(letters.values()))
    }


def locate(client: httpx.Client, lon: float, lat: float, **more: object) -> dict:
    asked = {"lon": repr(float(lon)), "lat": repr(float(lat)), "at": "2026-05-01", **more}
    return client.get("/v1/locate", params=asked).raise_for_status().json()


@pytest.mark.slow
def test_points_are_in_the_grid_that_brute_force_says(client: httpx.Client):
    shapes = grid_shapes()
    rng = np.random.default_rng(7)
    for x, y in zip(rng.uniform(-1, 11, 120), rng.uniform(-1, 5, 120), strict=True):
        lon, lat = lon_lat(x, y)
        inside = [k for k, s in shapes.items() if s.intersects(shapely.Point(lon, lat))]
        answer = locate(client, lon, lat)
        assert [answer["grid"]["id"]] == inside if inside else answer["grid"] is None
        if not inside:
            in_town = 0 <= x <= 10 and 0 <= y <= 4
            expected = "no_plan_in_effect" if in_town else "outside_all_communities"
            assert answer["reason"] == expected


def test_a_point_on_a_border_goes_to_the_lower_code_and_names_the_other(client: httpx.Client):
    lon, lat = lon_lat(2, 1.5)  # between a and b
    answer = locate(client, lon, lat)
    assert answer["grid"]["id"] == grid_id("plan", "a")
    assert answer["neighbour"]["id"] == grid_id("plan", "b")
    assert answer["neighbour"]["distance_m"] == pytest.approx(0, abs=0.01)


def test_a_near_border_is_named_with_its_distance(client: httpx.Client):
    lon, lat = lon_lat(1.97, 1.5)
    border, _ = lon_lat(2, 1.5)
    expected = GEOD.inv(lon, lat, border, lat)[2]
    answer = locate(client, lon, lat, near_m=10)
    assert answer["neighbour"]["distance_m"] == pytest.approx(expected, abs=0.02)
    assert locate(client, lon, lat, near_m=1)["neighbour"] is None


def test_a_point_outside_is_snapped_only_within_the_limit(client: httpx.Client):
    lon, lat = lon_lat(-0.1, 1.5)
    edge, _ = lon_lat(0, 1.5)
    metres = GEOD.inv(lon, lat, edge, lat)[2]
    assert locate(client, lon, lat, snap_m=metres - 1)["grid"] is None
    answer = locate(client, lon, lat, snap_m=metres + 1)
    assert answer["grid"]["id"] == grid_id("plan", "a")
    assert answer["snapped_m"] == pytest.approx(metres, abs=0.02)


def test_the_day_decides_which_plan_answers(client: httpx.Client):
    lon, lat = lon_lat(3, 1.5)
    for at, expected in (
        ("2025-12-31", grid_id("old", "A")),
        ("2026-01-01", grid_id("plan", "b")),
        ("2025-12-31T23:59:59+08:00", grid_id("old", "A")),
        ("2025-12-31T16:00:00Z", grid_id("plan", "b")),  # midnight in the town
    ):
        assert locate(client, lon, lat, at=at)["grid"]["id"] == expected, at
    assert locate(client, lon, lat, at="2024-06-01")["reason"] == "no_plan_in_effect"
    assert locate(client, lon, lat, kind="party")["reason"] == "no_plan_in_effect"


def test_a_plus_that_was_not_escaped_is_understood(client: httpx.Client):
    lon, lat = lon_lat(3, 1.5)
    url = f"/v1/locate?lon={lon}&lat={lat}&at=2026-03-01T10:00:00+08:00"
    assert client.get(url).json()["on_day"] == "2026-03-01"


def brute_force(x: float, y: float, service: str, moment: datetime) -> list[tuple[str, float]]:
    lon, lat = lon_lat(x, y)
    day = moment.astimezone(ZONE).date()
    found = []
    for row in STATIONS:
        hours = row.services.get(service)
        serves = row.status == "open" and not (row.closes_on and row.closes_on <= day)
        state = open_state(hours, moment, timezone=TIMEZONE, calendar=CALENDAR).state
        if serves and service in row.services and state is OpeningState.OPEN:
            metres = GEOD.inv(lon, lat, *lon_lat(row.x, row.y))[2]
            found.append((key("stations", row.name), metres))
    return sorted(found, key=lambda item: item[1])


@pytest.mark.slow
@pytest.mark.parametrize("year", [YEAR, YEAR + 1], ids=["laid out", "beyond the horizon"])
def test_the_nearest_stations_are_those_of_brute_force(client: httpx.Client, year: int):
    rng = np.random.default_rng(11)
    start = datetime(year, 1, 2, tzinfo=UTC)
    found = 0
    for _ in range(60):
        x, y = rng.uniform(-3, 13), rng.uniform(-3, 7)
        service = ("affairs", "canteen", "police", "rest_stop")[int(rng.integers(4))]
        moment = start + timedelta(minutes=int(rng.integers(300 * 24 * 60)))
        lon, lat = lon_lat(x, y)
        asked = {"lon": lon, "lat": lat, "service": service, "limit": 5, "at": moment.isoformat()}
        answer = client.get("/v1/stations/nearest", params=asked).raise_for_status().json()
        expected = brute_force(x, y, service, moment)
        assert [s["station_id"] for s in answer["stations"]] == [k for k, _ in expected]
        for station, (_, metres) in zip(answer["stations"], expected, strict=True):
            assert station["distance_m"] == pytest.approx(metres, abs=0.006)
        assert answer["within_horizon"] is (year == YEAR)
        assert answer["calendar"] == ("verified" if year == YEAR else "unverified")
        found += bool(expected)
    assert found > 20, "the example must not be empty"


def test_none_has_its_reason(client: httpx.Client):
    lon, lat = lon_lat(1, 1)
    reasons = {
        "property": "no_station_offers",
        "health": "hours_unknown",
        "canteen": "none_open",
        "elderly_care": "no_station_offers",  # the one that will is planned for next year
    }
    for service, reason in reasons.items():
        asked = {"lon": lon, "lat": lat, "service": service, "at": "2026-05-06T03:00:00+08:00"}
        answer = client.get("/v1/stations/nearest", params=asked).json()
        assert (answer["stations"], answer["reason"]) == ([], reason), service


def test_a_holiday_has_holiday_hours(client: httpx.Client):
    lon, lat = lon_lat(1, 1)
    asked = {"lon": lon, "lat": lat, "service": "affairs"}
    for at, count in (("2026-05-01T08:30:00+08:00", 0), ("2026-05-06T08:30:00+08:00", 1)):
        body = client.get("/v1/stations/nearest", params={**asked, "at": at}).json()
        assert len(body["stations"]) == count, at


def test_distances_do_not_fall_along_the_list(client: httpx.Client):
    asked = {"lon": 117.305, "lat": 31.878, "service": "affairs", "limit": 50}
    body = client.get(
        "/v1/stations/nearest", params={**asked, "at": "2026-05-06T10:00:00+08:00"}
    ).json()
    metres = [station["distance_m"] for station in body["stations"]]
    assert len(metres) == 3
    assert all(a <= b for a, b in pairwise(metres))


def test_a_service_nobody_knows_is_422(client: httpx.Client):
    asked = {"lon": 117.3, "lat": 31.88, "service": "teleport"}
    is_problem(client.get("/v1/stations/nearest", params=asked), 422)
