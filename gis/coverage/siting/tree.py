"""Branch and bound over single sites, each node bounded by the values of its rows."""

import heapq
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gis.coverage.siting.bounds import Relaxation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gis.coverage.siting.bounds import Bound
    from gis.coverage.siting.problem import Bools, Floats, Ints
    from gis.coverage.siting.rules import Rules
    from gis.coverage.siting.run import Run
    from gis.coverage.siting.table import Table

#: Rounds of the bound in a node, and the length of its first step.
_ROUNDS, _STEP = 60, 0.5
#: Nodes at most.
_NODES = 4_000


@dataclass(frozen=True, eq=False)
class _Node:
    opened: "Bools"
    closed: "Bools"
    value: "Floats"


class Tree:
    """The tree of one table; what costs least at best is looked at first.

    Parameters
    ----------
    table, rules
        Prices, and what sets must keep.
    run
        Says when to stop.
    """

    def __init__(self, table: "Table", rules: "Rules", run: "Run") -> None:
        self.table, self.rules, self.run = table, rules, run
        self._waiting: list[tuple[float, int, _Node]] = []
        self._made = 0
        self._work = 0

    def grow(
        self, root: "Bound", cost: "Callable[[], int]", work: float
    ) -> "Iterator[tuple[Ints | None, float]]":
        """Yield sets worth a look (or ``None``) with a bound for all sets, which never falls.

        Parameters
        ----------
        root
            What is known of all sets.
        cost
            Says what the best set costs so far.
        work
            Pairs looked at, at most.
        """
        opened, closed = root.open_for_sure(cost()), root.closed_for_sure(cost())
        self._wait(root.least, _Node(opened, closed, root.value))
        while self._waiting:
            least = self._waiting[0][0]
            yield None, min(least, cost())
            spent = self._work > work or self._made > _NODES * self.run.options.effort
            if least >= cost() or spent or self.run.over():
                return
            _, _, node = heapq.heappop(self._waiting)
            found = self._branch(node, least, cost)
            if found is not None:
                # The node that was taken out may hold better sets only if it was put back.
                yield found, least
        yield None, float(cost())

    def _wait(self, least: float, node: _Node) -> None:
        self._made += 1
        heapq.heappush(self._waiting, (least, self._made, node))

    def _branch(self, node: _Node, least: float, cost: "Callable[[], int]") -> "Ints | None":
        """Bound a node; put its halves on the heap; return a set to look at, if there is one."""
        rules, left = self.rules.reduced(node.opened, node.closed)
        table = self.table.reduced(node.opened, left)
        fixed = table.constant - self.table.constant
        opened = np.flatnonzero(node.opened)
        if not rules.count or not len(table.site):
            return opened
        relaxation = Relaxation(table, rules, node.value)
        relaxation.improve(lambda: cost() - fixed, _ROUNDS, lambda _: not self.run.over(), _STEP)
        self._work += relaxation.work + len(self.table.site)
        bound = relaxation.bound()
        limit = cost() - fixed
        best = max(least, bound.least + fixed)
        if best >= cost():
            return None
        places = np.flatnonzero(left)
        closed = ~left & ~node.opened
        closed[places[bound.closed_for_sure(limit)]] = True
        sure = node.opened.copy()
        sure[places[bound.open_for_sure(limit)]] = True
        gone = bound.closed_for_sure(limit)
        if gone.all():
            return opened
        at = places[np.argmin(np.where(gone, np.inf, np.abs(relaxation.often - 0.5)))]
        taken = places[relaxation.often > 0.5]
        one, other = sure.copy(), closed.copy()
        one[at] = other[at] = True
        if not sure[at]:
            self._wait(best, _Node(sure, other, bound.value))
        self._wait(best, _Node(one, closed, bound.value))
        return np.concatenate((opened, taken))
