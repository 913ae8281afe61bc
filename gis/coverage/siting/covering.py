"""The fewest stations with everyone within the radius (location set covering).

Where nothing but the number is limited, :mod:`gis.coverage.siting.set_cover` finds them; with other
limits HiGHS is given the rows that decide, and the rules.
"""

from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import csc_array, csr_array, vstack

from gis.coverage.siting.answer import Answer, Ground
from gis.coverage.siting.covers import Cover, needed
from gis.coverage.siting.highs import Program, solve_program
from gis.coverage.siting.median import Cheapest, Median
from gis.coverage.siting.result import Served, Swap
from gis.coverage.siting.search import Search, next_swaps
from gis.coverage.siting.set_cover import fewest_sites
from gis.coverage.siting.table import Prices, Rows, Table, table_of

if TYPE_CHECKING:
    from gis.coverage.siting.problem import Floats, Ints
    from gis.coverage.siting.run import Run

#: Branch-and-bound nodes at most.
_NODES = 20_000


class _Covering:
    """Sets that leave out the fewest rows: a station costs 1, such a row more than all."""

    def __init__(self, ground: Ground, run: "Run") -> None:
        self.ground, self.rules, self.run = ground, ground.rules, run
        rows, stands = ground.rows, ground.problem.candidates.stands
        alike = Rows(rows.demand, rows.period, np.ones(len(rows.demand)), rows.people)
        self.missed = self.rules.count + 1
        prices = Prices(np.zeros_like, float(self.missed), np.ones(len(stands)))
        self.table: Table = table_of(alike, ground.pairs, self.rules, stands, prices)
        self.search = Search(self.table, self.rules, run)

    def solve(self) -> Cheapest:
        """Return the best set that was found, at the prices of the table."""
        best: Cheapest | None
        if self.rules.only_count:
            best = self._unlimited()
            if best.cost <= self.rules.count:
                return best
        else:
            best = self._limited()
            if best is not None:
                return best
        return Median(self.table, self.rules, self.run, self._tell).solve()

    def rows_of(self, least: float) -> float:
        """Return how many rows are left out at least by what costs no less than a bound."""
        return max(0.0, float(np.ceil((least - self.rules.count) / self.missed - 1e-9)))

    def _unlimited(self) -> Cheapest:
        """Return the fewest stations that leave nobody out, were they not limited in number."""
        best = fewest_sites(self._cover(), self.run, self._tell)
        cost = len(best.chosen)
        return Cheapest(best.chosen, cost, best.least, best.least >= cost)

    def _limited(self) -> Cheapest | None:
        """Return the fewest stations that leave nobody out, or ``None`` if none were found."""
        chosen = self.search.start()
        chosen, cost = self.search.descend(chosen, self.search.total(chosen))
        self._tell(cost, 0.0)
        start = np.zeros(self.rules.size)
        start[chosen] = 1.0
        solved = solve_program(
            self._program(),
            self.run,
            nodes=max(1, round(_NODES * self.run.options.effort)),
            start=start if cost < self.missed else None,
            apart=0.999,
            told=lambda found, least: self._tell(min(found, cost), least),
        )
        if solved.values is not None:
            found = np.flatnonzero(solved.values > 0.5)
            if self.rules.fits(found) and self.search.total(found) < cost:
                chosen, cost = found, self.search.total(found)
        if cost >= self.missed:
            return None
        least = max(0.0, float(np.ceil(solved.bound - 1e-6)))
        if solved.state == "optimal":
            least = float(cost)
        return Cheapest(np.sort(chosen), cost, min(least, cost), least >= cost)

    def _cover(self) -> Cover:
        ones, table = np.ones(len(self.table.site)), self.table
        shape = (len(table.base), self.rules.size)
        return Cover.of(csr_array((ones, table.site, table.start), shape=shape))

    def _program(self) -> Program:
        m, cover, rules = self.rules.size, self._cover(), self.rules
        # With a budget alone, a site can stand for one that covers no more and costs no less.
        alone = rules.conflict is None and not rules.total_floor
        rows, sites = needed(cover, rules.cost if alone else None)
        ruled, lower, upper = rules.matrix()
        n = int(rows.sum())
        return Program(
            np.ones(m),
            sites.astype(np.float64),
            np.ones(m, dtype=bool),
            csc_array(vstack([cover.matrix[np.flatnonzero(rows)], ruled])),
            np.concatenate((np.ones(n), lower)),
            np.concatenate((np.full(n, np.inf), upper)),
        )

    def _tell(self, cost: float, least: float) -> None:
        """Tell stations; while somebody is left out there is no answer yet."""
        self.run.tell(
            cost if cost < self.missed else np.nan,
            np.ceil(least - 1e-6) if np.isfinite(least) and least < self.missed else np.nan,
        )


def solve_covering(ground: Ground, run: "Run") -> Answer:
    """Return the fewest new stations with everyone who can be reached within the radius.

    Where the limits leave somebody out, the fewest rows of demand are left out, then the fewest
    stations opened, and the answer says so: its objective and bound are then those rows.
    """
    covering = _Covering(ground, run)
    best = covering.solve()
    left_out = best.cost // covering.missed
    return Answer(
        chosen=best.chosen,
        served=Served.by(ground.pairs, ground.open_with(best.chosen)),
        objective=float(left_out or best.cost),
        bound=float(covering.rows_of(best.least) if left_out else best.least),
        proven=best.proven,
        swaps=_swaps(covering, best.chosen, left_out=left_out > 0),
        infeasible=left_out > 0,
    )


def _swaps(covering: _Covering, chosen: "Ints", *, left_out: bool) -> tuple[Swap, ...]:
    """Return the exchanges that leave out the fewest rows, and among those the shortest walks."""
    rules, search = covering.rules, covering.search
    _, _, changed = search.changes(chosen)
    cost = changed + search.total(chosen)
    rank = np.empty(cost.size, dtype=np.int64)
    rank[np.lexsort((_walk(covering, chosen).ravel(), cost.ravel()))] = np.arange(cost.size)
    fits = rules.exchangeable(chosen)
    if not left_out:
        fits &= cost < covering.missed  # an exchange that loses somebody is no other answer
    rows = covering.missed if left_out else 1
    return tuple(
        Swap(int(rules.site[chosen[s]]), int(rules.site[j]), float(cost[j, s] // rows))
        for j, s in next_swaps(rank.reshape(cost.shape), fits, covering.run.options.swaps)
    )


def _walk(covering: _Covering, chosen: "Ints") -> "Floats":
    """Return how exchanges change the weighted sum of costs, shape (m, p)."""
    ground = covering.ground
    stands = ground.problem.candidates.stands
    prices = Prices(lambda cost: cost, ground.problem.penalty, np.zeros(len(stands)))
    table = table_of(ground.rows, ground.pairs, ground.rules, stands, prices)
    _, _, changed = Search(table, ground.rules, covering.run).changes(chosen)
    return changed.astype(np.float64)
