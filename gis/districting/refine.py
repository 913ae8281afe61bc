"""Refinement: simulated annealing of single moves that keeps every grid in one piece.

Source: Kirkpatrick, Gelatt and Vecchi (1983), Optimization by simulated annealing; contiguity kept
as in Openshaw and Rao (1995), Algorithms for reengineering 1991 Census geography.
"""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from gis.districting.region import POINT

if TYPE_CHECKING:
    import numpy as np

    from gis.districting.state import State

#: Last temperature in points: a grid may hardly grow a rag any more.
COLD = 3.0
#: First temperature, in points, of a refinement that starts from a plan that is in use.
WARM = 25.0
_CHUNK = 4096
#: Sweeps of the descent that ends a refinement; each but the last one finds an improvement.
_SWEEPS = 30


class Clock:
    """Says when to stop: after a number of seconds, or when the caller wants no more.

    Parameters
    ----------
    seconds
        Time limit, or ``None``.
    wanted
        Called now and then; ``False`` ends the work.
    """

    def __init__(
        self, seconds: float | None = None, wanted: Callable[[], bool] | None = None
    ) -> None:
        self._end = None if seconds is None else time.monotonic() + seconds
        self._wanted = wanted
        self.stopped = False

    def over(self) -> bool:
        """Return whether to stop, and remember it."""
        if not self.stopped:
            late = self._end is not None and time.monotonic() > self._end
            self.stopped = late or (self._wanted is not None and not self._wanted())
        return self.stopped


def anneal(
    state: "State", moves: int, hot: float, rng: "np.random.Generator", clock: Clock
) -> None:
    """Improve a state in place by ``moves`` proposed single moves, cooling from ``hot`` points.

    Parameters
    ----------
    state
        Contiguous grids; they stay contiguous, and none vanishes.
    moves
        Budget of proposals.
    hot
        First temperature in points; the last is :data:`COLD`.
    rng
        Source of every random choice.
    clock
        When to stop early.
    """
    region, label = state.region, state.label
    pairs = [
        (v, e[0])
        for v in range(region.size)
        if not region.frozen[v]
        for e in region.edges[v]
        if e[4]
    ]
    if not pairs or state.count < 2:
        return
    cooling = (COLD / hot) ** (1 / max(1, moves))
    heat = hot * POINT
    for done in range(0, moves, _CHUNK):
        if clock.over():
            return
        size = min(_CHUNK, moves - done)
        picks = rng.integers(len(pairs), size=size).tolist()
        patience = rng.standard_exponential(size).tolist()
        for pick, wait in zip(picks, patience, strict=True):
            heat *= cooling
            v, u = pairs[pick]
            if label[v] == label[u]:
                continue
            change = state.delta(v, label[u])
            if change[0] <= heat * wait and state.leaves_whole(v):
                state.move(v, label[u], change)


def descend(state: "State", clock: Clock) -> None:
    """Improve a state in place by single moves, each the best of its node, until none is left."""
    region, label = state.region, state.label
    for _ in range(_SWEEPS):
        moved = False
        for v in range(region.size):
            if region.frozen[v]:
                continue
            near = sorted({label[e[0]] for e in region.edges[v] if e[4]} - {label[v]})
            if not near:
                continue
            change, grid = min((state.delta(v, b), b) for b in near)
            if change[0] < 0 and state.leaves_whole(v):
                state.move(v, grid, change)
                moved = True
        if not moved or clock.over():
            return
