"""Isochrones, catchments and gaps of the town, drawn on its streets."""

from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest
import shapely
from sqlalchemy.orm import Session

from gis.coverage.shares import PEOPLE
from gis.errors import InvalidInputError, NotFoundError
from gis.network import nearest
from gis.scope import Scope
from gis.services.coverage_asked import CoverageQuestion, serving
from gis.services.walking import WalkingGround, read_walking_ground
from gis.services.walking_areas import (
    GapQuestion,
    Reach,
    at_point,
    at_stations,
    catchment_areas,
    gap_areas_in_line,
    gap_areas_on_foot,
    isochrone_areas,
)
from tests.streets import add_streets
from tests.town import key, lon_lat

pytestmark = pytest.mark.db

CENTRE, HUB = key("stations", "Centre"), key("stations", "Hub")
ZONE = "Asia/Shanghai"


@pytest.fixture
def ground(town_session: Session, scope: Scope) -> WalkingGround:
    add_streets(town_session, scope)
    return read_walking_ground(town_session, scope)


def everyone(ground: WalkingGround) -> "pd.Series[bool]":
    return pd.Series(data=True, index=ground.stations.index)


def test_an_isochrone_holds_the_footprints_of_those_who_are_near(ground: WalkingGround):
    reach = Reach(minutes=(3, 6))
    found = isochrone_areas(ground, at_stations(ground, [CENTRE]), reach)
    assert list(found["station_id"]) == [CENTRE] * 2
    assert list(found["walk_minutes"]) == [3, 6]
    assert list(found["distance_m"]) == [216, 432]
    row = list(ground.stations["id"]).index(CENTRE)
    walk = nearest(ground.graph, ground.homes, ground.doors.take(np.array([row])))
    for area, limit, households in zip(
        found.geometry, found["distance_m"], found["households"], strict=True
    ):
        near = walk.cost_m <= limit
        inside = shapely.contains(shapely.buffer(area, 1e-8), ground.buildings.geometry.to_numpy())
        assert (inside == near).all()
        assert households == ground.buildings["households"][near].sum()
        assert 0 < near.sum() < len(near)
    assert shapely.covers(*found.geometry[::-1])


def test_slower_people_reach_less_and_metres_mean_the_same_for_all(ground: WalkingGround):
    here = at_point(ground, lon_lat(4.5, 2))
    quick, slow = (isochrone_areas(ground, here, Reach((5,), group=g)) for g in ("adult", "frail"))
    assert slow["area_m2"][0] < quick["area_m2"][0]
    metres = isochrone_areas(ground, here, Reach(metres=(195.0,)))
    assert slow["distance_m"][0] == 195
    assert metres["area_m2"][0] == pytest.approx(slow["area_m2"][0])
    assert metres["walk_minutes"][0] == 2.7


def test_each_station_by_itself_and_all_together(ground: WalkingGround):
    both = at_stations(ground, [CENTRE, HUB, CENTRE])
    each = isochrone_areas(ground, both, Reach((6,)), each=True)
    together = isochrone_areas(ground, both, Reach((6,)))
    assert list(each["station_id"]) == [CENTRE, HUB]
    assert together["station_id"][0] is None
    assert together["households"][0] <= each["households"].sum()
    joined, whole = each.union_all(), together.geometry[0]
    differing = shapely.area(shapely.symmetric_difference(joined, whole))
    assert differing < 0.02 * shapely.area(whole)  # where both are near, the field is one


def test_one_sets_out_from_a_place_in_a_community_with_a_road_near(ground: WalkingGround):
    with pytest.raises(InvalidInputError, match="globe"):
        at_point(ground, (200.0, 31.5))
    with pytest.raises(InvalidInputError, match="none of the communities"):
        at_point(ground, (117.9, 31.5))
    vast = ground.communities.set_geometry([shapely.box(117, 31, 118, 32)] * 3)
    with pytest.raises(NotFoundError, match="No road is within reach"):
        at_point(replace(ground, communities=vast), (117.9, 31.5))
    with pytest.raises(NotFoundError):
        at_stations(ground, [key("stations", "nobody")])


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"minutes": (0.0,)}, "threshold"),
        ({"minutes": (600.0,)}, "minutes"),
        ({"metres": (float("nan"),)}, "threshold"),
        ({"group": "dog"}, "group"),
        ({"speed_m_s": 9.0}, "speed_m_s"),
        ({"speed_m_s": float("nan")}, "speed_m_s"),
    ],
)
def test_what_nobody_walks_is_refused(asked: dict[str, object], field: str):
    with pytest.raises(InvalidInputError) as caught:
        Reach(**asked)  # type: ignore[arg-type]
    assert field in str(caught.value.context.get("field"))


