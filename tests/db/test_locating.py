"""Whose grid, and which station: the database's answers against brute force."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
import shapely
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pyproj import Geod
from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from gis.database.engine import session_factory, transaction
from gis.errors import InvalidInputError
from gis.hours import OpeningState, open_state
from gis.layers import stations
from gis.layers.demands import Demand
from gis.layers.grids import Where, read_grids
from gis.layers.incidents import Incident
from gis.layers.stations import Place, Station, StationService
from gis.scope import Scope
from gis.services.locating import assign_layer, locate, nearest_stations
from gis.services.opening import read_calendar
from tests.db.layer_calls import ALL, OF_A, OF_GRID_A, B
from tests.town import HORIZON, STATIONS, TIMEZONE, grid_id, key, lon_lat, town_dataset

pytestmark = pytest.mark.db
GEOD = Geod(ellps="WGS84")
DAY = date(2026, 6, 1)
OF_B = Scope("bob", ALL, frozenset({B}))
x_of_town = st.floats(-1, 11)
y_of_town = st.floats(-1, 5)


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(x=x_of_town, y=y_of_town)
@example(x=0.0, y=-5e-11)  # outside by a nanometre
def test_a_point_has_exactly_one_grid_or_a_reason(town_engine, x, y):
    lon, lat = lon_lat(x, y)
    with Session(town_engine) as session:
        scope = Scope.local_owner()
        grids = read_grids(session, scope, "community", DAY)
        found = locate(session, scope, Where(lon, lat, "community", DAY))
        touching = grids[grids.intersects(shapely.Point(lon, lat))].sort_values("code")
        if len(touching):
            assert found.grid_id == touching["id"].iloc[0]
            assert found.reason is None
        else:
            inside = town_dataset().layers["communities"].intersects(shapely.Point(lon, lat)).any()
            assert found.grid_id is None
            assert found.reason == ("no_plan_in_effect" if inside else "outside_all_communities")


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(
    x=x_of_town, y=y_of_town, bound=st.sampled_from([OF_A, OF_B, OF_GRID_A]), secured=st.booleans()
)
def test_of_others_ground_nothing_is_told(town_engine, x, y, bound, secured):
    lon, lat = lon_lat(x, y)
    where = Where(lon, lat, "community", DAY, snap_m=100, near_m=100)
    owner = Scope.local_owner()
    factory = session_factory(town_engine)
    # The query answers so by itself, and row-level security beneath it changes nothing.
    with transaction(factory, bound if secured else owner) as session:
        found = locate(session, bound, where)
    with transaction(factory, owner) as session:
        grids = read_grids(session, owner, "community", DAY)
    own = grids[grids["community_id"].isin(bound.community_ids) | grids["id"].isin(bound.grid_ids)]
    touching = own[own.intersects(shapely.Point(lon, lat))].sort_values("code")
    if len(touching):
        assert found.grid_id == touching["id"].iloc[0]
    assert {found.grid_id, found.neighbour_id} - {None} <= set(own["id"])
    assert found.grid_id is None or found.snapped_m is None or found.snapped_m <= 100
    communities = town_dataset().layers["communities"]
    mine = communities[communities["id"].isin(bound.community_ids)]
    if found.grid_id is None:
        inside = mine.intersects(shapely.Point(lon, lat)).any()
        assert found.reason == ("no_plan_in_effect" if inside else "outside_all_communities")


def test_who_has_a_community_is_told_that_it_has_no_plan(town_session: Session):
    before = Where(*lon_lat(0.5, 0.5), "community", date(2024, 6, 1))
    assert locate(town_session, OF_A, before).reason == "no_plan_in_effect"
    assert locate(town_session, OF_B, before).reason == "outside_all_communities"


def test_a_border_belongs_to_the_lowest_code_and_names_the_neighbour(
    town_session: Session, scope: Scope
):
    found = locate(town_session, scope, Where(*lon_lat(2, 1.5), "community", DAY))
    assert found.grid_id == grid_id("plan", "a")
    assert found.neighbour_id == grid_id("plan", "b")
    assert found.border_m == 0
    inside = locate(town_session, scope, Where(*lon_lat(1.97, 1.5), "community", DAY, near_m=5))
    assert inside.neighbour_id == grid_id("plan", "b")
    assert inside.border_m == pytest.approx(
        GEOD.inv(*lon_lat(1.97, 1.5), *lon_lat(2, 1.5))[2], abs=0.01
    )
    far = locate(town_session, scope, Where(*lon_lat(1.5, 1.5), "community", DAY, near_m=5))
    assert far.neighbour_id is None


def test_a_point_outside_is_snapped_within_the_limit_only(town_session: Session, scope: Scope):
    outside = lon_lat(1.0, -0.05)  # 5.5 m north of grid a
    near = locate(town_session, scope, Where(*outside, "community", DAY, snap_m=10))
    assert near.grid_id == grid_id("plan", "a")
    assert near.snapped_m == pytest.approx(GEOD.inv(*outside, *lon_lat(1.0, 0))[2], abs=0.01)
    far = locate(town_session, scope, Where(*outside, "community", DAY, snap_m=5))
    assert (far.grid_id, far.reason) == (None, "outside_all_communities")


def test_whose_grid_it_was_on_another_day(town_session: Session, scope: Scope):
    place = lon_lat(0.5, 0.5)
    then = locate(town_session, scope, Where(*place, "community", date(2025, 6, 1)))
    now = locate(town_session, scope, Where(*place, "community", DAY))
    never = locate(town_session, scope, Where(*place, "community", date(2024, 6, 1)))
    assert then.plan_id == key("plans", "old")
    assert now.plan_id == key("plans", "plan")
    assert (never.grid_id, never.reason) == (None, "no_plan_in_effect")


@pytest.mark.parametrize(
    ("lon", "lat"),
    [(float("nan"), 31.0), (117.0, float("inf")), (181.0, 31.0), (31.8, 117.3), (0.0, -90.1)],
)
def test_a_place_off_the_globe_is_refused(town_session: Session, scope: Scope, lon, lat):
    with pytest.raises(InvalidInputError, match="not a place on the globe"):
        locate(town_session, scope, Where(lon, lat, "community", DAY))
    with pytest.raises(InvalidInputError, match="not a place on the globe"):
        nearest_stations(
            town_session, scope, Place(lon, lat, "affairs", HORIZON[0]), timezone=TIMEZONE
        )


def brute_force(session: Session, scope: Scope, place: Place) -> list[tuple[str, float]]:
    """Every station by the library's word for that one moment, measured on the spheroid."""
    calendar = read_calendar(session, scope)
    found = []
    for row in STATIONS:
        if place.service not in row.services:
            continue
        day = place.at.astimezone(tz=None).date()
        if row.status == "planned" and (row.opens_on is None or row.opens_on > day):
            continue
        if row.closes_on is not None and row.closes_on <= day:
            continue
        state = open_state(
            row.services[place.service], place.at, timezone=TIMEZONE, calendar=calendar
        )
        if state.state is OpeningState.OPEN:
            metres = GEOD.inv(place.lon, place.lat, *lon_lat(row.x, row.y))[2]
            found.append((key("stations", row.name), metres))
    return sorted(found, key=lambda pair: (pair[1], pair[0]))


