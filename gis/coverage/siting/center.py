"""The least worst cost (p-center): the cost below which no set reaches everyone.

A few rows of demand decide it. The answer for some rows bounds that for all; the rows that its
stations reach worst join them, until none is worse than the bound.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gis.coverage.siting.answer import Answer, Ground
from gis.coverage.siting.kernels import by_rows, cheapest_first, worst_of_swaps
from gis.coverage.siting.median import Median
from gis.coverage.siting.result import Served, Swap
from gis.coverage.siting.search import Search, next_swaps
from gis.coverage.siting.table import Table

if TYPE_CHECKING:
    from gis.coverage.siting.problem import Floats, Ints
    from gis.coverage.siting.run import Run


@dataclass(frozen=True, eq=False)
class _Levels:
    """Costs that an answer can have, 0 first, and last that of not reaching somebody."""

    cost: "Floats"
    table: Table
    fixed: int

    @classmethod
    def of(cls, ground: Ground) -> "_Levels":
        """Return the levels, and the table of the rows whose level depends on the choice."""
        pairs, rules = ground.pairs, ground.rules
        stands = ground.problem.candidates.stands
        cost = np.append(np.unique(np.append(pairs.cost, 0.0)), np.inf)
        level = np.searchsorted(cost, pairs.cost)
        top = len(cost) - 1
        held = np.where(stands[pairs.candidate], level, top).astype(np.float64)
        base: Ints = pairs.least(held, top).astype(np.int64)
        number = np.full(len(stands), -1)
        number[rules.site] = np.arange(rules.size)
        site = number[pairs.candidate]
        kept = (site >= 0) & (level < base[pairs.row])
        start = np.concatenate(([0], np.cumsum(kept)))[pairs.start]
        decided = (np.diff(start) == 0) & ground.reachable
        fixed = int(base[decided].max(initial=0))
        asks = np.diff(start) > 0
        table = Table(
            base[asks],
            np.concatenate(([0], np.cumsum(np.diff(start)[asks]))),
            site[kept].astype(np.int32),
            level[kept].astype(np.int64),
            np.zeros(rules.size, dtype=np.int64),
            1.0,
            whole=True,
            constant=0,
        )
        cheapest_first(table.start, table.site, table.price)
        return cls(cost, table, fixed)

    @property
    def top(self) -> int:
        """The level of not reaching somebody."""
        return len(self.cost) - 1

    @property
    def least(self) -> int:
        """A level that no set is below: that of the row whose nearest candidate is farthest."""
        nearest = self.table.price[self.table.start[:-1]]
        return max(self.fixed, int(nearest.max(initial=0)))

    def within(self, rows: "Ints", level: int) -> Table:
        """Return the table of who of some rows is left out at a level: each such row costs 1."""
        rows = rows[self.table.base[rows] > level]
        length = np.diff(self.table.start)[rows]
        begin = np.concatenate(([0], np.cumsum(length)))
        at = np.arange(begin[-1]) + np.repeat(self.table.start[rows] - begin[:-1], length)
        kept = self.table.price[at] <= level
        return Table(
            np.ones(len(rows), dtype=np.int64),
            np.concatenate(([0], np.cumsum(kept)))[begin],
            self.table.site[at][kept],
            np.zeros(int(kept.sum()), dtype=np.int64),
            self.table.opening,
            1.0,
            whole=True,
            constant=0,
        )


class _Center:
    """The search: a lower level that is proven, an upper level that was reached."""

    def __init__(self, ground: Ground, run: "Run") -> None:
        self.ground, self.run = ground, run
        self.levels = _Levels.of(ground)
        self.search = Search(self.levels.table, ground.rules, run)
        self.low = self.levels.least
        self.chosen = self.search.start()
        self.high = self._worst(self.chosen)
        self.sure = True

    def cost(self, level: int) -> float:
        """Return the cost of a level; not being reached costs the penalty."""
        if level == self.levels.top:
            return max(self.ground.problem.penalty, float(self.levels.cost[-2]))
        return float(self.levels.cost[level])

    def solve(self) -> None:
        """Raise the lower level and lower the upper one until they meet."""
        rows = np.unique(self._farthest(self.chosen))
        self._tell()
        while self.low < self.high and self.sure and not self.run.over():
            found = self._reach(rows, self.low)
            if found is None:
                self._raise(rows)
                continue
            self._try(found)
            fresh = np.setdiff1d(self._farthest(found), rows)
            rows = np.union1d(rows, fresh)

    def _raise(self, rows: "Ints") -> None:
        """Find the lowest level above the lower one at which some set reaches the rows."""
        low, high = self.low, self.high
        while low + 1 < high and self.sure and not self.run.over():
            middle = (low + high) // 2
            found = self._reach(rows, middle)
            if found is None:
                low = middle
            else:
                high = middle
                self._try(found)
        if self.sure and not self.run.stopped:
            self.low = low + 1
        else:
            self.low = max(self.low, low)
        self._tell()

    def _reach(self, rows: "Ints", level: int) -> "Ints | None":
        """Return a set that reaches rows at a level, or ``None`` if there is none.

        Where that is not decided within the effort, ``sure`` ends.
        """
        table = self.levels.within(rows, level)
        best = Median(
            table, self.ground.rules, self.run, lambda _cost, _least: None, goal=1
        ).solve()
        if best.cost == 0:
            return best.chosen
        if best.least < 1:
            self.sure = False
        return None

    def _try(self, chosen: "Ints") -> None:
        worst = self._worst(chosen)
        if worst < self.high:
            self.chosen, self.high = chosen, worst
            self._tell()

    def _worst(self, chosen: "Ints") -> int:
        first, _, _ = self.search.nearest(chosen)
        return max(self.levels.fixed, int(first.max(initial=0)))

    def _farthest(self, chosen: "Ints") -> "Ints":
        """Return of each station's rows that which is farthest, and that which nobody serves."""
        first, _, owner = self.search.nearest(chosen)
        order = np.lexsort((np.arange(len(first)), -first, owner))
        _, at = np.unique(owner[order], return_index=True)
        rows: Ints = order[at]
        return rows

    def _tell(self) -> None:
        self.run.tell(self.cost(self.high), self.cost(min(self.low, self.high)))

    def swaps(self) -> tuple[Swap, ...]:
        """Return the exchanges with the lowest worst level."""
        table, rules, chosen = self.levels.table, self.ground.rules, self.chosen
        if not len(chosen):
            return ()
        first, second, owner = self.search.nearest(chosen)
        row = np.repeat(np.arange(len(table.base)), np.diff(table.start))
        start, order = by_rows(table.site.astype(np.int64), row, rules.size, len(table.base))
        shape = (rules.size, len(chosen))
        self.run.moves += shape[0] * shape[1]
        worst = worst_of_swaps((start, row[order], table.price[order]), owner, first, second, shape)
        worst = np.maximum(worst, self.levels.fixed)
        best = next_swaps(worst, rules.exchangeable(chosen), self.run.options.swaps)
        return tuple(
            Swap(int(rules.site[chosen[s]]), int(rules.site[j]), self.cost(int(worst[j, s])))
            for j, s in best
        )


def solve_center(ground: Ground, run: "Run") -> Answer:
    """Return the set with the least worst cost over all rows that can be reached."""
    center = _Center(ground, run)
    center.solve()
    chosen = np.sort(center.chosen)
    center.chosen = chosen
    return Answer(
        chosen=chosen,
        served=Served.by(ground.pairs, ground.open_with(chosen)),
        objective=center.cost(center.high),
        bound=center.cost(min(center.low, center.high)),
        proven=center.low >= center.high,
        swaps=center.swaps(),
    )
