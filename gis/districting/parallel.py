"""Regions solved one after the other, or side by side in processes of their own."""

import os
import signal
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from gis.districting.search import CHUNK
from gis.districting.solve import Order, Solution, solve

if TYPE_CHECKING:
    import loky

#: Told the position of a region and the share of it that is done.
Told = Callable[[int, float], bool]

#: Proposals in all below which processes of their own cost more than they save.
_WORTH_IT = 30_000_000

#: Seconds between two looks at whether the caller wants to go on.
_LOOK_S = 0.2

#: Set in each worker process: whether its work is no longer wanted.
_stop: Any = None


def solve_all(
    orders: Sequence[Order],
    workers: int | None,
    told: Told,
) -> list[Solution]:
    """Return the solutions of all regions, in their order; the same for any number of workers.

    Parameters
    ----------
    orders
        Regions, none of which depends on another.
    workers
        Processes; ``None``: one for each processor where the work is large enough.
    told
        Told the position of a region and how much of it is done, up to 1; ``False`` ends all
        searches with the best so far.
    """
    count = processes_for([order.moves for order in orders], workers)
    return _side_by_side(orders, count, told) if count > 1 else _in_turn(orders, told)


def processes_for(moves: Sequence[int], workers: int | None) -> int:
    """Return in how many processes regions of so many proposals are solved, at least 1."""
    if workers is None and sum(moves) < _WORTH_IT:
        return 1
    if workers is None:
        own = hasattr(os, "sched_getaffinity")
        workers = len(os.sched_getaffinity(0)) if own else os.cpu_count() or 1
    return max(1, min(len(moves), workers))


class _Watch:
    """Whether regions that are solved in turn are still wanted."""

    def __init__(self, told: Told) -> None:
        self.told, self.wanted = told, True

    def solved(self, position: int, order: Order) -> Solution:
        looks, most = 0, max(1, order.moves // CHUNK)

        def wanted() -> bool:
            nonlocal looks
            looks += 1
            # Rescues make more looks than were foreseen; the region is done when it is.
            self.wanted = self.told(position, min(0.99, looks / most)) and self.wanted
            return self.wanted

        solution = solve(order, wanted)
        self.wanted = self.told(position, 1.0) and self.wanted
        return solution


def _in_turn(orders: Sequence[Order], told: Told) -> list[Solution]:
    watch = _Watch(told)
    return [watch.solved(position, order) for position, order in enumerate(orders)]


def _side_by_side(orders: Sequence[Order], workers: int, told: Told) -> list[Solution]:
    import loky
    from loky.backend.context import get_context

    context = get_context("loky")
    stop = context.Event()
    executor = loky.ProcessPoolExecutor(
        workers, context=context, initializer=_begin, initargs=(stop,)
    )
    out: list[Solution | None] = [None] * len(orders)
    try:
        # The largest regions first: the last ones to end are then short.
        for position, solution in _as_done(executor, orders):
            if solution is not None:
                out[position] = solution
            if not told(position, float(solution is not None)):
                stop.set()
    except BaseException:
        stop.set()
        raise
    finally:
        executor.shutdown(wait=True, kill_workers=stop.is_set())
    return [solution for solution in out if solution is not None]


def _as_done(
    executor: "loky.ProcessPoolExecutor", orders: Sequence[Order]
) -> Iterator[tuple[int, Solution | None]]:
    """Yield each region with its solution when it is done, and now and then one without."""
    from concurrent.futures import FIRST_COMPLETED, wait

    by_size = sorted(range(len(orders)), key=lambda i: (-orders[i].moves, i))
    position = {executor.submit(_solve, orders[i]): i for i in by_size}
    while position:
        done, _ = wait(position, _LOOK_S, return_when=FIRST_COMPLETED)
        for future in done:
            yield position.pop(future), future.result()
        if not done:
            yield next(iter(position.values())), None


def _begin(stop: Any) -> None:  # noqa: ANN401 - an event of whichever context
    """Prepare a worker: an interrupt is the caller's, who tells the workers."""
    global _stop  # noqa: PLW0603 - the one thing that a worker process is given when it begins
    _stop = stop
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _solve(order: Order) -> Solution:
    return solve(order, lambda: not _stop.is_set())