@pytest.mark.slow
@settings(max_examples=80, deadline=None)
@given(
    x=x_of_town,
    y=y_of_town,
    minutes=st.integers(0, 364 * 24 * 60),
    service=st.sampled_from(["affairs", "canteen", "police", "rest_stop", "health", "mediation"]),
)
def test_the_nearest_station_is_that_of_brute_force(town_engine, x, y, minutes, service):
    place = Place(*lon_lat(x, y), service, HORIZON[0] + timedelta(minutes=minutes))
    with Session(town_engine) as session:
        scope = Scope.local_owner()
        expected = brute_force(session, scope, place)
        answer = nearest_stations(session, scope, place, timezone=TIMEZONE, limit=3)
        found = [(s.station_id, s.distance_m) for s in answer.stations]
        assert [s for s, _ in found] == [s for s, _ in expected[:3]]
        assert [m for _, m in found] == pytest.approx([m for _, m in expected[:3]], abs=1e-3)
        assert answer.within_horizon
        assert (answer.reason is None) == bool(found)


def test_at_22_most_are_closed(town_session: Session, scope: Scope):
    late = datetime(2026, 6, 1, 14, tzinfo=UTC)  # 22:00 in the town
    place = Place(*lon_lat(1.3, 0.7), "affairs", late)
    answer = nearest_stations(town_session, scope, place, timezone=TIMEZONE)
    assert (answer.stations, answer.reason) == ([], "none_open")
    hub = nearest_stations(
        town_session, scope, Place(*lon_lat(1.3, 0.7), "police", late), timezone=TIMEZONE
    )
    assert [s.name for s in hub.stations] == ["Hub"]


