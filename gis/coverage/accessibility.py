"""Accessibility: how much of a station's capacity falls to a person, when others want it too.

Demands (buildings) and stations are joined by pairs, each with a cost of walking in any one unit
(metres, minutes). What is not listed as a pair is out of reach.

All measures of this module conserve capacity: Σ access × people = Σ capacity, summed over the
stations that somebody reaches (a pair whose weight and people are positive). The one exception is
``balanced`` as it was published, which conserves what its own docstring says.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gis.errors import InvalidInputError

if TYPE_CHECKING:
    import scipy.sparse

Floats = NDArray[np.float64]
Rows = NDArray[np.int32]
#: Weight of each cost, 0 where it is too far.
Decay = Callable[[Floats], Floats]
#: Weights of three zones, from the nearest, for :func:`stepwise` (Luo and Qi 2009, slow decay).
LUO_QI_WEIGHTS = (1.0, 0.68, 0.22)


@dataclass(frozen=True, eq=False)
class Pairs:
    """Which demand reaches which station, at what cost; each pair once.

    Parameters
    ----------
    demand, station
        ``(k,)`` rows of demands and stations.
    cost
        ``(k,)`` costs, not negative.
    demands, stations
        How many of each there are, those without a pair included.

    Raises
    ------
    gis.errors.InvalidInputError
        A row does not exist, a cost is negative or not finite, or a pair is listed twice.
    """

    demand: Rows
    station: Rows
    cost: Floats
    demands: int
    stations: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "demand", _rows(self.demand, self.demands, "demand"))
        object.__setattr__(self, "station", _rows(self.station, self.stations, "station"))
        object.__setattr__(self, "cost", np.asarray(self.cost, dtype=float))
        if not self.demand.shape == self.station.shape == self.cost.shape == (len(self.cost),):
            msg = f"{self.demand.shape}, {self.station.shape} and {self.cost.shape} are not pairs."
            raise InvalidInputError(msg, remedy="Pass three arrays of one length.", field="pairs")
        _check_amounts(self.cost, len(self.cost), "cost")
        self._check_twice()

    @classmethod
    def from_sparse(cls, matrix: "scipy.sparse.sparray") -> "Pairs":
        """Return the stored entries of a matrix of costs, demands × stations; a stored 0 counts."""
        table = matrix.tocoo()
        return cls(table.row, table.col, table.data, *table.shape)

    @cached_property
    def order(self) -> Rows | None:
        """Order by station, then demand; None if the pairs are in that order."""
        before, after = self.station[:-1], self.station[1:]
        rising = (after > before) | ((after == before) & (self.demand[1:] > self.demand[:-1]))
        if rising.all():
            return None
        return np.lexsort((self.demand, self.station)).astype(np.int32)

    def matrix(self, weight: Floats) -> "scipy.sparse.csr_array":
        """Return weights of the pairs as a matrix, stations × demands."""
        import scipy.sparse

        ordered = weight if self.order is None else weight[self.order]
        return scipy.sparse.csr_array(
            (ordered, self._indices, self._indptr), shape=(self.stations, self.demands)
        )

    @cached_property
    def _indices(self) -> Rows:
        return self.demand if self.order is None else self.demand[self.order]

    @cached_property
    def _indptr(self) -> Rows:
        station = self.station if self.order is None else self.station[self.order]
        stations = np.arange(self.stations + 1, dtype=np.int32)
        return np.searchsorted(station, stations).astype(np.int32)

    def _check_twice(self) -> None:
        if self.order is None:
            return
        demand, station = self.demand[self.order], self.station[self.order]
        same = np.flatnonzero((np.diff(station) == 0) & (np.diff(demand) == 0))
        if len(same):
            row = int(self.order[same[0] + 1])
            msg = f"Demand {self.demand[row]} and station {self.station[row]} are paired twice."
            raise InvalidInputError(msg, remedy="Keep the cheaper one.", field="pairs", row=row + 1)


@dataclass(frozen=True, eq=False)
class Accessibility:
    """What a floating catchment says.

    Parameters
    ----------
    access
        ``(n,)`` capacity per person, 0 where no station is in reach.
    demand
        ``(s,)`` people who want each station.
    level
        ``(s,)`` capacity of each station per person who wants it, 0 where nobody does.
    """

    access: Floats
    demand: Floats
    level: Floats


def two_step(
    pairs: Pairs, people: ArrayLike, capacity: ArrayLike, decay: Decay | None = None
) -> Accessibility:
    """Return the two-step floating catchment (2SFCA), or with a decay the enhanced one (E2SFCA).

    1. The level of a station is its capacity over the weighted people within reach.
    2. The access of a demand is the weighted sum of the levels within reach.

    Source: Luo and Wang (2003), Measures of spatial accessibility to health care in a GIS
    environment; Luo and Qi (2009), An enhanced two-step floating catchment area method.

    Parameters
    ----------
    pairs
        Who reaches what; pairs beyond the catchment are left out or have weight 0.
    people
        ``(n,)`` people of each demand.
    capacity
        ``(s,)`` capacity of each station.
    decay
        Weight of a cost; by default every pair counts fully.

    Raises
    ------
    gis.errors.InvalidInputError
        An amount or a weight is negative or not finite, or a shape is wrong.
    """
    people, capacity = amounts(pairs, people, capacity)
    weight = _weights(pairs, decay)
    return _allocated(pairs, people, capacity, weight, weight)


def three_step(
    pairs: Pairs, people: ArrayLike, capacity: ArrayLike, decay: Decay | None = None
) -> Accessibility:
    """Return the three-step floating catchment (3SFCA): who has a choice wants each station less.

    As :func:`two_step`, with each weight times the share that the station has in the weights of
    the demand. Source: Wan, Zou and Sternberg (2012), A three-step floating catchment area method.
    """
    people, capacity = amounts(pairs, people, capacity)
    weight = _weights(pairs, decay)
    chosen = weight * _shares(weight, pairs.demand, pairs.demands)
    return _allocated(pairs, people, capacity, chosen, chosen)


def shared(
    pairs: Pairs, people: ArrayLike, capacity: ArrayLike, decay: Decay | None = None
) -> Accessibility:
    """Return the balanced catchment that conserves capacity too: each person is counted once.

    Demand is shared out as in :func:`balanced`; a demand then gets the mean of the levels of its
    stations, weighted by the same shares. So Σ demand = people with a station in reach, and
    Σ access × people = Σ capacity.
    """
    people, capacity = amounts(pairs, people, capacity)
    share = _shares(_weights(pairs, decay), pairs.demand, pairs.demands)
    return _allocated(pairs, people, capacity, share, share)


def balanced(
    pairs: Pairs, people: ArrayLike, capacity: ArrayLike, decay: Decay | None = None
) -> Accessibility:
    """Return the balanced floating catchment (B2FCA) as published.

    People are shared out among their stations, and the level of a station among its demands, each
    in proportion to the weights. Conserved are Σ demand = people with a station in reach and
    Σ access = Σ level; a demand's share does not grow with its people, so Σ access × people is
    not the capacity (:func:`shared` keeps that).

    Source: Páez, Higgins and Vivona (2019), Demand and level of service inflation in floating
    catchment area (FCA) methods.
    """
    people, capacity = amounts(pairs, people, capacity)
    weight = _weights(pairs, decay)
    of_demand = _shares(weight, pairs.demand, pairs.demands)
    of_station = _shares(weight, pairs.station, pairs.stations)
    return _allocated(pairs, people, capacity, of_demand, of_station)


def stepwise(zones: Mapping[float, float]) -> Decay:
    """Return the weight of the first zone whose limit is not exceeded, 0 beyond the last.

    Parameters
    ----------
    zones
        Limit (included) of each zone and its weight, for example ``{5: 1, 10: 0.68, 15: 0.22}``.
    """
    limits = np.array(sorted(zones), dtype=float)
    weights = np.array([zones[limit] for limit in sorted(zones)], dtype=float)
    if len(limits) == 0:
        raise InvalidInputError("No zone is given.", remedy="Pass {limit: weight}.", field="zones")
    _check_amounts(weights, len(weights), "zones")

    def weight(cost: Floats) -> Floats:
        out = np.zeros(cost.shape)
        for limit, of_zone in zip(limits[::-1], weights[::-1], strict=True):
            np.copyto(out, of_zone, where=cost <= limit)
        return out

    return weight


def within(limit: float) -> Decay:
    """Return 1 up to a limit (included), 0 beyond: the catchment of plain 2SFCA."""
    return stepwise({limit: 1.0})


def gaussian(sigma: float, limit: float = np.inf) -> Decay:
    """Return exp(−cost² / 2σ²), 0 beyond the limit."""
    check_positive(sigma, "sigma")
    return lambda cost: np.where(cost <= limit, np.exp(-0.5 * (cost / sigma) ** 2), 0.0)


def gaussian_to_zero(limit: float) -> Decay:
    """Return a Gaussian that falls from 1 to 0 at the limit, without a step there.

    Source: Dai (2010), Black residential segregation, disparities in spatial access to health care
    facilities, and late-stage breast cancer diagnosis in metropolitan Detroit.
    """
    check_positive(limit, "limit")
    last = np.exp(-0.5)

    def weight(cost: Floats) -> Floats:
        bell = (np.exp(-0.5 * (cost / limit) ** 2) - last) / (1 - last)
        return np.where(cost <= limit, bell, 0.0)

    return weight


def epanechnikov(limit: float) -> Decay:
    """Return ¾·(1 − (cost / limit)²), 0 beyond the limit: kernel density 2SFCA.

    Source: Dai and Wang (2011), Geographic disparities in accessibility to food stores.
    """
    check_positive(limit, "limit")
    return lambda cost: 0.75 * np.maximum(1 - (cost / limit) ** 2, 0.0)


def exponential(scale: float, limit: float = np.inf) -> Decay:
    """Return exp(−cost / scale), 0 beyond the limit."""
    check_positive(scale, "scale")
    return lambda cost: np.where(cost <= limit, np.exp(-cost / scale), 0.0)


def power(scale: float, exponent: float, nearest: float, limit: float = np.inf) -> Decay:
    """Return (cost / scale) to the power of −exponent, 0 beyond the limit: the gravity model.

    Parameters
    ----------
    scale
        Cost whose weight is 1.
    exponent
        Positive: how fast the weight falls.
    nearest
        Positive: a smaller cost counts as this one, for at 0 the weight would be infinite.
    limit
        Largest cost that counts.
    """
    for name, value in (("scale", scale), ("exponent", exponent), ("nearest", nearest)):
        check_positive(value, name)

    def weight(cost: Floats) -> Floats:
        return np.where(cost <= limit, (np.maximum(cost, nearest) / scale) ** -exponent, 0.0)

    return weight


def _allocated(
    pairs: Pairs, people: Floats, capacity: Floats, wanted: Floats, offered: Floats
) -> Accessibility:
    """Return a catchment in which people want and stations offer in proportion to weights."""
    table = pairs.matrix(wanted)
    demand = np.asarray(table @ people)
    level = np.divide(capacity, demand, out=np.zeros_like(capacity), where=demand > 0)
    if offered is not wanted:
        table = pairs.matrix(offered)
    return Accessibility(np.asarray(table.T @ level), demand, level)


def _shares(weight: Floats, group: Rows, groups: int) -> Floats:
    """Return each weight over the sum of its group; 0 where the group has none."""
    total = np.bincount(group, weight, groups)[group]
    return np.divide(weight, total, out=np.zeros_like(weight), where=total > 0)


def _weights(pairs: Pairs, decay: Decay | None) -> Floats:
    if decay is None:
        return np.ones(len(pairs.cost))
    return _check_amounts(np.asarray(decay(pairs.cost), dtype=float), len(pairs.cost), "decay")


def amounts(pairs: Pairs, people: ArrayLike, capacity: ArrayLike) -> tuple[Floats, Floats]:
    """Return people per demand and capacity per station as checked arrays."""
    return (
        _check_amounts(np.asarray(people, dtype=float), pairs.demands, "people"),
        _check_amounts(np.asarray(capacity, dtype=float), pairs.stations, "capacity"),
    )


def _check_amounts(values: Floats, length: int, name: str) -> Floats:
    if values.shape != (length,):
        msg = f"{name} has shape {values.shape}, not ({length},)."
        raise InvalidInputError(msg, remedy="Pass one value per row.", field=name)
    if length and not (values.min() >= 0 and values.max() < np.inf):  # NaN is bad too
        row = int(np.flatnonzero(~((values >= 0) & (values < np.inf)))[0])
        msg = f"{name} in row {row + 1} is {values[row]}."
        raise InvalidInputError(
            msg, remedy="Pass finite values, not below 0.", field=name, row=row + 1
        )
    return values


def _rows(values: NDArray[np.integer], count: int, name: str) -> Rows:
    rows = np.asarray(values)
    if len(rows) and not (rows.min() >= 0 and rows.max() < count):
        row = int(np.flatnonzero((rows < 0) | (rows >= count))[0])
        msg = f"Pair {row + 1} names {name} {rows[row]} of {count}."
        raise InvalidInputError(
            msg, remedy=f"Rows of {name}s count from 0.", field=name, row=row + 1
        )
    return rows.astype(np.int32, copy=False)


def check_positive(value: float, name: str) -> None:
    """Raise :class:`~gis.errors.InvalidInputError` unless a number is positive and finite."""
    if not 0 < value < np.inf:
        msg = f"{name} is {value}."
        raise InvalidInputError(msg, remedy="Pass a positive number.", field=name, value=value)