def test_catchments_share_the_ground_and_the_people_out(ground: WalkingGround):
    found = catchment_areas(ground, everyone(ground), Reach((15,)))
    assert found["station_id"].is_unique
    shapes = found.geometry.to_numpy()
    assert shapely.area(shapely.union_all(shapes)) == pytest.approx(shapely.area(shapes).sum())
    walk = nearest(ground.graph, ground.homes, ground.doors)
    near = walk.cost_m <= 15 * 72
    for name in PEOPLE:
        assert found[name].sum() == ground.buildings[name][near].sum()


def test_gaps_hold_those_whom_nobody_serves(
    town_session: Session, scope: Scope, ground: WalkingGround
):
    question = CoverageQuestion("police", ZONE, as_of=date(2026, 5, 6))
    mask = serving(town_session, scope, ground, question).mask
    assert list(ground.stations["id"][mask]) == [HUB]
    asked = GapQuestion(Reach(metres=(400,)))
    found = gap_areas_on_foot(ground, mask, asked)
    walk = nearest(ground.graph, ground.homes, ground.doors, mask.to_numpy())
    beyond = ~(walk.cost_m <= 400)
    assert found["households"].sum() == ground.buildings["households"][beyond].sum() > 0
    straight = gap_areas_in_line(ground, mask, asked)
    assert 0 < straight["households"].sum() <= found["households"].sum()


def test_metres_are_along_the_walk_and_minutes_count_what_is_hard(ground: WalkingGround):
    """Where every street costs twice its length, minutes reach half as far as metres do."""
    hard = replace(ground, graph=replace(ground.graph, edge_cost_m=2 * ground.graph.edge_length_m))
    walk = nearest(hard.graph, hard.homes, hard.doors)
    homes = hard.buildings["households"].to_numpy()
    limits = {"m": walk.distance_m <= 300, "min": walk.cost_m <= 300}
    assert 0 < homes[limits["min"]].sum() < homes[limits["m"]].sum() < homes.sum()
    reach = {"m": Reach(metres=(300,)), "min": Reach(minutes=(300 / 72,))}
    every = at_stations(hard, list(hard.stations["id"]))
    for unit, near in limits.items():
        inside, beyond = homes[near].sum(), homes[~near].sum()
        (row,) = isochrone_areas(hard, every, reach[unit]).to_dict("records")
        assert (row["unit"], row["distance_m"], row["households"]) == (unit, 300, inside)
        assert catchment_areas(hard, everyone(hard), reach[unit])["households"].sum() == inside
        gaps = gap_areas_on_foot(hard, everyone(hard), GapQuestion(reach[unit]))
        assert gaps["households"].sum() == beyond
    both = isochrone_areas(hard, every, Reach(metres=(300,), minutes=(300 / 72,)))
    assert list(both["unit"]) == ["m", "min"]


def test_who_leaves_by_a_door_in_a_reached_street_is_counted_in_a_gap(ground: WalkingGround):
    nobody = everyone(ground) & (ground.stations["id"] == HUB)
    outside = ground.communities.geometry.to_numpy()[0].bounds[:2]
    homes = ground.buildings.assign(entrance=shapely.Point(outside[0] - 0.001, outside[1]))
    moved = replace(ground, buildings=homes)
    gaps = gap_areas_on_foot(moved, nobody, GapQuestion(Reach(metres=(150,))))
    row = list(ground.stations["id"]).index(HUB)
    walk = nearest(ground.graph, ground.homes, ground.doors.take(np.array([row])))
    far = ~(walk.distance_m <= 150)
    assert gaps["households"].sum() == homes["households"][far].sum() > 0


def test_gaps_of_a_community_are_its_own(ground: WalkingGround):
    nobody = pd.Series(data=False, index=ground.stations.index)
    code = ground.communities["code"].iloc[0]
    asked = GapQuestion(Reach(), code)
    found = gap_areas_on_foot(ground, nobody, asked)
    own = ground.buildings["community_id"] == ground.communities["id"].iloc[0]
    assert found["households"].sum() == ground.buildings["households"][own].sum()
    outline = ground.communities.geometry.iloc[0]
    whole = shapely.area(outline)
    assert shapely.area(found.union_all()) == pytest.approx(whole, rel=1e-6)
    with pytest.raises(NotFoundError):
        gap_areas_on_foot(ground, nobody, GapQuestion(Reach(), "340102009009"))
