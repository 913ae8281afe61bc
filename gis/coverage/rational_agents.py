"""The rational agent access model (RAAM): people weigh the walk against the crowd.

Each person goes where walking time over ``tau`` plus crowding is least, crowding being the people
of a station over what its capacity would serve at the mean. Nobody can then do better elsewhere: an
equilibrium, which is also the least of a convex sum, so the crowd of each station and the cost of
each demand are unique. Source: Saxon and Snow (2020), A rational agent model for the spatial
accessibility of primary health care.

The model's authors move people in steps; here each demand in turn takes its best answer, exactly,
until the gap says that there is next to nothing left to gain.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gis.coverage.accessibility import Floats, Pairs, amounts, check_positive
from gis.geometry.compiled import compiled


@dataclass(frozen=True, eq=False)
class Agents:
    """Where rational agents go, and what it costs them.

    Parameters
    ----------
    cost
        ``(n,)`` walk over ``tau`` plus crowding; infinite where no station is in reach.
    people
        ``(k,)`` people of each pair.
    crowd
        ``(s,)`` people of each station.
    gap
        Share of the whole cost that people could still save by going elsewhere.
    rounds
        How often all demands took their best answer.
    """

    cost: Floats
    people: Floats
    crowd: Floats
    gap: float
    rounds: int

    @property
    def access(self) -> Floats:
        """Reciprocal of the cost: 0 where no station is in reach."""
        with np.errstate(divide="ignore"):
            return np.asarray(1 / self.cost)


class _Choices(NamedTuple):
    """The pairs in order of demand: those of one are ``start[demand]`` to the next."""

    start: NDArray[np.int64]
    station: NDArray[np.int64]
    walk: Floats
    served: Floats


def rational_agents(
    pairs: Pairs,
    people: ArrayLike,
    capacity: ArrayLike,
    *,
    tau: float,
    rho: float | None = None,
    tolerance: float = 1e-9,
    rounds: int = 5_000,
) -> Agents:
    """Return the equilibrium of people who choose between a walk and a crowd.

    Parameters
    ----------
    pairs
        Who reaches what; a pair with a station of capacity 0 is no choice.
    people
        ``(n,)`` people of each demand. Where nobody lives, the cost is that of one more person.
    capacity
        ``(s,)`` capacity of each station.
    tau
        The walk that is as bad as a crowd of the mean, in the unit of the costs.
    rho
        People per capacity that count as a crowding of 1; by default all people over all capacity.
    tolerance
        The gap at which the search ends.
    rounds
        The search ends after so many rounds with the gap that is left.

    Raises
    ------
    gis.errors.InvalidInputError
        An amount is negative or not finite, a shape is wrong, or ``tau`` or ``rho`` is not
        positive.
    """
    people, capacity = amounts(pairs, people, capacity)
    check_positive(tau, "tau")
    if rho is None:
        rho = float(people.sum() / capacity.sum()) if people.any() and capacity.any() else 1.0
    check_positive(rho, "rho")
    served = capacity * rho
    chosen = np.flatnonzero(served[pairs.station] > 0)
    chosen = chosen[np.argsort(pairs.demand[chosen], kind="stable")]
    station = pairs.station[chosen].astype(np.int64)
    walk = pairs.cost[chosen] / tau
    start = np.searchsorted(pairs.demand[chosen], np.arange(pairs.demands + 1)).astype(np.int64)
    moved, crowd = np.zeros(len(chosen)), np.zeros(pairs.stations)
    cost = np.full(pairs.demands, np.inf)
    ground = _Choices(start, station, walk, served)
    gap, done = _prices(ground, people, moved, crowd, cost), 0
    while (done == 0 or gap > tolerance) and done < rounds:
        _answer(ground, people, moved, crowd)
        gap, done = _prices(ground, people, moved, crowd, cost), done + 1
    of_pair = np.zeros(len(pairs.cost))
    of_pair[chosen] = moved
    return Agents(cost, of_pair, crowd, gap, done)


@compiled
def _prices(choices: _Choices, people: Floats, moved: Floats, crowd: Floats, cost: Floats) -> float:
    """Count the crowds, set each demand's least cost, and return what share could be saved."""
    crowd[:] = 0.0
    for pair in range(len(moved)):
        crowd[choices.station[pair]] += moved[pair]
    spent = least = 0.0
    for demand in range(len(people)):
        best = np.inf
        for pair in range(choices.start[demand], choices.start[demand + 1]):
            at = choices.station[pair]
            here = choices.walk[pair] + crowd[at] / choices.served[at]
            best = min(best, here)
            spent += moved[pair] * here
        cost[demand] = best
        if best < np.inf:
            least += people[demand] * best
    return (spent - least) / spent if spent > 0 else 0.0


@compiled
def _answer(choices: _Choices, people: Floats, moved: Floats, crowd: Floats) -> None:
    """Let each demand in turn fill its stations up to one level of cost, given all others."""
    for demand in range(len(people)):
        first, last = choices.start[demand], choices.start[demand + 1]
        if first == last or people[demand] == 0:
            continue
        empty = np.empty(last - first)  # the cost of each station without this demand
        for pair in range(first, last):
            at = choices.station[pair]
            crowd[at] -= moved[pair]
            empty[pair - first] = choices.walk[pair] + crowd[at] / choices.served[at]
        level = np.inf
        room = filled = 0.0
        for place in np.argsort(empty):
            if empty[place] >= level:
                break
            served = choices.served[choices.station[first + place]]
            room += served
            filled += served * empty[place]
            level = (people[demand] + filled) / room
        for pair in range(first, last):
            at = choices.station[pair]
            moved[pair] = max(level - empty[pair - first], 0.0) * choices.served[at]
            crowd[at] += moved[pair]
