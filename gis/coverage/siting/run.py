"""The run of a solver: its clock, its moves, and what it tells on the way."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from gis.coverage.siting.problem import SitingOptions


@dataclass(frozen=True)
class SitingProgress:
    """How far a solver has come.

    Parameters
    ----------
    objective
        Of the best answer so far; NaN before there is one.
    bound
        No answer is better; NaN before one is known.
    gap
        Distance of the two over the objective; infinite while one is missing.
    moves
        Exchanges that were weighed, so far.
    seconds
        Since the beginning.
    """

    objective: float
    bound: float
    gap: float
    moves: int
    seconds: float


Progress = Callable[[SitingProgress], object]
Stop = Callable[[], bool]


def gap_of(objective: float, bound: float) -> float:
    """Return |objective - bound| over |objective|: 0 where both are equal, infinite if unknown."""
    if not (np.isfinite(objective) and np.isfinite(bound)):
        return float("inf")
    if objective == bound:
        return 0.0
    return abs(objective - bound) / abs(objective) if objective else float("inf")


class Run:
    """Says when to stop, counts moves, and tells the best objective and bound when they change.

    Parameters
    ----------
    options
        Limit of time, seed and effort.
    progress
        Called when the objective or the bound becomes better.
    stop
        Called now and then; ``True`` ends the work with the best so far.
    """

    def __init__(
        self, options: "SitingOptions", progress: Progress | None = None, stop: Stop | None = None
    ) -> None:
        self.options = options
        self.rng = np.random.default_rng(options.seed)
        self.moves = 0
        self.stopped = False
        self._begun = time.monotonic()
        self._progress = progress
        self._stop = stop
        self._told: tuple[float, float] | None = None

    @property
    def seconds(self) -> float:
        """Since the beginning."""
        return time.monotonic() - self._begun

    @property
    def left(self) -> float:
        """Seconds that are left; infinite without a limit."""
        limit = self.options.seconds
        return float("inf") if limit is None else max(0.0, limit - self.seconds)

    def over(self) -> bool:
        """Return whether to stop, and remember it."""
        if not self.stopped:
            self.stopped = self.left <= 0 or (self._stop is not None and bool(self._stop()))
        return self.stopped

    def tell(self, objective: float, bound: float) -> None:
        """Tell the best objective and bound, in the units of the answer, if one of them is new."""
        if self._progress is None or (objective, bound) == self._told:
            return
        self._told = (objective, bound)
        gap = gap_of(objective, bound)
        self._progress(SitingProgress(objective, bound, gap, self.moves, self.seconds))
