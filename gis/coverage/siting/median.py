"""The least sum of prices: most people within reach, least mean walk, and mixtures of them.

A set is found by greedy choice and exchanges; values of the rows bound what any set costs; sites
whose choice the bound decides are fixed; what is left goes to HiGHS, whole.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import coo_array, csc_array, csr_array, vstack

from gis.coverage.siting.bounds import Relaxation
from gis.coverage.siting.highs import Program, solve_program
from gis.coverage.siting.search import Search
from gis.coverage.siting.tree import Tree

if TYPE_CHECKING:
    from collections.abc import Callable

    from gis.coverage.siting.problem import Bools, Floats, Ints
    from gis.coverage.siting.rules import Rules
    from gis.coverage.siting.run import Run
    from gis.coverage.siting.table import Table

#: Rounds of the bound.
_ROUNDS = 600
#: Neighbourhoods without a better set before they grow, and how far.
_SHAKES, _STRONGEST = 6, 4
#: Work of the tree, in pairs looked at.
_WORK = 1e10
#: Pairs of the rest that HiGHS is given at most; nodes it may branch at.
_CORE_PAIRS, _CORE_NODES = 800_000, 2_000
#: Costs that differ by less than this share are equal.
_ROUNDING = 1e-9
#: Sets of the relaxation that are improved by exchanges, at most.
_TRIED = 12


@dataclass(frozen=True, eq=False)
class Cheapest:
    """A set, and how cheap any set can be, both in whole units without the table's constant.

    Parameters
    ----------
    chosen
        Rows of the rules, ascending.
    cost, least
        Of the set, and the bound.
    proven
        Whether the two are equal, but for rounding where prices are not whole.
    """

    chosen: "Ints"
    cost: int
    least: float
    proven: bool


class Median:
    """The search for the cheapest set of one table.

    Parameters
    ----------
    table, rules, run
        Prices, what sets must keep, and the run that is told.
    told
        Called with cost and bound whenever one is better.
    goal
        Ask only whether a set costs less than this: a bound that reaches it is enough.
    """

    def __init__(
        self,
        table: "Table",
        rules: "Rules",
        run: "Run",
        told: "Callable[[float, float], None]",
        goal: int | None = None,
    ) -> None:
        self.table, self.rules, self.run, self._told = table, rules, run, told
        self.search = Search(table, rules, run)
        self.chosen, self.cost = np.empty(0, dtype=np.int64), 0
        self.goal = goal
        self.least = 0.0  # no price is below 0
        self._tried: set[bytes] = set()

    def solve(self) -> Cheapest:
        """Return the cheapest set that was found, with the best bound."""
        self.chosen = self.search.start()
        self.cost = self.search.total(self.chosen)
        self._take(*self.search.descend(self.chosen, self.cost))
        if not self._closed:
            self._prove()
        return Cheapest(np.sort(self.chosen), self.cost, min(self.least, self.cost), self._closed)

    def _prove(self) -> None:
        first, second, _ = self.search.nearest(self.chosen)
        self.relaxation = Relaxation(self.table, self.rules, (first + second) / 2)
        effort = self.run.options.effort
        self.relaxation.improve(self._aim, round(_ROUNDS * effort), self._seen)
        self._bounded(self.relaxation.least)
        self._neighbourhoods()
        self._branch()
        self._core()

    def _aim(self) -> int:
        """Return the cost that is worth getting below: rounding is not."""
        if self.goal is not None:
            return min(self.cost, self.goal)
        if self.table.whole:
            return self.cost
        return self.cost - int(_ROUNDING * (self.cost + self.table.constant))

    @property
    def _closed(self) -> bool:
        if self.goal is not None and self.cost < self.goal:
            return True
        return self.least >= self._aim()

    def _take(self, chosen: "Ints", cost: int) -> bool:
        better = cost < self.cost
        if better:
            self.chosen, self.cost = chosen, cost
            self._told(self.cost, self.least)
        return better

    def _bounded(self, least: float) -> None:
        if least > self.least:
            self.least = min(least, float(self.cost))
            self._told(self.cost, self.least)

    def _seen(self, taken: "Ints") -> bool:
        """Look at the set of a bound: improve it by exchanges if it is new and promising."""
        key = taken.tobytes()
        if key not in self._tried and len(self._tried) < _TRIED and self.rules.fits(taken):
            self._tried.add(key)
            grown = self.search.greedy(chosen=taken)
            self._take(*self.search.descend(grown, self.search.total(grown)))
        self._bounded(self.relaxation.least)
        return not self.run.over()

    def _neighbourhoods(self) -> None:
        """Shake the best set ever more and mend it by exchanges, while that finds better ones."""
        strength = 1
        rounds = max(2, round(_SHAKES * self.run.options.effort))
        while strength <= _STRONGEST and not self._closed and not self.run.over():
            for _ in range(rounds):
                other = self.search.shaken(self.chosen, strength)
                if self._take(*self.search.descend(other, self.search.total(other))):
                    strength = 0
                    break
            strength += 1

    def _branch(self) -> None:
        """Search the tree of sites that are open or closed, as far as the effort allows."""
        if self._closed or self.rules.total_floor:
            return
        work = _WORK * self.run.options.effort
        tree = Tree(self.table, self.rules, self.run)
        for found, least in tree.grow(self.relaxation.bound(), self._aim, work):
            if found is not None and self.rules.fits(found):
                self._take(*self.search.descend(found, self.search.total(found)))
            self._bounded(least)

    def _core(self) -> None:
        """Give HiGHS what the bound leaves open, if it is small enough."""
        if self._closed or self.run.over():
            return
        bound = self.relaxation.bound()
        opened, closed = bound.open_for_sure(self._aim()), bound.closed_for_sure(self._aim())
        rules, left = self.rules.reduced(opened, closed)
        table = self.table.reduced(opened, left)
        if len(table.site) > _CORE_PAIRS:
            return
        fixed = int(table.base.sum()) + table.constant - self.table.constant
        program, unit = core_program(table, rules)
        solved = solve_program(
            program,
            self.run,
            nodes=max(1, round(_CORE_NODES * self.run.options.effort)),
            start=self._start(opened, left),
            apart=0.999 / unit if table.whole else 0.0,
            told=lambda cost, least: self._core_told(cost * unit + fixed, least * unit + fixed),
        )
        if solved.values is not None:
            taken = np.flatnonzero(left)[solved.values[: rules.size] > 0.5]
            found = np.sort(np.concatenate((np.flatnonzero(opened), taken)))
            if self.rules.fits(found):
                self._take(*self.search.descend(found, self.search.total(found)))
        proven = solved.state in ("optimal", "infeasible")
        self._bounded(float(self._aim()) if proven else solved.bound * unit + fixed)

    def _start(self, opened: "Bools", left: "Bools") -> "Floats | None":
        """Return the best set so far by the sites that are left, if it is among what is left."""
        taken = np.zeros(self.rules.size, dtype=bool)
        taken[self.chosen] = True
        if (opened & ~taken).any() or (taken & ~opened & ~left).any():
            return None
        return taken[left].astype(np.float64)

    def _core_told(self, cost: float, least: float) -> None:
        self._told(min(self.cost, cost), min(max(self.least, least), self.cost))


def core_program(table: "Table", rules: "Rules") -> "tuple[Program, float]":
    """Return the program of a table over its sites and levels, and the size of its unit of cost.

    A level of a row is a price that some of its sites have: being served at it or below needs the
    level before, or a site of this price. What levels save is counted from the base price.
    """
    m, n = rules.size, len(table.base)
    row = np.repeat(np.arange(n), np.diff(table.start))
    first = np.ones(len(row), dtype=bool)
    first[1:] = (row[1:] != row[:-1]) | (table.price[1:] != table.price[:-1])
    level = np.cumsum(first) - 1
    at = np.flatnonzero(first)
    k = len(at)
    same_row = np.concatenate((row[at][1:] == row[at][:-1], [False]))
    above = np.where(same_row, np.append(table.price[at][1:], 0), table.base[row[at]])
    saving = (above - table.price[at]).astype(np.float64)
    unit = max(1.0, 2.0 ** np.round(np.log2(max(saving.max(initial=1.0), 1.0) / 1e4)))
    after = np.flatnonzero(same_row) + 1
    served = coo_array(
        (
            np.concatenate((np.ones(k), -np.ones(len(after) + len(row)))),
            (
                np.concatenate((np.arange(k), after, level)),
                np.concatenate((m + np.arange(k), m + after - 1, table.site.astype(np.int64))),
            ),
        ),
        shape=(k, m + k),
    )
    ruled, lower, upper = rules.matrix()
    ruled = csr_array(ruled)
    ruled.resize(ruled.shape[0], m + k)
    program = Program(
        np.concatenate((table.opening.astype(np.float64), -saving)) / unit,
        np.ones(m + k),
        np.arange(m + k) < m,
        csc_array(vstack([served, ruled])),
        np.concatenate((np.full(k, -np.inf), lower)),
        np.concatenate((np.zeros(k), upper)),
    )
    return program, float(unit)
