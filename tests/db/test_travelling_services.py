"""A service that only travels is none to walk to: nearest station, assignment, circles."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from gis.layers import stations
from gis.layers.demands import Demand
from gis.layers.stations import Place, StationOpenInterval, StationService
from gis.scope import Scope
from gis.services.covering import CoverageOrder, read_coverage
from gis.services.locating import assign_layer, nearest_stations
from gis.services.opening import expand_open_intervals
from tests.town import HORIZON, TIMEZONE, key, lon_lat

pytestmark = pytest.mark.db

CENTRE, WEST = key("stations", "Centre"), key("stations", "West office")
#: A Wednesday at 11:00 where the town is: the canteen cooks and every office is open.
NOON = datetime(2026, 5, 6, 3, tzinfo=UTC)
BEYOND = datetime(2030, 5, 8, 3, tzinfo=UTC)


def travels(session: Session, scope: Scope, station: str, service: str, mode: str) -> None:
    session.execute(
        update(StationService)
        .where(StationService.station_id == station, StationService.service == service)
        .values(mode=mode)
    )
    expand_open_intervals(session, scope, timezone=TIMEZONE, start=HORIZON[0], end=HORIZON[1])


def asked(service: str, at: datetime = NOON) -> Place:
    return Place(*lon_lat(1.3, 0.7), service, at)


@pytest.mark.slow
@pytest.mark.parametrize("at", [NOON, BEYOND])
def test_the_nearest_station_is_one_that_people_can_go_to(
    town_session: Session, scope: Scope, at: datetime
):
    def found(service: str) -> list[str]:
        near = nearest_stations(town_session, scope, asked(service, at), timezone=TIMEZONE, limit=9)
        return [one.name for one in near.stations]

    everyone = found("affairs")
    assert everyone[0] == "Centre"
    travels(town_session, scope, CENTRE, "affairs", "both")
    assert found("affairs") == everyone
    travels(town_session, scope, CENTRE, "affairs", "delivery")
    assert found("affairs") == everyone[1:]


def test_where_a_service_only_travels_no_station_offers_it(town_session: Session, scope: Scope):
    for station in (CENTRE, key("stations", "Noodle shop")):
        travels(town_session, scope, station, "canteen", "delivery")
    near = nearest_stations(town_session, scope, asked("canteen"), timezone=TIMEZONE)
    assert (near.stations, near.reason, near.hours_unknown) == ([], "no_station_offers", 0)


def test_it_has_no_hours_in_which_it_is_open_to_walkers(town_session: Session, scope: Scope):
    travels(town_session, scope, CENTRE, "canteen", "delivery")
    laid_out = town_session.execute(
        select(StationOpenInterval.service)
        .where(StationOpenInterval.station_id == CENTRE)
        .distinct()
    ).scalars()
    assert set(laid_out) == {"affairs"}
    assert CENTRE not in stations.able_at(town_session, scope, "canteen", NOON, TIMEZONE)
    assert CENTRE in stations.able_at(town_session, scope, None, NOON, TIMEZONE)
    travels(town_session, scope, CENTRE, "affairs", "delivery")
    assert CENTRE not in stations.able_at(town_session, scope, None, NOON, TIMEZONE)


def test_without_hours_it_is_left_out_too(town_session: Session, scope: Scope):
    day = NOON.date()
    assert CENTRE in stations.in_service_on(town_session, scope, "canteen", day)
    travels(town_session, scope, CENTRE, "canteen", "delivery")
    assert CENTRE not in stations.in_service_on(town_session, scope, "canteen", day)
    assert CENTRE in stations.in_service_on(town_session, scope, None, day)
    travels(town_session, scope, CENTRE, "affairs", "delivery")
    assert CENTRE not in stations.in_service_on(town_session, scope, None, day)


def test_nobody_is_covered_by_it_in_a_straight_line(town_session: Session, scope: Scope):
    order = CoverageOrder(TIMEZONE, services=("affairs", "any"), moments=(NOON,))
    before = read_coverage(town_session, scope, order)
    assert all(CENTRE in stations for stations in before.serving.values())
    for service in ("affairs", "canteen"):
        travels(town_session, scope, CENTRE, service, "delivery")
    after = read_coverage(town_session, scope, order)
    assert not any(CENTRE in stations for stations in after.serving.values())
    assert not (after.nearest == CENTRE).any(axis=None)


def test_a_service_that_only_travels_is_not_offered_as_a_layer_of_circles(
    town_session: Session, scope: Scope
):
    for station in (CENTRE, key("stations", "Noodle shop")):
        travels(town_session, scope, station, "canteen", "delivery")
    view = read_coverage(town_session, scope, CoverageOrder(TIMEZONE))
    assert "canteen" not in {scenario.service for scenario in view.scenarios}


def test_a_matter_is_not_assigned_to_it(town_session: Session, scope: Scope):
    matters = select(Demand.station_id, Demand.no_station_reason).where(Demand.service == "canteen")
    town_session.execute(update(Demand).values(service="canteen", occurred_at=NOON))
    assign_layer(town_session, scope, "demands", timezone=TIMEZONE, only_unassigned=False)
    assert {tuple(row) for row in town_session.execute(matters)} == {(CENTRE, None)}
    for station in (CENTRE, key("stations", "Noodle shop")):
        travels(town_session, scope, station, "canteen", "delivery")
    assign_layer(town_session, scope, "demands", timezone=TIMEZONE, only_unassigned=False)
    assert {tuple(row) for row in town_session.execute(matters)} == {(None, "no_station_offers")}
