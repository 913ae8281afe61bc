"""A search: grids of one region, their prices, and the refinement of them."""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from gis.districting.annealing import (
    HOUSEHOLDS,
    LOAD,
    STEP,
    anneal,
    descend,
    exchange,
    grids_of,
    relieve,
    total_cost,
)
from gis.districting.net import LINKS, Net, Prices, bench_of
from gis.districting.options import MOST_WEIGHT
from gis.districting.partition import pieces_of
from gis.districting.region import POINT

if TYPE_CHECKING:
    from gis.districting.graph import Ints
    from gis.districting.options import DrawOptions, Preset, Weights
    from gis.districting.region import Region

#: Proposals between two looks at the clock; a multiple of the step of the temperature.
CHUNK = 128 * STEP
#: Proposals per node of one annealing; what is left of a budget goes into further ones.
ROUND = 2000
#: Borders over which chains are begun between two looks at the clock.
_BORDERS = 4096
#: Sweeps of the descent that ends a refinement; each but the last one finds an improvement.
_SWEEPS = 30
#: Proposals per node with which a search that is told to stop cools down.
_QUENCH = 200
#: Of a refinement in two parts, the share of the first, and the temperatures between them.
_FIRST_PART, _FIRST_COLD, _SECOND_HOT = 0.5, 60.0, 100.0
#: Perimeter is in dm and area in dm², moments in m: this brings both shape terms to one scale.
_DM4_PER_M4 = 10_000
#: Points per household that leaves its grid at a stability of 1: below those out of range.
_MOST_CHANGE = 100.0


class Clock:
    """Says when to stop: at a time, or when the caller wants no more.

    Parameters
    ----------
    end
        Time on the monotonic clock, or ``None``.
    wanted
        Called now and then; ``False`` ends the work.
    """

    def __init__(self, end: float | None = None, wanted: Callable[[], bool] | None = None) -> None:
        self._end = end
        self._wanted = wanted
        self.stopped = False

    def over(self) -> bool:
        """Return whether to stop, and remember it."""
        if not self.stopped:
            late = self._end is not None and time.monotonic() > self._end
            self.stopped = late or (self._wanted is not None and not self._wanted())
        return self.stopped


