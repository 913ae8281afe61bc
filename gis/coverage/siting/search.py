"""Sets of sites that are cheap in a table: greedy, exchanges, and neighbourhoods that grow."""

from typing import TYPE_CHECKING

import numpy as np

from gis.coverage.siting.kernels import swap_table, two_nearest

if TYPE_CHECKING:
    from gis.coverage.siting.problem import Bools, Floats, Ints
    from gis.coverage.siting.rules import Rules
    from gis.coverage.siting.run import Run
    from gis.coverage.siting.table import Table

#: A change that is not allowed costs this.
_NEVER = np.iinfo(np.int64).max // 4


class Search:
    """Sets of sites of one table, and what changes of them cost.

    Parameters
    ----------
    table
        Prices.
    rules
        What a set must keep.
    run
        Counts moves and says when to stop.
    """

    def __init__(self, table: "Table", rules: "Rules", run: "Run") -> None:
        self.table, self.rules, self.run = table, rules, run

    def total(self, chosen: "Ints") -> int:
        """Return the cost of a set without the constant, in whole units."""
        first, _, _ = self.nearest(chosen)
        return int(first.sum() + self.table.opening[chosen].sum())

    def nearest(self, chosen: "Ints") -> "tuple[Ints, Ints, Ints]":
        """Return the lowest and second lowest price of each row, and the slot of the lowest."""
        slot = np.full(self.rules.size, -1)
        slot[chosen] = np.arange(len(chosen))
        first, second = np.empty_like(self.table.base), np.empty_like(self.table.base)
        owner = two_nearest(self.table.arrays, slot, first, second)
        return first, second, owner

    def changes(self, chosen: "Ints") -> "tuple[Ints, Ints, Ints]":
        """Return what it costs to add (m,), to drop (p,) and to exchange (m, p)."""
        first, second, owner = self.nearest(chosen)
        shape = (self.rules.size, len(chosen))
        self.run.moves += shape[0] * (shape[1] + 1)
        gain, loss, extra = swap_table(self.table.arrays, owner, first, second, shape)
        opening = self.table.opening
        add = opening - gain
        drop = loss - opening[chosen]
        return add, drop, add[:, None] + drop - extra

    def additions(self, chosen: "Ints") -> "Ints":
        """Return what it costs to add each site (m,): what :meth:`changes` says, in less time."""
        first, _, owner = self.nearest(chosen)
        # With no second price above the first, the rows are read no farther than they are improved.
        gain, _, _ = swap_table(
            self.table.arrays, owner, first, first, (self.rules.size, len(chosen))
        )
        cost: Ints = self.table.opening - gain
        return cost

    def greedy(self, *, per_cost: bool = False, chosen: "Ints | None" = None) -> "Ints":
        """Return a set grown by what saves most, or most for its cost, while that saves."""
        chosen = np.empty(0, dtype=np.int64) if chosen is None else chosen
        while (may := self.rules.addable(chosen)).any():
            self.run.moves += int(may.sum())
            add = self.additions(chosen).astype(np.float64)
            if per_cost:
                add = add / np.maximum(self.rules.cost, 1e-9)
            best = int(np.argmin(np.where(may, add, np.inf)))
            if add[best] >= 0:
                break
            chosen = np.append(chosen, best)
        return chosen

    def descend(self, chosen: "Ints", cost: int) -> "tuple[Ints, int]":
        """Return the set after the best change, again and again while one saves, and its cost."""
        while not self.run.over():
            saved, chosen = self._best_change(chosen)
            if saved <= 0:
                break
            cost -= saved
        return chosen, cost

    def _best_change(self, chosen: "Ints") -> "tuple[int, Ints]":
        add, drop, swap = self.changes(chosen)
        rules = self.rules
        ways = []
        if (may := rules.addable(chosen)).any():
            j = _least(add, may)
            ways.append((int(add[j]), np.append(chosen, j)))
        if len(chosen) and (drop < 0).any() and (leaves := rules.droppable(chosen)).any():
            s = _least(drop, leaves)
            ways.append((int(drop[s]), np.delete(chosen, s)))
        if len(chosen) and (fits := rules.exchangeable(chosen)).any():
            j, s = divmod(_least(swap, fits), len(chosen))
            other = chosen.copy()
            other[s] = j
            ways.append((int(swap[j, s]), other))
        if not ways:
            return 0, chosen
        cost, best = min(ways, key=lambda way: way[0])
        return (-cost, best) if cost < 0 else (0, chosen)

    def start(self) -> "Ints":
        """Return a first set that keeps the rules: greedy, by what saves and by what it costs."""
        sets = [self.greedy()]
        if np.isfinite(self.rules.budget):
            sets.append(self.greedy(per_cost=True))
        kept = [one for one in sets if self.rules.fits(one)]
        if kept:
            return min(kept, key=self.total)
        return self.rules.some_set(self.run)

    def shaken(self, chosen: "Ints", strength: int) -> "Ints":
        """Return a set after some exchanges at random that the rules allow."""
        rng = self.run.rng
        for _ in range(min(strength, len(chosen))):
            fits = np.flatnonzero(self.rules.exchangeable(chosen))
            if not len(fits):
                break
            j, s = divmod(int(fits[rng.integers(len(fits))]), len(chosen))
            chosen = chosen.copy()
            chosen[s] = j
        return chosen


def _least(costs: "Ints", may: "Bools") -> int:
    return int(np.argmin(np.where(may, costs, _NEVER)))


def next_swaps(cost: "Ints | Floats", fits: "Bools", number: int) -> "list[tuple[int, int]]":
    """Return the cheapest exchanges that fit, as (site, slot), ties by their place."""
    allowed = np.flatnonzero(fits)
    order = np.argsort(cost.ravel()[allowed], kind="stable")[:number]
    width = max(1, fits.shape[1])
    return [divmod(int(at), width) for at in allowed[order]]
