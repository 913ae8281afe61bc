"""What is asked: people, where stations may stand, how far it is, and what limits the choice."""

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from gis.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Mapping

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

Objective = Literal[
    "lscp", "mclp", "p_median", "p_center", "capacitated_p_median", "capacitated_mclp", "mix"
]
OBJECTIVES: tuple[Objective, ...] = get_args(Objective)
#: Objectives that ask who is within a radius.
WITHIN = ("lscp", "mclp", "capacitated_mclp", "mix")
CAPACITATED = ("capacitated_p_median", "capacitated_mclp")
#: What a mix may weigh: people left outside the radius, the mean cost, the stations to be built.
MIXED = ("uncovered", "walk", "sites")
#: Cost of reaching nobody, over the largest cost of the table, unless the caller says otherwise.
PENALTY = 2.0


@dataclass(frozen=True, eq=False)
class CostTable:
    """What it costs to get from demand to candidates: metres, minutes, or anything that adds up.

    Parameters
    ----------
    demand, candidate
        Rows of the two ends, shape (k,). A pair that is not in the table cannot be had.
    cost
        At least 0, shape (k,).
    """

    demand: Ints
    candidate: Ints
    cost: Floats

    def __post_init__(self) -> None:
        for name, kind in (("demand", np.int64), ("candidate", np.int64), ("cost", np.float64)):
            object.__setattr__(self, name, _array(getattr(self, name), kind, name))
        if not len(self.demand) == len(self.candidate) == len(self.cost):
            raise InvalidInputError(
                f"The cost table has {len(self.demand)} demand rows, {len(self.candidate)} "
                f"candidates and {len(self.cost)} costs.",
                remedy="Give the three columns of one table.",
                field="cost",
            )
        _not_negative(self.cost, "cost")

    @classmethod
    def dense(cls, costs: "NDArray[Any]") -> "CostTable":
        """Return the table of a matrix (demand, candidates), without what is not finite."""
        matrix = np.asarray(costs, dtype=np.float64)
        candidate, demand = np.nonzero(np.isfinite(matrix).T)
        return cls(demand, candidate, matrix[demand, candidate])


