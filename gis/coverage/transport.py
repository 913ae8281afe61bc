"""Who goes where when stations have limited room: minimum cost flow, in machine code.

People of a building go to stations that they can reach, or nowhere at a cost above any detour, so
that as many as possible find room and, of all ways to do that, the least is walked. Everybody
begins at the nearest station; then the people who are too many at one are moved along the cheapest
chain of stations to one that has room (successive shortest paths with potentials). A chain is
sought among stations only, since the cheapest move from one station to another is known for each
pair of stations; the buildings do not enter the search.

The compiled functions call each other, so they live in this one module.

Source: Ahuja, Magnanti, Orlin, Network Flows (1993), sections 9.7 and 9.8.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gis.districting.compiled import compiled
from gis.errors import InvalidInputError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Ints = NDArray[np.int64]
    Bools = NDArray[np.bool_]
    #: First pair of each building; then of each pair: building, station, cost in decimetres.
    Pairs = tuple[Ints, Ints, Ints, Ints]
    #: First place of each station in a list of pairs, and that list.
    Grouped = tuple[Ints, Ints]
    Members = tuple[Ints, Ints, Ints, Bools]
    Moves = tuple[Ints, Ints, Ints]

#: Costs are compared in whole decimetres, so that sums are exact.
_UNITS_PER_M = 10
_FAR = np.int64(1) << np.int64(60)


@dataclass(frozen=True, eq=False)
class Flow:
    """Who goes where, and a proof that no other way walks less.

    Parameters
    ----------
    people
        ``(p,)`` people on each pair that was given, in the order given.
    left_out
        ``(k,)`` people of each building who go nowhere.
    cost_m
        Metres that all who go walk together, rounded to decimetres per pair.
    gap_m
        Cost less its lower bound by duality; 0 proves that it is the least.
    """

    people: "Ints"
    left_out: "Ints"
    cost_m: float
    gap_m: float


def least_walk(
    demand: "ArrayLike",
    room: "ArrayLike",
    origin: "ArrayLike",
    station: "ArrayLike",
    cost_m: "ArrayLike",
) -> Flow:
    """Place as many people as there is room for, and of all ways to do that the one least walked.

    The people of a building may be divided.

    Parameters
    ----------
    demand
        ``(k,)`` people of each building, whole and not negative.
    room
        ``(s,)`` people that each station takes, whole and not negative.
    origin, station, cost_m
        ``(p,)`` each: which building reaches which station, and at what cost in metres; at most
        one pair for a building and a station. Costs count in whole decimetres.

    Raises
    ------
    gis.errors.InvalidInputError
        A number is negative, not whole or not finite; an index is out of range; a pair comes twice.
    """
    people, places = _whole(demand, "demand"), _whole(room, "room")
    i, j, cost = _pairs(origin, station, cost_m, len(people), len(places))
    # Buildings one after the other, and of each the nearest station first.
    order = np.lexsort((j, cost, i))
    i, j, cost = i[order], j[order], cost[order]
    starts = np.searchsorted(i, np.arange(len(people) + 1))
    by_station = np.argsort(j, kind="stable")
    station_starts = np.searchsorted(j[by_station], np.arange(len(places) + 1))
    # More than any chain of moves can cost: nobody stays out to spare others a walk.
    nowhere = (len(places) + 1) * (int(cost.max(initial=0)) + 1)
    flow, left_out = np.zeros(len(i), np.int64), np.zeros(len(people), np.int64)
    first = starts[:-1][np.diff(starts) > 0]
    flow[first] = people[i[first]]
    lonely = np.diff(starts) == 0
    left_out[lonely] = people[lonely]
    price = _flow(
        (starts, i, j, cost), (station_starts, by_station), places, nowhere, (flow, left_out)
    )
    spent = int(flow @ cost)
    gap = (
        spent
        + int(left_out @ np.full(len(people), nowhere))
        - _bound(people, places, (starts, j, cost), price, int(nowhere))
    )
    placed = np.zeros(len(i), np.int64)
    placed[order] = flow
    return Flow(placed, left_out, spent / _UNITS_PER_M, gap / _UNITS_PER_M)


def _bound(
    people: "Ints",
    places: "Ints",
    pairs: "tuple[Ints, Ints, Ints]",
    price: "Ints",
    nowhere: int,
) -> int:
    """Return the value of the dual: each building at its cheapest, less what the room is worth."""
    starts, station, cost = pairs
    least = np.full(len(people), nowhere, np.int64)
    held = np.flatnonzero(np.diff(starts) > 0)
    if len(held):
        told = np.minimum.reduceat(cost + price[station], starts[held])
        least[held] = np.minimum(told, nowhere)
    return int(people @ least) - int(places @ price)


def _whole(values: "ArrayLike", name: str) -> "Ints":
    array = np.asarray(values, dtype=float)
    bad = np.flatnonzero(~(np.isfinite(array) & (array >= 0) & (array == np.floor(array))))
    if array.ndim != 1 or len(bad):
        row = f" in row {int(bad[0]) + 1}" if len(bad) else ""
        msg = f"{name} is no list of whole numbers from 0 on{row}."
        raise InvalidInputError(msg, remedy="Count people in whole numbers.", field=name)
    return array.astype(np.int64)


def _pairs(
    origin: "ArrayLike", station: "ArrayLike", cost_m: "ArrayLike", buildings: int, stations: int
) -> "tuple[Ints, Ints, Ints]":
    i, j = np.asarray(origin, np.int64).ravel(), np.asarray(station, np.int64).ravel()
    cost = np.asarray(cost_m, float).ravel()
    if not len(i) == len(j) == len(cost):
        msg = f"Pairs need one origin, station and cost each, not {len(i)}, {len(j)}, {len(cost)}."
        raise InvalidInputError(msg, remedy="Pass arrays of one length.", field="pairs")
    bad = (i < 0) | (i >= buildings) | (j < 0) | (j >= stations)
    bad |= ~(np.isfinite(cost) & (cost >= 0))
    if bad.any():
        msg = f"Pair {int(np.flatnonzero(bad)[0]) + 1} is out of range or has no cost."
        raise InvalidInputError(
            msg, remedy="Pass rows of demand and room, and metres from 0 on.", field="pairs"
        )
    if len(np.unique(i * max(stations, 1) + j)) < len(i):
        msg = "A building and a station are a pair twice."
        raise InvalidInputError(msg, remedy="Keep the cheaper one.", field="pairs")
    return i, j, np.rint(cost * _UNITS_PER_M).astype(np.int64)


@compiled
def _flow(
    pairs: "Pairs", by_station: "Grouped", places: "Ints", nowhere: int, out: "tuple[Ints, Ints]"
) -> "Ints":
    """Move those who are too many; changes ``out`` (people, left_out) and returns the prices.

    ``moves`` are for stations (j, k) the least cost of moving somebody from j to k, the pair that
    loses and the pair that gains; the last k is nowhere.
    """
    station, people, count = pairs[2], out[0], len(places)
    excess = -places
    for pair in range(len(people)):
        excess[station[pair]] += people[pair]
    moves = (
        np.full((count, count + 1), _FAR),
        np.full((count, count + 1), -1),
        np.full((count, count + 1), -1),
    )
    # The pairs that people go on, one station's after the other's; those that they no longer go
    # on are struck when the station is looked at again.
    listed, size = by_station[1].copy(), np.zeros(count, np.int64)
    members = (by_station[0], listed, size, np.zeros(len(people), np.bool_))
    for pair in range(len(people)):
        if people[pair] > 0:
            _enter(pair, station[pair], members)
            _offer(pair, pairs, nowhere, moves)
    potential, distance = np.zeros(count + 1, np.int64), np.full(count + 1, _FAR)
    before = np.full(count + 1, -1)
    for j in range(count):
        while excess[j] > 0:
            end = _chain(j, excess, moves[0], potential, distance, before)
            moved = _able(j, end, excess, people, before, moves[1])
            excess[j] -= moved
            if end < count:
                excess[end] += moved
            _along(j, end, moved, before, pairs, nowhere, out, members, moves)
    price = np.zeros(count, np.int64)
    for j in range(count):
        price[j] = potential[count] - potential[j]
    return price


@compiled
def _chain(
    source: int, excess: "Ints", least: "Ints", potential: "Ints", distance: "Ints", before: "Ints"
) -> int:
    """Return the nearest station with room, or nowhere, by Dijkstra; keeps the potentials right."""
    count = len(least)
    settled = np.zeros(count + 1, np.bool_)
    for k in range(count + 1):
        distance[k] = _FAR
        before[k] = -1
    distance[source] = 0
    end = source
    while True:
        at = -1
        for k in range(count + 1):
            if not settled[k] and (at < 0 or distance[k] < distance[at]):
                at = k
        settled[at] = True
        if at == count or excess[at] < 0:
            end = at
            break
        _relax(at, settled, least, potential, distance, before)
    for k in range(count + 1):
        potential[k] += min(distance[k], distance[end])
    return end


@compiled
def _relax(
    at: int, settled: "Bools", least: "Ints", potential: "Ints", distance: "Ints", before: "Ints"
) -> None:
    for k in range(least.shape[1]):
        if settled[k] or least[at, k] == _FAR:
            continue
        told = distance[at] + least[at, k] + potential[at] - potential[k]
        if told < distance[k]:
            distance[k] = told
            before[k] = at


@compiled
def _able(j: int, end: int, excess: "Ints", people: "Ints", before: "Ints", taken: "Ints") -> int:
    """Return how many people can be moved along a chain."""
    moved = excess[j]
    if end < len(excess):
        moved = min(moved, -excess[end])
    k = end
    while k != j:
        moved = min(moved, people[taken[before[k], k]])
        k = before[k]
    return int(moved)


@compiled
def _along(  # noqa: PLR0913, PLR0917 - compiled: the state of the search
    j: int,
    end: int,
    moved: int,
    before: "Ints",
    pairs: "Pairs",
    nowhere: int,
    out: "tuple[Ints, Ints]",
    members: "Members",
    moves: "Moves",
) -> None:
    """Move people along a chain, and see what can be moved afterwards."""
    people, left_out = out
    count, k = len(moves[0]), end
    while k != j:
        h = before[k]
        left, found = moves[1][h, k], moves[2][h, k]
        people[left] -= moved
        if k == count:
            left_out[pairs[1][left]] += moved
        else:
            if people[found] == 0:
                _enter(found, k, members)
                _offer(found, pairs, nowhere, moves)
            people[found] += moved
        k = h
    k = end
    while k != j:
        h = before[k]
        if people[moves[1][h, k]] == 0:
            _look(h, pairs, nowhere, people, members, moves)
        k = h


@compiled
def _enter(pair: int, j: int, members: "Members") -> None:
    """List a pair under its station, once."""
    begins, listed, size, is_listed = members
    if not is_listed[pair]:
        listed[begins[j] + size[j]] = pair
        size[j] += 1
        is_listed[pair] = True


@compiled
def _offer(pair: int, pairs: "Pairs", nowhere: int, moves: "Moves") -> None:
    """Note where people who go on a pair can be moved to, if that is cheaper than what is known."""
    starts, building, station, cost = pairs
    least, taken, given = moves
    j, here, nobody = station[pair], cost[pair], least.shape[0]
    if nowhere - here < least[j, nobody]:
        least[j, nobody] = nowhere - here
        taken[j, nobody] = pair
    for other in range(starts[building[pair]], starts[building[pair] + 1]):
        k = station[other]
        if k != j and cost[other] - here < least[j, k]:
            least[j, k] = cost[other] - here
            taken[j, k] = pair
            given[j, k] = other


@compiled
def _look(
    j: int, pairs: "Pairs", nowhere: int, people: "Ints", members: "Members", moves: "Moves"
) -> None:
    """Strike the pairs that nobody goes on any more, and find the cheapest moves out of ``j``."""
    begins, listed, size, is_listed = members
    least = moves[0]
    for k in range(least.shape[1]):
        least[j, k] = _FAR
    alive = 0
    for at in range(begins[j], begins[j] + size[j]):
        pair = listed[at]
        if people[pair] > 0:
            listed[begins[j] + alive] = pair
            alive += 1
            _offer(pair, pairs, nowhere, moves)
        else:
            is_listed[pair] = False
    size[j] = alive
