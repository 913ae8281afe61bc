"""The walking network of the store: built once per version of the roads, kept, read back."""

import numpy as np
import pytest
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from gis.coverage.verdicts import building_locations, lonlat_array, nearest_open_station
from gis.errors import ForbiddenError, InvalidInputError
from gis.layers.buildings import Building
from gis.layers.roads import Road
from gis.layers.stations import Station
from gis.layers.walking_networks import WalkingNetwork
from gis.network import nearest
from gis.scope import Action, Scope
from gis.services.walking import WalkingGrounds, read_walking_ground
from tests.streets import add_streets
from tests.town import key

pytestmark = pytest.mark.db


def networks(session: Session) -> int:
    return session.execute(select(func.count(WalkingNetwork.id))).scalar_one()


def test_without_roads_it_says_what_to_do(town_session: Session, scope: Scope):
    with pytest.raises(InvalidInputError, match="no road") as caught:
        read_walking_ground(town_session, scope)
    assert "import" in (caught.value.remedy or "")


def test_a_network_is_stored_once_per_version_of_the_roads(town_session: Session, scope: Scope):
    add_streets(town_session, scope)
    seen: list[str] = []
    read_walking_ground(town_session, scope)
    assert networks(town_session) == 0
    first = read_walking_ground(town_session, scope, keep=True, progress=seen.append)
    again = read_walking_ground(town_session, scope, keep=True, progress=seen.append)
    assert seen == ["read", "network", "places", "read", "places"]
    assert networks(town_session) == 1
    assert first.network_id == again.network_id
    assert np.array_equal(first.graph.node_xy_m, again.graph.node_xy_m)
    town_session.execute(update(Building).values(households=Building.households + 1))
    assert read_walking_ground(town_session, scope, keep=True).network_id == first.network_id
    town_session.execute(
        update(Road).where(Road.id == key("roads", "street 0")).values(walkable=False)
    )
    changed = read_walking_ground(town_session, scope, keep=True)
    assert changed.network_id != first.network_id
    assert changed.graph.edge_length_m.sum() < first.graph.edge_length_m.sum()


def test_everybody_walks_along_streets(town_session: Session, scope: Scope):
    add_streets(town_session, scope)
    ground = read_walking_ground(town_session, scope)
    walk = nearest(ground.graph, ground.homes, ground.doors)
    assert (walk.station >= 0).all()
    straight = nearest_open_station(
        lonlat_array(building_locations(ground.buildings)), lonlat_array(ground.stations.geometry)
    )[1]
    # Nobody walks less than the straight line, but for where a leg starts: half a square.
    assert (walk.distance_m > straight - 80).all()
    assert np.median(walk.distance_m / straight) > 1


def test_who_may_not_write_keeps_nothing(town_session: Session, scope: Scope):
    add_streets(town_session, scope)
    reader = Scope("reader", frozenset({Action.READ}), None)
    with pytest.raises(ForbiddenError):
        read_walking_ground(town_session, reader, keep=True)
    assert networks(town_session) == 0


def test_a_ground_in_memory_is_read_again_when_a_station_changes(
    town_session: Session, scope: Scope
):
    add_streets(town_session, scope)
    grounds = WalkingGrounds()
    first = grounds.current(town_session, scope)
    assert grounds.current(town_session, scope) is first
    town_session.execute(update(Station).values(version=Station.version + 1))
    assert grounds.current(town_session, scope) is not first