@dataclass(frozen=True, eq=False, kw_only=True)
class Candidates:
    """Places where a station stands or may stand; all arrays have one value per place.

    Parameters
    ----------
    number
        How many there are.
    existing
        Stations that stand already: they serve, and cannot be moved. Default: none.
    site_cost
        What opening one costs, in the money of the budget.
    floor_m2
        Floor area.
    xy_m
        Places in metres of a projected CRS, shape (m, 2), for the spacing.
    capacity
        People that one can serve, whole numbers.
    serving
        Whether one serves in each period, shape (m, t): for demand by service and hour.
    """

    number: int
    existing: Bools | None = None
    site_cost: Floats | None = None
    floor_m2: Floats | None = None
    xy_m: Floats | None = None
    capacity: Ints | None = None
    serving: Bools | None = None

    def __post_init__(self) -> None:
        if self.number < 1:
            raise InvalidInputError(
                "There are no candidates to choose from.",
                remedy="Give at least one place where a station may stand.",
                field="candidates",
            )
        kinds: dict[str, Any] = {
            "existing": np.bool_,
            "site_cost": np.float64,
            "floor_m2": np.float64,
            "xy_m": np.float64,
            "capacity": np.int64,
            "serving": np.bool_,
        }
        for name, kind in kinds.items():
            given = getattr(self, name)
            if given is None:
                continue
            values = _array(given, kind, name)
            _as_long(values, self.number, name)
            if values.dtype != np.bool_ and name != "xy_m":
                _not_negative(values, name)
            object.__setattr__(self, name, values)
        if self.existing is None:
            object.__setattr__(self, "existing", np.zeros(self.number, dtype=bool))

    @property
    def stands(self) -> Bools:
        """Whether each stands already."""
        assert self.existing is not None
        return self.existing


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What the new stations must keep within; those that stand already are not counted.

    Parameters
    ----------
    count
        New stations at most. Needed by all objectives but ``lscp`` unless there is a budget.
    budget
        Sum of their ``site_cost`` at most.
    least_floor_m2
        Floor area of each at least.
    total_floor_m2
        Floor area of all together at least.
    spacing_m
        Straight distance between any two, and to stations that stand, at least.
    """

    count: int | None = None
    budget: float | None = None
    least_floor_m2: float = 0.0
    total_floor_m2: float = 0.0
    spacing_m: float = 0.0

    def __post_init__(self) -> None:
        if self.count is not None and self.count < 1:
            raise InvalidInputError(
                f"{self.count} new stations are none to place.",
                remedy="Ask for one at least; stations that stand are not counted.",
                field="count",
                value=self.count,
            )
        for name in ("budget", "least_floor_m2", "total_floor_m2", "spacing_m"):
            value = getattr(self, name)
            if value is not None and not (np.isfinite(value) and value >= 0):
                raise InvalidInputError(
                    f"{name} is {value}.",
                    remedy="Give a number that is at least 0.",
                    field=name,
                    value=value,
                )


@dataclass(frozen=True, eq=False, kw_only=True)
class SitingProblem:
    """People, candidates, the costs between them, and limits.

    Parameters
    ----------
    people
        People per row of demand, shape (n,); or by period, shape (n, t), with
        ``candidates.serving``: each period is demand of its own (services, hours of the week).
    candidates
        Where stations stand or may stand.
    costs
        Pairs of demand and candidate with their cost; those out of reach are left out.
    limits
        What the new stations must keep within.
    equity
        How much one of a row's people weighs, shape (n,); see :func:`equity_of_groups`.
    penalty_cost
        What it costs a person whom no open station reaches. Default: twice the largest cost.
    """

    people: Floats
    candidates: Candidates
    costs: CostTable
    limits: Limits = field(default_factory=Limits)
    equity: Floats | None = None
    penalty_cost: float | None = None

    def __post_init__(self) -> None:
        people = _array(self.people, np.float64, "people")
        _not_negative(people, "people")
        object.__setattr__(self, "people", people)
        if not len(people) or not people.any():
            raise InvalidInputError(
                "Nobody is to be served: all demand is 0.",
                remedy="Give people to at least one row of demand.",
                field="people",
            )
        if self.equity is not None:
            equity = _array(self.equity, np.float64, "equity")
            _as_long(equity, len(people), "equity")
            _not_negative(equity, "equity")
            object.__setattr__(self, "equity", equity)
        self._check_table()
        self._check_periods()
        self._check_limits()

    @property
    def weights(self) -> Floats:
        """People times equity, of the shape of ``people``."""
        return (self.people.T * self.equity_of_rows).T

    @property
    def equity_of_rows(self) -> Floats:
        """Weight of one person per row of demand."""
        return np.ones(len(self.people)) if self.equity is None else self.equity

    @property
    def penalty(self) -> float:
        """What it costs a person to be reached by no station."""
        if self.penalty_cost is not None:
            return self.penalty_cost
        return PENALTY * float(self.costs.cost.max(initial=0.5))

    def _check_table(self) -> None:
        ends = (
            ("demand", self.costs.demand, len(self.people)),
            ("candidate", self.costs.candidate, self.candidates.number),
        )
        for name, rows, size in ends:
            if len(rows) and not (rows.min() >= 0 and rows.max() < size):
                row = int(np.flatnonzero((rows < 0) | (rows >= size))[0])
                raise InvalidInputError(
                    f"Row {row} of the cost table names {name} {rows[row]}, but there are {size}.",
                    remedy=f"Number {name} rows from 0 to {size - 1}.",
                    row=row,
                    field=name,
                )
        if self.penalty_cost is not None and not (
            np.isfinite(self.penalty_cost) and self.penalty_cost > 0
        ):
            raise InvalidInputError(
                f"penalty_cost is {self.penalty_cost}.",
                remedy="Give a cost above 0, larger than any that people should bear.",
                field="penalty_cost",
                value=self.penalty_cost,
            )

    def _check_periods(self) -> None:
        periods = self.people.shape[1] if self.people.ndim == 2 else None
        serving = self.candidates.serving
        columns = None if serving is None else serving.shape[-1]
        if self.people.ndim > 2 or (serving is not None and periods is None):
            raise InvalidInputError(
                "Demand by period has shape (rows, periods), as has serving (candidates, periods).",
                remedy="Give people of two dimensions, or leave out serving.",
                field="people",
            )
        if serving is not None and columns != periods:
            raise InvalidInputError(
                f"There are {periods} periods of demand but {columns} of serving.",
                remedy="Give one column per period in both.",
                field="serving",
            )

    def _check_limits(self) -> None:
        needs = {
            "budget": ("site_cost", self.limits.budget is not None),
            "least_floor_m2": ("floor_m2", self.limits.least_floor_m2 > 0),
            "total_floor_m2": ("floor_m2", self.limits.total_floor_m2 > 0),
            "spacing_m": ("xy_m", self.limits.spacing_m > 0),
        }
        for limit, (column, asked) in needs.items():
            if asked and getattr(self.candidates, column) is None:
                raise InvalidInputError(
                    f"{limit} is asked for, but the candidates have no {column}.",
                    remedy=f"Give {column} of each candidate, or leave out {limit}.",
                    field=column,
                )
        free = int((~self.candidates.stands).sum())
        if self.limits.count is not None and self.limits.count > free:
            raise InvalidInputError(
                f"{self.limits.count} new stations are asked for, but there are {free} candidates "
                "that are not open yet.",
                remedy=f"Ask for {free} at most, or give more candidates.",
                field="count",
                value=self.limits.count,
            )


@dataclass(frozen=True, kw_only=True)
class SitingOptions:
    """What a good answer is, and how much may be spent on finding it.

    Parameters
    ----------
    objective
        ``lscp``: fewest stations with everyone within the radius. ``mclp``: most people within it.
        ``p_median``: least mean cost. ``p_center``: least worst cost. ``capacitated_p_median`` and
        ``capacitated_mclp``: the same for people whom the stations have room for. ``mix``: a
        weighted sum.
    radius
        In the unit of the costs; for ``lscp``, ``mclp``, ``capacitated_mclp`` and ``mix``.
    seconds
        Time limit; ``None``: none. The best answer so far is given, and says that it was stopped.
    seed
        Of all random choices.
    effort
        Factor of the number of moves, of rounds of the bound and of branch-and-bound nodes.
    mix
        Weights of ``uncovered`` (share of people outside the radius), ``walk`` (mean cost over the
        penalty) and ``sites`` (new stations over those allowed, or their cost over the budget).
    swaps
        Next best swaps to tell.
    """

    objective: Objective = "mclp"
    radius: float | None = None
    seconds: float | None = None
    seed: int = 0
    effort: float = 1.0
    mix: "Mapping[str, float]" = field(default_factory=lambda: MappingProxyType({}))
    swaps: int = 10

    def __post_init__(self) -> None:
        if self.objective not in OBJECTIVES:
            raise InvalidInputError(
                f"There is no objective {self.objective!r}.",
                remedy=f"Take one of {', '.join(OBJECTIVES)}.",
                field="objective",
            )
        if self.objective in WITHIN and not (self.radius is not None and self.radius >= 0):
            raise InvalidInputError(
                f"{self.objective} asks who is within a radius, but none is given.",
                remedy="Give the radius in the unit of the costs.",
                field="radius",
                value=self.radius,
            )
        if not self.effort > 0 or self.swaps < 0:
            raise InvalidInputError(
                f"effort is {self.effort} and swaps {self.swaps}.",
                remedy="Give an effort above 0 and no negative number of swaps.",
                field="effort",
            )
        self._check_mix()

    def _check_mix(self) -> None:
        if self.objective != "mix":
            return
        known = set(self.mix) <= set(MIXED)
        if not known or not all(w >= 0 for w in self.mix.values()) or not any(self.mix.values()):
            raise InvalidInputError(
                f"The weights of the mix are {dict(self.mix)}.",
                remedy=f"Weigh some of {', '.join(MIXED)}, each at least 0 and not all 0.",
                field="mix",
            )


def equity_of_groups(
    people: Floats, groups: "Mapping[str, Floats]", weights: "Mapping[str, float]"
) -> Floats:
    """Return how much one person of each row weighs when people of some groups count for more.

    Parameters
    ----------
    people
        All people per row, shape (n,).
    groups
        People of each group per row, shape (n,); somebody may be in several.
    weights
        Weight of a person of a group; everyone else weighs 1, and who is in two groups the sum of
        what each adds.

    Returns
    -------
    Weighted people over people, 1 where there are none; shape (n,).

    Raises
    ------
    gis.errors.InvalidInputError
        If a group has no numbers, or more people than the row.
    """
    total = np.asarray(people, dtype=np.float64)
    weighted = total.copy()
    for name, weight in weights.items():
        if name not in groups or weight < 0:
            raise InvalidInputError(
                f"Group {name!r} weighs {weight}, but "
                + ("no weight is below 0." if name in groups else "its people are not given."),
                remedy="Give people of each group that is weighed, and weights of at least 0.",
                field=name,
            )
        members = np.asarray(groups[name], dtype=np.float64)
        if (members > total).any():
            row = int(np.flatnonzero(members > total)[0])
            raise InvalidInputError(
                f"Row {row} has {members[row]:g} people of group {name!r} among {total[row]:g}.",
                remedy="Count the members of a group among all people.",
                row=row,
                field=name,
            )
        weighted += (weight - 1) * members
    return np.divide(weighted, total, out=np.ones_like(total), where=total > 0).clip(0)


def _array(values: object, kind: "type[np.generic]", name: str) -> "NDArray[Any]":
    try:
        given = np.asarray(values)
        made = given.astype(kind)
    except (TypeError, ValueError) as error:
        raise InvalidInputError(
            f"{name} is no array of numbers: {error}.", remedy="Give numbers.", field=name
        ) from error
    if np.issubdtype(kind, np.integer) and (made != given).any():
        row = int(np.flatnonzero((made != given).reshape(len(made), -1).any(axis=1))[0])
        raise InvalidInputError(
            f"Row {row} of {name} is {given[row]}.",
            remedy="Give whole numbers.",
            row=row,
            field=name,
        )
    return made


def _not_negative(values: "NDArray[Any]", name: str) -> None:
    bad = ~(np.isfinite(values) & (values >= 0))
    if bad.any():
        row = int(np.argwhere(bad)[0][0])
        raise InvalidInputError(
            f"Row {row} of {name} is {values[row]}.",
            remedy="Give finite numbers that are at least 0; leave out pairs out of reach.",
            row=row,
            field=name,
        )


def _as_long(values: "NDArray[Any]", size: int, name: str) -> None:
    if values.ndim == 0 or len(values) != size:
        raise InvalidInputError(
            f"{name} has shape {values.shape}, but {size} rows are needed.",
            remedy="Give one value per row.",
            field=name,
        )