def test_hours_that_nobody_stated_are_said_to_be_unknown(town_session: Session, scope: Scope):
    place = Place(*lon_lat(1, 1), "health", datetime(2026, 6, 1, 4, tzinfo=UTC))
    answer = nearest_stations(town_session, scope, place, timezone=TIMEZONE)
    assert (answer.stations, answer.reason, answer.hours_unknown) == ([], "hours_unknown", 1)


def test_beyond_the_horizon_the_hours_are_read_for_that_moment(town_session: Session, scope: Scope):
    later = datetime(2029, 6, 4, 2, tzinfo=UTC)  # a Monday, 10:00 in the town
    place = Place(*lon_lat(1.3, 0.7), "affairs", later)
    answer = nearest_stations(town_session, scope, place, timezone=TIMEZONE, limit=9)
    assert not answer.within_horizon
    assert not answer.calendar_verified
    assert [s.name for s in answer.stations] == ["Centre", "West office", "East office"]


def test_a_moment_without_a_zone_is_refused(town_session: Session, scope: Scope):
    with pytest.raises(InvalidInputError, match="no time zone"):
        nearest_stations(
            town_session,
            scope,
            Place(117.3, 31.8, "affairs", datetime(2026, 6, 1, 10)),  # noqa: DTZ001 - the case
            timezone=TIMEZONE,
        )


def test_many_stations_are_ordered_on_the_spheroid(town_session: Session, scope: Scope):
    """Stations on a ring, 0.05 % apart: an order on a sphere or in degrees is wrong for many."""
    rng = np.random.default_rng(5)
    lon, lat = lon_lat(5, 2)
    town_session.execute(text("DELETE FROM stations"))
    places = {}
    for i, azimuth in enumerate(rng.uniform(0, 360, 200)):
        metres = 40_000 * (1 + 0.0005 * int(rng.integers(0, 8)))
        x, y, _ = GEOD.fwd(lon, lat, azimuth, metres)
        places[key("stations", f"ring {i}")] = GEOD.inv(lon, lat, x, y)[2]
        town_session.execute(
            text(
                "INSERT INTO stations (id, name, tier, geometry)"
                " VALUES (:id, :id, 'hub', ST_SetSRID(ST_MakePoint(:x, :y), 4326))"
            ),
            {"id": key("stations", f"ring {i}"), "x": x, "y": y},
        )
    town_session.execute(
        text(
            "INSERT INTO station_services (station_id, service, opening_hours)"
            " SELECT id, 'police', '24/7' FROM stations"
        )
    )
    town_session.execute(
        text(
            "INSERT INTO station_open_intervals (station_id, service, during)"
            " SELECT id, 'police', tstzrange('2026-01-01', '2026-12-31') FROM stations"
        )
    )
    place = Place(lon, lat, "police", datetime(2026, 6, 1, tzinfo=UTC))
    answer = stations.nearest_open(town_session, scope, place, timezone=TIMEZONE, limit=25)
    assert [s.distance_m for s in answer] == pytest.approx(sorted(places.values())[:25], abs=1e-3)
    assert [places[s.station_id] for s in answer] == pytest.approx(
        [s.distance_m for s in answer], abs=1e-3
    )
    assert len({s.station_id for s in answer}) == 25


