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
    count = min(len(orders), workers or _sensible(orders))
    return _side_by_side(orders, count, told) if count > 1 else _in_turn(orders, told)


def _sensible(orders: Sequence[Order]) -> int:
    if sum(order.moves for order in orders) < _WORTH_IT:
        return 1
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


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
            out[position] = solution
            if not told(position, 1.0):
                stop.set()
    except BaseException:
        stop.set()
        raise
    finally:
        executor.shutdown(wait=True, kill_workers=stop.is_set())
    return [solution for solution in out if solution is not None]


def _as_done(
    executor: "loky.ProcessPoolExecutor", orders: Sequence[Order]
) -> Iterator[tuple[int, Solution]]:
    from loky import as_completed

    by_size = sorted(range(len(orders)), key=lambda i: (-orders[i].moves, i))
    position = {executor.submit(_solve, orders[i]): i for i in by_size}
    for future in as_completed(position):
        yield position[future], future.result()


def _begin(stop: Any) -> None:  # noqa: ANN401 - an event of whichever context
    """Prepare a worker: an interrupt is the caller's, who tells the workers."""
    global _stop  # noqa: PLW0603 - the one thing that a worker process is given when it begins
    _stop = stop
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _solve(order: Order) -> Solution:
    return solve(order, lambda: not _stop.is_set())
