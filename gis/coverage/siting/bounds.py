"""A bound for a table of prices: rows of demand put their own value on being served.

Lagrangian relaxation of "each row is served once", by the subgradient method. What a set costs at
the reduced costs of the sites, with the sum of the values, is more than no set can be below.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gis.coverage.siting.kernels import reduced_costs, times_served

if TYPE_CHECKING:
    from collections.abc import Callable

    from gis.coverage.siting.problem import Bools, Floats, Ints
    from gis.coverage.siting.rules import Rules
    from gis.coverage.siting.table import Table

#: First length of a step, how many rounds without a better bound halve it, and where it ends.
_STEP, _PATIENCE, _LAST_STEP = 1.5, 12, 0.002
#: Share of a round's direction in the next.
_SMOOTH = 0.3
#: Share of the past in how often a site is taken.
_RECENT = 0.95


@dataclass(frozen=True, eq=False)
class Bound:
    """The best bound, and what it says about single sites.

    Parameters
    ----------
    least
        No set costs less, in whole units without the constant.
    value
        Of each row, by which the bound was reached.
    without, with_
        No set without (with) a site costs less, shape (m,).
    """

    least: float
    value: "Floats"
    without: "Floats"
    with_: "Floats"

    def open_for_sure(self, cost: float) -> "Bools":
        """Return the sites that are in every set that costs less."""
        sure: Bools = self.without > cost
        return sure

    def closed_for_sure(self, cost: float) -> "Bools":
        """Return the sites that are in no set that costs less."""
        sure: Bools = self.with_ > cost
        return sure


class Relaxation:
    """The relaxation of a table, and its best bound so far.

    Parameters
    ----------
    table, rules
        Prices, and what sets must keep.
    value
        First value of each row.

    Attributes
    ----------
    often
        How often each site was taken of late, 0 … 1, shape (m,).
    work
        Pairs looked at, at most.
    """

    def __init__(self, table: "Table", rules: "Rules", value: "Floats") -> None:
        self.table, self.rules = table, rules
        self._value = value.astype(np.float64)
        self._best = -np.inf
        self._best_value = self._value.copy()
        self.often = np.zeros(rules.size)
        self.work = 0

    @property
    def least(self) -> float:
        """The bound in whole units; rounded up where every cost is whole."""
        margin = 1e-12 * max(1.0, abs(self._best)) * 10
        if self.table.whole and np.isfinite(self._best):
            return float(np.ceil(self._best - max(margin, 1e-6)))
        return self._best - margin

    def improve(
        self,
        cost: "Callable[[], int]",
        rounds: int,
        seen: "Callable[[Ints], bool]",
        step: float = _STEP,
    ) -> None:
        """Improve the bound for some rounds.

        Parameters
        ----------
        cost
            Says what the best set costs so far.
        rounds
            Steps at most.
        seen
            Given the set of each round; says whether to go on.
        step
            Length of the first step.
        """
        waited = 0
        reduced = np.empty(self.rules.size)
        short = np.empty(len(self.table.base))
        direction = np.zeros(len(self.table.base))
        value = self._best_value.copy()
        for _ in range(rounds):
            total = reduced_costs(self.table.arrays, value, reduced)
            self.work += len(self.table.site)
            taken, least, _ = self.rules.least(reduced + self.table.opening)
            now = total + least
            if now > self._best:
                self._best, self._best_value, waited = now, value.copy(), 0
            else:
                waited += 1
                if waited > _PATIENCE:
                    step, waited = step / 2, 0
            if step < _LAST_STEP or self.least >= cost() or not seen(np.flatnonzero(taken)):
                return
            self.often = _RECENT * self.often + (1 - _RECENT) * taken
            times_served(self.table.arrays, value, taken, short)
            direction = _SMOOTH * direction + (1 - _SMOOTH) * short
            square = float(direction @ direction)
            if not square:
                return
            value = value + step * max(cost() - now, 1.0) / square * direction

    def bound(self) -> Bound:
        """Return the best bound, and what it says of each site."""
        value, reduced = self._best_value.copy(), np.empty(self.rules.size)
        total = reduced_costs(self.table.arrays, value, reduced)
        _, least, priced = self.rules.least(reduced + self.table.opening)
        whole = total + least
        order = np.sort(np.minimum(priced, 0.0))
        count = self.rules.count
        last = order[count - 1] if count <= len(order) else 0.0
        after = order[count] if count < len(order) else 0.0
        taken = np.zeros(self.rules.size, dtype=bool)
        taken[np.argsort(priced, kind="stable")[:count]] = True
        taken &= priced < 0
        without = whole + np.where(taken, after - priced, 0.0)
        with_ = whole + np.where(taken, 0.0, priced - last)
        margin = 1e-11 * max(1.0, abs(whole))
        return Bound(self.least, self._best_value, without - margin, with_ - margin)