@pytest.mark.parametrize(("layer", "model"), [("incidents", Incident), ("demands", Demand)])
def test_a_layer_is_assigned_as_a_set_just_as_point_by_point(
    town_session: Session, scope: Scope, layer, model
):
    count = assign_layer(town_session, scope, layer, timezone=TIMEZONE, only_unassigned=False)
    rows = town_session.execute(select(model)).scalars().all()
    assert count == len(rows) > 30
    answers = set()
    for row in rows:
        town_session.refresh(row)
        lon, lat = shapely.get_coordinates(shapely.from_wkb(bytes(row.geometry.data)))[0]
        day = (row.occurred_at + timedelta(hours=8)).date()
        located = locate(town_session, scope, Where(lon, lat, "community", day))
        assert (row.grid_id, row.no_grid_reason) == (located.grid_id, located.reason)
        near = nearest_stations(
            town_session, scope, Place(lon, lat, row.service, row.occurred_at), timezone=TIMEZONE
        )
        best = near.stations[0] if near.stations else None
        assert row.station_id == (best and best.station_id)
        assert row.no_station_reason == near.reason
        if best:
            assert row.distance_m == pytest.approx(best.distance_m, abs=1e-3)
            assert row.distance_method == "straight_line"
        answers.add((row.no_grid_reason, row.no_station_reason))
    assert {grid for grid, _ in answers} >= {None, "outside_all_communities", "no_plan_in_effect"}
    assert {station for _, station in answers} >= {None, "none_open"}
    assert assign_layer(town_session, scope, layer, timezone=TIMEZONE) == 0  # nothing is left


def test_a_closed_station_served_before_its_last_day(town_session: Session, scope: Scope):
    town_session.execute(
        update(Station).where(Station.name == "Old office").values(closes_on=date(2026, 3, 1))
    )
    night = Place(*lon_lat(1.4, 1.1), "affairs", datetime(2026, 2, 1, 19, tzinfo=UTC))
    after = Place(*lon_lat(1.4, 1.1), "affairs", datetime(2026, 3, 1, 19, tzinfo=UTC))
    before = nearest_stations(town_session, scope, night, timezone=TIMEZONE)
    assert [s.name for s in before.stations] == ["Old office"]
    assert not nearest_stations(town_session, scope, after, timezone=TIMEZONE).stations


def test_services_belong_to_their_station(town_session: Session):
    orphans = select(StationService).where(StationService.station_id.not_in(select(Station.id)))
    assert not town_session.execute(orphans).all()


def test_batch_and_point_give_the_same_reason_where_no_station_is_in_service(
    town_session: Session, scope: Scope
):
    """Only a planned station offers elderly care, only an unknown one health, nobody mediation."""
    for service, reason in [
        ("elderly_care", "no_station_offers"),
        ("mediation", "no_station_offers"),
        ("health", "hours_unknown"),
    ]:
        town_session.execute(update(Demand).values(service=service, assigned_at=None))
        assign_layer(town_session, scope, "demands", timezone=TIMEZONE)
        reasons = town_session.execute(select(Demand.no_station_reason).distinct()).scalars().all()
        assert reasons == [reason]
        place = Place(*lon_lat(1, 1), service, datetime(2026, 6, 1, 4, tzinfo=UTC))
        assert nearest_stations(town_session, scope, place, timezone=TIMEZONE).reason == reason
