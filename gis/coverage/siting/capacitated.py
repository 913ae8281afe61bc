"""Most people, or the least mean walk, where each station has limited room.

People may be split: those of one row go to several stations if one is full. A set is found by
exchanges, each weighed by a bound and then placed exactly; values of the people bound all sets, and
a tree of open and closed sites, bounded in the same way, closes the gap where it is small enough.
"""

import heapq
from typing import TYPE_CHECKING

import numpy as np

from gis.coverage.siting.answer import Answer, Ground
from gis.coverage.siting.result import Flows, Served, Swap
from gis.coverage.siting.rooms import Placed, Placing, Rooms
from gis.coverage.siting.search import Search
from gis.coverage.siting.table import Prices
from gis.coverage.siting.transport import short_rows, site_values

if TYPE_CHECKING:
    from collections.abc import Callable

    from gis.coverage.siting.problem import Bools, Floats, Ints
    from gis.coverage.siting.rules import Rules
    from gis.coverage.siting.run import Run
    from gis.coverage.siting.table import Table

#: Sets placed exactly for one exchange, sets of the bound that are improved, and shakes.
_TRIES, _IMPROVED, _SHAKES, _STRONGEST = 8, 8, 4, 3
#: Rounds of the bound at the root and in a node; length of the first step; where it ends.
_ROUNDS, _NODE_ROUNDS, _STEP, _NODE_STEP = 400, 60, 1.5, 0.5
_PATIENCE, _LAST_STEP, _SMOOTH, _RECENT = 12, 0.002, 0.3, 0.95
#: Work of the tree in pairs looked at; sets placed for the swaps that are told, at most.
_WORK, _SWAPS = 2e9, 200
#: Nodes of the tree at most.
_NODES = 4_000
_ROUNDING = 1e-9
_NEVER = np.iinfo(np.int64).max // 4


class _Values:
    """Values of the people, and the bound that they give, with some sites open and some closed."""

    def __init__(self, rooms: Rooms, rules: "Rules", opened: "Bools", left: "Bools") -> None:
        self.rooms, self.rules = rooms, rules
        m = len(left)
        self._left = np.flatnonzero(left)
        self._always = np.concatenate((np.flatnonzero(opened), np.arange(m, len(rooms.room))))
        self.often = np.zeros(len(self._left))
        self.best, self.value = -np.inf, np.empty(0)
        self.work = 0

    def improve(
        self, first: "Floats", aim: int, steps: tuple[int, float], on: "Callable[[], bool]"
    ) -> "tuple[Ints, ...]":
        """Improve the bound from some values; return the sets that better bounds came with.

        ``steps`` are how many at most, and the length of the first; ``on`` is asked whether to go
        on after each.
        """
        rounds, step = steps
        rooms, waited, sets = self.rooms, 0, []
        value, direction = first.copy(), np.zeros(len(first))
        for _ in range(rounds):
            value = np.clip(value, 0.0, rooms.missed)
            now, taken, short = self._bound(value)
            if now > self.best:
                self.best, self.value, waited = now, value.copy(), 0
                sets.append(self._left[taken[self._left] > 0])
            else:
                waited += 1
                if waited > _PATIENCE:
                    step, waited = step / 2, 0
            if step < _LAST_STEP or self.least >= aim or not on():
                break
            short[(value >= rooms.missed) & (short > 0)] = 0.0
            direction = _SMOOTH * direction + (1 - _SMOOTH) * short
            square = float(direction @ direction)
            if not square:
                break
            value = value + step * max(aim - now, 1.0) / square * direction
        return tuple(sets)

    @property
    def least(self) -> float:
        """The bound in whole units; rounded up where every cost is whole."""
        margin = 1e-11 * max(1.0, abs(self.best))
        if self.rooms.whole and np.isfinite(self.best):
            return float(np.ceil(self.best - max(margin, 1e-6)))
        return self.best - margin

    def _bound(self, value: "Floats") -> "tuple[float, Floats, Floats]":
        reduced = np.empty(len(self.rooms.room))
        site_values(self.rooms.sites, self.rooms.people, self.rooms.room, value, reduced)
        chosen, least, self._priced = self.rules.least(reduced[self._left])
        taken = np.zeros(len(reduced))
        taken[self._left] = chosen
        taken[self._always] = 1.0
        now = float(value @ self.rooms.people) + least + float(reduced[self._always].sum())
        short = self.rooms.people.astype(np.float64)
        short_rows(self.rooms.sites, self.rooms.people, self.rooms.room, value, taken, short)
        self.often = _RECENT * self.often + (1 - _RECENT) * chosen
        self.work += len(self.rooms.sites[1])
        return now, taken, short

    def fixed(self, aim: int) -> "tuple[Ints, Ints]":
        """Return the sites that every set below the aim holds, and those that none holds."""
        whole, _, _ = self._bound(self.value)
        priced, count = self._priced, self.rules.count
        order = np.sort(np.minimum(priced, 0.0))
        last = order[count - 1] if count <= len(order) else 0.0
        after = order[count] if count < len(order) else 0.0
        taken = np.zeros(len(priced), dtype=bool)
        taken[np.argsort(priced, kind="stable")[:count]] = True
        taken &= priced < 0
        limit = aim + 1e-11 * max(1.0, abs(whole))
        sure = taken & (whole + after - priced > limit)
        never = ~taken & (whole + priced - last > limit)
        return self._left[sure], self._left[never]


