"""People and limited room: against a linear program, and properties that hold for every answer."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from gis.coverage.capacity import NO_ROOM, NO_STATION_WITHIN_LIMIT, place_pairs, place_people
from gis.coverage.transport import least_walk
from gis.errors import InvalidInputError
from gis.network.walking import PairTable
from tests.geometry.coverage_ground import ground_of, houses, key, stands

pytestmark = pytest.mark.geometry

STREET = [(0, 0), (1000, 0)]


def pairs_of(rng: np.random.Generator, buildings: int, stations: int, keep: float = 0.7):
    """Return pairs at costs in whole decimetres, many of them equal."""
    chosen = rng.random((buildings, stations)) < keep
    origin, station = np.nonzero(chosen)
    cost = rng.integers(0, 40, len(origin)) * rng.choice([0.1, 25.0])
    shuffled = rng.permutation(len(origin))
    return origin[shuffled], station[shuffled], cost[shuffled]


def by_program(demand, room, origin, station, cost) -> tuple[float, float]:
    """Return how many can be placed, and the least walk that places so many, by two programs."""
    count = len(origin)
    if count == 0:
        return 0.0, 0.0
    rows = np.zeros((len(demand) + len(room), count))
    rows[origin, np.arange(count)] = 1
    rows[len(demand) + station, np.arange(count)] = 1
    limits = np.concatenate([demand, room]).astype(float)
    most = -linprog(-np.ones(count), A_ub=rows, b_ub=limits, method="highs").fun
    least = linprog(
        cost, A_ub=rows, b_ub=limits, A_eq=np.ones((1, count)), b_eq=[most], method="highs"
    )
    return most, least.fun


@settings(max_examples=50, deadline=None)
@given(
    st.integers(0, 2**32 - 1), st.integers(0, 12), st.integers(1, 6), st.sampled_from([0.3, 0.8, 1])
)
def test_as_many_as_possible_and_then_the_least_walk(seed, buildings, stations, keep):
    rng = np.random.default_rng(seed)
    demand = rng.integers(0, 9, buildings)
    room = rng.integers(0, 25, stations) * (rng.random(stations) < 0.8)
    origin, station, cost = pairs_of(rng, buildings, stations, keep)
    flow = least_walk(demand, room, origin, station, cost)
    assert (flow.people >= 0).all()
    assert (flow.left_out >= 0).all()
    placed = np.bincount(origin, flow.people, buildings)
    assert (placed + flow.left_out == demand).all()
    assert (np.bincount(station, flow.people, stations) <= room).all()
    most, least = by_program(demand, room, origin, station, cost)
    assert flow.people.sum() == pytest.approx(most)
    assert flow.cost_m == pytest.approx(least, abs=1e-6)
    assert flow.gap_m == 0


def test_the_bound_is_reached_on_a_larger_case():
    rng = np.random.default_rng(7)
    at, spots = rng.uniform(0, 3000, (3000, 2)), rng.uniform(0, 3000, (25, 2))
    metres = np.hypot(*(at[:, None] - spots[None]).transpose(2, 0, 1))
    origin, station = np.nonzero(metres <= 1500)
    demand = rng.integers(1, 60, 3000)
    for load in (0.8, 1.3):
        room = np.floor(rng.dirichlet(np.full(25, 2.0)) * demand.sum() / load)
        flow = least_walk(demand, room, origin, station, metres[origin, station])
        assert flow.gap_m == 0
        assert (np.bincount(station, flow.people, 25) <= room).all()


def test_the_order_of_pairs_does_not_matter():
    rng = np.random.default_rng(3)
    demand, room = rng.integers(0, 9, 20), rng.integers(0, 30, 4)
    origin, station, cost = pairs_of(rng, 20, 4)
    first = least_walk(demand, room, origin, station, cost)
    turned = least_walk(demand, room, origin[::-1], station[::-1], cost[::-1])
    assert (turned.people[::-1] == first.people).all()


@pytest.mark.parametrize(
    ("demand", "room", "pairs", "message"),
    [
        ([1.5], [1], ([0], [0], [1]), "demand"),
        ([1], [-1], ([0], [0], [1]), "room"),
        ([np.nan], [1], ([0], [0], [1]), "demand"),
        ([1], [1], ([0], [0], [np.nan]), "Pair 1"),
        ([1], [1], ([1], [0], [1]), "Pair 1"),
        ([1], [1], ([0, 0], [0, 0], [1, 2]), "twice"),
        ([1], [1], ([0, 0], [0], [1]), "length"),
    ],
)
def test_what_cannot_be_counted_is_refused(demand, room, pairs, message):
    with pytest.raises(InvalidInputError, match=message):
        least_walk(demand, room, *pairs)


@pytest.fixture(scope="module")
def street():
    buildings = houses({"a": (100, 10), "b": (300, 10), "c": (900, 10), "far": (500, 900)})
    stations = stands({"west": (0, 0), "middle": (500, 0), "east": (1000, 0)})
    return ground_of(buildings, stations, STREET)


def counts(ground, **values: int) -> pd.Series:
    names = {key("buildings", name): value for name, value in values.items()}
    return ground.buildings.map(names).fillna(0).astype("int64")


def room_of(ground, **values: int | None) -> pd.Series:
    names = {key("stations", name): value for name, value in values.items()}
    return ground.stations.map(names).astype("Int64")


def test_who_goes_further_and_who_is_left_out(street):
    demand = counts(street, a=10, b=10, c=10, far=5)
    plan = place_people(street, demand, room_of(street, west=4, middle=12, east=0), 1000)
    assert plan.gap_m == 0
    told = plan.stations.set_axis(["west", "middle", "east"])
    assert told["people"].to_dict() == {"west": 4, "middle": 12, "east": 0}
    assert told["free"].to_dict() == {"west": 0, "middle": 0, "east": 0}
    assert told["nearest_to"].to_dict() == {"west": 10, "middle": 10, "east": 10}
    assert told.loc["east", "sent_on"] == 10  # capacity zero: nobody
    left = dict(zip(plan.left_out["building_id"], plan.left_out["people"], strict=True))
    reason = dict(zip(plan.left_out["building_id"], plan.left_out["reason"], strict=True))
    assert left[key("buildings", "far")] == 5
    assert reason[key("buildings", "far")] == NO_STATION_WITHIN_LIMIT
    assert sum(left.values()) == 35 - 16
    assert set(reason.values()) == {NO_STATION_WITHIN_LIMIT, NO_ROOM}
    spill = plan.spill
    assert spill["people"].sum() == plan.stations["taken_in"].sum()
    assert (spill["mean_further_m"] > 0).all()
    assert (spill["from_station_id"] != spill["to_station_id"]).all()


def test_a_station_without_a_stated_limit_takes_everybody(street):
    demand = counts(street, a=1000, b=1000, c=1000)
    plan = place_people(street, demand, room_of(street, west=None, middle=None, east=None), 2000)
    assert plan.left_out.empty
    assert plan.spill.empty
    assert plan.stations["free"].isna().all()
    assert (plan.placements["further_m"] == 0).all()
    assert plan.cost_m == pytest.approx(
        (plan.placements["people"] * plan.placements["cost_m"]).sum(), abs=200
    )


def test_nobody_wants_it_and_nobody_offers_it(street):
    nobody = place_people(street, counts(street), room_of(street, west=3, middle=3, east=3), 500)
    assert nobody.placements.empty
    assert nobody.left_out.empty
    assert nobody.cost_m == 0
    none = PairTable(np.zeros(0, int), np.zeros(0, int), np.zeros(0), np.zeros(0))
    plan = place_pairs(
        street.buildings,
        street.stations.iloc[:0],
        counts(street, a=2),
        pd.Series([], dtype="Int64", index=street.stations.index[:0]),
        none,
    )
    assert plan.left_out["reason"].tolist() == [NO_STATION_WITHIN_LIMIT]


def test_series_of_something_else_are_refused(street):
    demand, room = counts(street, a=1), room_of(street, west=1, middle=1, east=1)
    with pytest.raises(InvalidInputError, match="demand"):
        place_people(street, demand.iloc[:2], room, 500)
    with pytest.raises(InvalidInputError, match="room"):
        place_people(street, demand, room.iloc[:2], 500)
    with pytest.raises(InvalidInputError, match="demand"):
        place_people(street, demand.astype("Int64").where(demand > 0), room, 500)