class Search:
    """Grids of a region that are being refined; labels are 0 … ``count`` - 1.

    Parameters
    ----------
    region
        The ground.
    label
        Grid of each node; every grid in one piece.
    options
        Band, weights and effort.
    seed
        State of all random choices.
    origin
        For each grid the current one that it continues, or -1; ``None``: none continues any.
    """

    def __init__(
        self,
        region: "Region",
        label: "Ints | list[int]",
        options: "DrawOptions",
        seed: int,
        origin: list[int] | None = None,
    ) -> None:
        first = np.array(label, dtype=np.int64)
        self.region, self.options = region, options
        self.count = int(first.max()) + 1
        self.origin = [-1] * self.count if origin is None else origin
        self.net = _net_of(region, self.origin)
        self.bench = bench_of(region.size, seed)
        self._label = first
        self._weigh_by(options.priced)

    def _price(self, weights: "Weights") -> None:
        self.prices = prices_of(self.region, self.count, self.options, weights)
        self._put(self._label)

    @property
    def label(self) -> "Ints":
        """Grid of each node."""
        return self.grids.label

    def total(self) -> int:
        """Return the cost of the whole state."""
        return total_cost(self.net, self.prices, self.grids)

    def out_of_range(self) -> int:
        """Return the households above the maximum and below the minimum, over all grids."""
        return int(self._off().sum())

    def _off(self) -> "Ints":
        people, options = self.grids.sums[:, HOUSEHOLDS], self.options
        off = np.maximum(options.minimum - people, people - options.maximum)
        return np.maximum(0, off).astype(np.int64)

    def whole(self) -> bool:
        """Return whether every grid is in one piece: only locks can leave one in several."""
        if not self.region.frozen.any():
            return True
        return len(pieces_of(self.region, self.label.tolist())) == self.count

    def rank(self) -> tuple[bool, int, int]:
        """Return what is compared between searches: less is better."""
        return not self.whole(), self.out_of_range(), self.total()

    def anneal(self, moves: int, hot: float, cold: float, clock: Clock) -> None:
        """Refine by ``moves`` proposals from ``hot`` to ``cold`` points, or stop and cool down."""
        swaps = self.options.effort.swaps
        heat = np.array([hot * POINT, (cold / hot) ** (STEP / max(STEP, moves)), swaps])
        for done in range(0, moves, CHUNK):
            if clock.over():
                left = _QUENCH * self.region.size
                now = heat[0] * heat[1] ** (done // STEP)
                heat = np.array([now, (cold * POINT / now) ** (STEP / max(STEP, left)), swaps])
                anneal(self.net, self.prices, self.grids, self.bench, heat, 0, left)
                return
            size = min(CHUNK, moves - done)
            anneal(self.net, self.prices, self.grids, self.bench, heat, done, size)

    def refine(self, moves: int, clock: Clock, hot: float, again: float) -> None:
        """Refine in place by the preset's way; what ends worse than it began is undone.

        Parameters
        ----------
        moves
            Budget of proposals.
        clock
            When to stop early.
        hot, again
            Temperature at which it begins, and to which it is heated up again.
        """
        if self.count < 2 or not len(self.region.target) or not moves:
            return
        effort, before, cost = self.options.effort, self.label.copy(), self.total()
        if effort.first_deviation is not None and hot > _SECOND_HOT:
            self._price(_with_deviation(self._weights, effort))
            first = int(moves * _FIRST_PART)
            self._rounds(first, clock, (hot, again, _FIRST_COLD))
            self._price(self._weights)
            moves, hot, again = moves - first, _SECOND_HOT, _SECOND_HOT
        self._rounds(moves, clock, (hot, again, effort.cold))
        if self.total() > cost:
            self._put(before)

    def mend(self, moves: int, clock: Clock, hot: float) -> None:
        """Refine a current plan in place: the band first, and no chain of moves left that pays.

        An annealing finds what many moves together gain, and chains over the whole of a grid's
        border the few moves that bring it into the band. Where the latter are cheaper, or a
        grid is still out of the band, what they gave is annealed as well; the cheapest is kept.

        Parameters
        ----------
        moves
            Budget of proposals of each annealing.
        clock
            When to stop early.
        hot
            Temperature at which they begin.
        """
        begun = self.label.copy()
        # So dear that no shape is worth a household out of the band.
        usual, strict = self._weights, replace(self._weights, out_of_range=MOST_WEIGHT)
        self._weigh_by(strict)
        self._relieve(clock)
        self._settle(clock)
        mended, cost = self.label.copy(), self.total()
        self._put(begun)
        self._weigh_by(usual)
        self.refine(moves, clock, hot, hot)
        self._weigh_by(strict)
        self._settle(clock)
        found, least = self.label.copy(), self.total()
        if least > cost or self._off().any():
            self._put(mended)
            self.refine(moves, clock, hot, hot)
            self._settle(clock)
            if self.total() > least:
                self._put(found)
        self._weigh_by(usual)

    def _weigh_by(self, weights: "Weights") -> None:
        self._weights = weights
        self._price(weights)

    def _relieve(self, clock: Clock) -> None:
        """Bring grids into the band by the best chain of each, the one farthest off first."""
        stuck: set[int] = set()
        while not clock.over():
            off = self._off()
            off[list(stuck)] = 0
            grid = int(off.argmax())
            if not off[grid]:
                return
            missed = self.out_of_range()
            relieve(self.net, self.prices, self.grids, self.bench, grid, LINKS)
            if self.out_of_range() >= missed:
                stuck.add(grid)

    def _settle(self, clock: Clock) -> None:
        """Make moves and chains of two that pay, until none is left."""
        given, borders = (self.net, self.prices, self.grids, self.bench), len(self.net.target)
        for _ in range(_SWEEPS):
            cost = descend(*given, _SWEEPS)
            for first in range(0, borders, _BORDERS):
                if clock.over():
                    return
                cost += exchange(*given, first, min(first + _BORDERS, borders))
            if not cost:
                return

    def _rounds(self, moves: int, clock: Clock, heat: tuple[float, float, float]) -> None:
        """Anneal, and heat the best so far up again, as long as the budget lasts."""
        hot, again, cold = heat
        rounds = max(1, moves // (ROUND * self.region.size))
        best, least = self.label.copy(), None
        for number in range(rounds):
            begin = hot if number == 0 else again
            self.anneal(moves // rounds, max(begin, cold), cold, clock)
            descend(self.net, self.prices, self.grids, self.bench, _SWEEPS)
            cost = self.total()
            if least is None or cost <= least:
                best, least = self.label.copy(), cost
            else:
                self._put(best)
            if clock.stopped:
                break

    def _put(self, label: "Ints") -> None:
        self.grids = grids_of(self.net, self.prices, label, self.count)
        self._label = self.grids.label


def _with_deviation(weights: "Weights", effort: "Preset") -> "Weights":
    deviation = effort.first_deviation or weights.deviation
    return replace(weights, deviation=deviation, distance=0.0, outliers=0.0)


def _net_of(region: "Region", origin: list[int]) -> Net:
    """Return the region's arrays; a node is at home in the grid that continues its current one."""
    home = np.full(region.size, -1, dtype=np.int64)
    for grid, old in enumerate(origin):
        if old >= 0:
            home[region.current == old] = grid
    return Net(
        region.indptr,
        region.source,
        region.target,
        region.joined,
        region.border,
        region.cut,
        region.held,
        region.nodes,
        region.frozen,
        home,
    )


def prices_of(region: "Region", count: int, options: "DrawOptions", weights: "Weights") -> Prices:
    """Return what grids of the region cost, if there are ``count``."""
    mean = float(region.nodes[:, LOAD].sum()) / max(1, count)
    return Prices(
        people=_people_prices(region.total, options, weights),
        shape=weights.shape * POINT / (4 * np.pi),
        dispersion=weights.dispersion * POINT * 2 * np.pi * _DM4_PER_M4,
        load=weights.balance * POINT * (100 / mean) ** 2 if mean else 0.0,
        mean_load=mean,
        change=round(_price_of_change(weights.change, options.stability) * POINT),
    )


def _price_of_change(price: float, stability: float) -> float:
    """Return the points per household that leaves its grid; ``price`` at a stability of ½."""
    if stability == 1:
        return _MOST_CHANGE
    return min(_MOST_CHANGE, price * stability / (1 - stability))


def _people_prices(total: int, options: "DrawOptions", weights: "Weights") -> "Ints":
    """Return the cost of a grid's households, for every number that can occur."""
    people = np.arange(total + 1, dtype=float)
    off = np.abs(people - options.target) * 100 / options.target
    beyond = np.maximum(0, np.maximum(options.minimum - people, people - options.maximum))
    # The first household out of range already costs more than any shape is worth.
    points = weights.deviation * off**2 + weights.distance * off + weights.outliers * off**4
    points += weights.out_of_range * (beyond + 10 * (beyond > 0))
    prices: Ints = np.round(points * POINT).astype(np.int64)
    return prices