class _Capacitated:
    """The search for the cheapest set of stations with limited room."""

    def __init__(self, ground: Ground, run: "Run", prices: Prices) -> None:
        self.ground, self.rules, self.run = ground, ground.rules, run
        self.rooms = Rooms.of(ground, prices)
        self.placing = Placing(self.rooms, self.rules.size, run)
        self.least = 0.0

    @property
    def aim(self) -> int:
        """The cost that is worth getting below."""
        cost = self.best.cost
        return cost if self.rooms.whole else cost - int(_ROUNDING * cost)

    @property
    def closed(self) -> bool:
        """Whether the bound has reached the cost."""
        return self.least >= self.aim

    def solve(self, told: "Callable[[float, float], None]") -> None:
        """Find a set and a bound, as near to each other as the effort allows."""
        self._told = told
        start = Search(self._roomy(), self.rules, self.run).start()
        self.best = self.placing.place(start)
        self._descend(self.best)
        none = np.zeros(self.rules.size, dtype=bool)
        values = _Values(self.rooms, self.rules, none, ~none)
        rounds = round(_ROUNDS * self.run.options.effort)
        for step, part in ((_STEP, rounds // 2), (_NODE_STEP, rounds - rounds // 2)):
            first = values.value if len(values.value) else self.placing.values(self.best)
            if self.closed or self.run.over():
                return
            sets = values.improve(first, self.aim, (part, step), lambda: self._further(values))
            self._improve(sets)
        self._shake()
        if not self.closed:
            self._tree(values)

    def _roomy(self) -> "Table":
        """Return the table of the candidates alone, as if there were room for everyone."""
        m = self.rules.size
        opened = np.zeros(len(self.rooms.room), dtype=bool)
        opened[m:] = True
        return self.rooms.table.reduced(opened, ~opened)

    def _bounded(self, least: float) -> None:
        if least > self.least:
            self.least = min(least, float(self.best.cost))
        self._told(self.best.cost, self.least)

    def _further(self, values: _Values) -> bool:
        self._bounded(values.least)
        return not self.run.over()

    def _improve(self, sets: "tuple[Ints, ...]") -> None:
        """Improve the last sets of the bound, which are the best, by exchanges."""
        seen: set[bytes] = set()
        for taken in reversed(sets):
            if len(seen) >= _IMPROVED or self.closed or self.run.over():
                return
            key = taken.tobytes()
            if key not in seen and self.rules.fits(taken):
                seen.add(key)
                self._descend(self.placing.place(taken))

    def _descend(self, placed: Placed) -> None:
        """Make the best exchange of those that their bounds put first, while one saves."""
        better: Placed | None = placed
        while better is not None:
            placed = better
            if placed.cost < self.best.cost:
                self.best = placed
                self._told(self.best.cost, self.least)
            better = None if self.run.over() else self._better(placed)

    def _better(self, placed: Placed) -> Placed | None:
        for least, other in self._ways(placed)[:_TRIES]:
            if least >= 0:
                return None
            if self.placing.cost(other) < placed.cost:
                return self.placing.place(other)
        return None

    def _ways(self, placed: Placed) -> "list[tuple[int, Ints]]":
        """Return the changes that the rules allow, the most promising first."""
        add, drop, swap = self.placing.changes(placed)
        rules, chosen = self.rules, placed.chosen
        costs = np.concatenate(
            (
                np.where(rules.addable(chosen), add, _NEVER),
                np.where(rules.droppable(chosen), drop, _NEVER),
                np.where(rules.exchangeable(chosen), swap, _NEVER).ravel(),
            )
        )
        out = []
        m, p = rules.size, len(chosen)
        for at in np.argsort(costs, kind="stable")[: _SWAPS + p].tolist():
            if costs[at] >= _NEVER:
                break
            if at < m:
                other = np.append(chosen, at)
            elif at < m + p:
                other = np.delete(chosen, at - m)
            else:
                j, s = divmod(at - m - p, p)
                other = np.append(np.delete(chosen, s), j)
            out.append((int(costs[at]), other))
        return out

    def _shake(self) -> None:
        strength = 1
        search = Search(self._roomy(), self.rules, self.run)
        rounds = max(1, round(_SHAKES * self.run.options.effort))
        while strength <= _STRONGEST and not self.closed and not self.run.over():
            before = self.best.cost
            for _ in range(rounds):
                self._descend(self.placing.place(search.shaken(self.best.chosen, strength)))
            strength = 1 if self.best.cost < before else strength + 1

    def _tree(self, root: _Values) -> None:
        """Branch on the sites in doubt; what costs least at best is looked at first."""
        sure, never = root.fixed(self.aim)
        opened = np.zeros(self.rules.size, dtype=bool)
        closed = opened.copy()
        opened[sure], closed[never] = True, True
        waiting = [(self.least, 0, opened, closed, root.value)]
        effort = self.run.options.effort
        work, made, limit, nodes = 0.0, 0, _WORK * effort, _NODES * effort
        while waiting:
            least, _, opened, closed, value = waiting[0]
            self._bounded(least)
            if self.closed or work > limit or made > nodes or self.run.over():
                return
            heapq.heappop(waiting)
            rules, left = self.rules.reduced(opened, closed)
            if not left.any() or not rules.count:
                self._leaf(np.flatnonzero(opened))
                continue
            if rules.hopeless:
                continue
            values = _Values(self.rooms, rules, opened, left)
            sets = values.improve(
                value, self.aim, (_NODE_ROUNDS, _NODE_STEP), lambda: not self.run.over()
            )
            work += values.work
            least = max(least, values.least)
            for taken in sets[-1:]:
                self._leaf(np.concatenate((np.flatnonzero(opened), taken)))
            if least >= self.aim:
                continue
            places = np.flatnonzero(left)
            sure, never = values.fixed(self.aim)
            opened, closed = opened.copy(), ~left & ~opened
            at = places[np.argmin(np.abs(values.often - 0.5))]
            opened[sure], closed[never] = True, True
            for one in (True, False):
                if (closed if one else opened)[at]:
                    continue
                made += 1
                more, less = opened.copy(), closed.copy()
                (more if one else less)[at] = True
                heapq.heappush(waiting, (least, made, more, less, values.value))
        self._bounded(float(self.best.cost))

    def _leaf(self, chosen: "Ints") -> None:
        if self.rules.fits(chosen) and self.placing.cost(chosen) < self.best.cost:
            self._descend(self.placing.place(chosen))

    def swaps(self, number: int) -> "list[tuple[int, int, int]]":
        """Return the cheapest exchanges as (site, other site, cost), placed exactly.

        Bounds put the promising ones first; when none that is left can be among the best, they are
        the best of all.
        """
        chosen = self.best.chosen
        _, _, swap = self.placing.changes(self.best)
        fits = np.flatnonzero(self.rules.exchangeable(chosen))
        least = swap.ravel()[fits] + self.best.cost
        found: list[tuple[int, int, int]] = []
        for at in np.argsort(least, kind="stable")[:_SWAPS].tolist():
            worst = sorted(cost for _, _, cost in found)[:number]
            full = len(worst) == number
            if full and (self.run.over() or not number or least[at] > worst[-1]):
                break
            j, s = divmod(int(fits[at]), len(chosen))
            cost = self.placing.cost(np.append(np.delete(chosen, s), j))
            found.append((int(chosen[s]), j, cost))
        return sorted(found, key=lambda one: one[2])[:number]


def solve_capacitated(ground: Ground, run: "Run") -> Answer:
    """Return the set of stations by which people are served at least cost in their room."""
    problem, rules = ground.problem, ground.rules
    most = run.options.objective == "capacitated_mclp"
    free = np.zeros(problem.candidates.number)
    if most:
        prices = Prices(np.zeros_like, 1.0, free)
    else:
        prices = Prices(lambda cost: cost, problem.penalty, free)
    search = _Capacitated(ground, run, prices)
    reachable = float(ground.rows.weight[ground.reachable].sum())

    def objective(units: float) -> float:
        price = units / search.rooms.scale
        return reachable - price if most else price

    search.solve(lambda cost, least: run.tell(objective(cost), objective(least)))
    best = search.best
    served, flows, unserved = _placed(ground, search.rooms, best)
    value = _value(ground, prices, search.rooms, best)
    value = reachable - value if most else value
    return Answer(
        chosen=best.chosen,
        served=served,
        objective=value,
        bound=value if search.closed else objective(search.least),
        proven=search.closed,
        swaps=tuple(
            Swap(int(rules.site[out]), int(rules.site[new]), objective(cost))
            for out, new, cost in search.swaps(run.options.swaps)
        ),
        flows=flows,
        unserved=unserved,
    )


def _value(ground: Ground, prices: Prices, rooms: Rooms, best: Placed) -> float:
    """Return what people pay, in the units of the objective."""
    weight = ground.problem.equity_of_rows[ground.rows.demand[rooms.row]]
    out = float(weight @ best.flow[:, -1]) * prices.missed
    for column, number in enumerate(rooms.open_numbers(best.chosen).tolist()):
        reached = best.flow[:, column] > 0
        costs = _costs(ground, rooms, number)[reached]
        out += float((weight * best.flow[:, column])[reached] @ prices.unit(costs))
    return out


def _costs(ground: Ground, rooms: Rooms, candidate: int) -> "Floats":
    """Return the cost of each row of the rooms at a candidate, infinite where it has none."""
    out = np.full(len(ground.rows.demand), np.inf)
    pairs = ground.pairs
    start, row, _ = rooms.sites
    site = int(np.flatnonzero(rooms.number == candidate)[0])
    at = pairs.candidate == candidate
    # Both are in the order of the rows.
    out[row[start[site] : start[site + 1]]] = pairs.cost[at]
    return out[: len(rooms.row)]


def _placed(ground: Ground, rooms: Rooms, best: Placed) -> "tuple[Served, Flows, Bools]":
    """Return the station of most people of each row with the mean cost, all flows, who is left."""
    number, flow = rooms.open_numbers(best.chosen), best.flow[:, :-1]
    row, column = np.nonzero(flow)
    flows = Flows(ground.rows.demand[rooms.row[row]], number[column], flow[row, column])
    candidate = np.full(len(ground.rows.demand), -1)
    cost = np.full(len(candidate), np.inf)
    some = flow.any(axis=1)
    if some.any():
        candidate[rooms.row[some]] = number[flow[some].argmax(axis=1)]
    walked = np.zeros(len(rooms.row))
    for at, one in enumerate(number.tolist()):
        here = flow[:, at] > 0
        walked[here] += flow[here, at] * _costs(ground, rooms, one)[here]
    cost[rooms.row[some]] = walked[some] / flow[some].sum(axis=1)
    unserved = np.ones(len(candidate), dtype=bool)
    unserved[rooms.row] = best.flow[:, -1] > 0
    return Served(candidate, cost), flows, unserved
