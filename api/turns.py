"""Turns: few requests that take long are worked on at once, so that the others find a thread.

Whoever waits for a turn takes neither a thread nor a connection meanwhile.
"""

import asyncio
from collections import Counter
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, cast

from fastapi import Depends, Request

from api.security.gate import Gate, get_scope
from api.security.limits import POINTS
from api.security.network import limited_as
from gis.errors import WanggeError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from api.security.identity import Caller

#: Requests that are worked on at once, and of one caller.
AT_ONCE, EACH = 4, 2
#: Requests that may wait, and for how long.
LINE, PATIENCE_S = 32, 20.0
#: From so many points on a request waits for its turn.
_COSTLY = 5
#: These cost points for what the worker does later.
_QUEUED = frozenset(
    {"start_coverage_run", "start_siting", "start_import", "draw_plan", "rebalance_plan"}
)
#: Operations that wait for their turn.
HEAVY = frozenset(name for name, points in POINTS.items() if points >= _COSTLY) - _QUEUED


class BusyError(WanggeError):
    """Too many requests that take long are asked for at once."""


class Turns:
    """Who is at work and who waits, in one process.

    Parameters
    ----------
    at_once, each
        Requests that are worked on at once, and of one caller.
    line, patience_s
        Requests that may wait, and seconds for which one does.
    """

    def __init__(
        self,
        at_once: int = AT_ONCE,
        each: int = EACH,
        line: int = LINE,
        patience_s: float = PATIENCE_S,
    ) -> None:
        """Begin with nobody."""
        self._at_once, self._each = at_once, each
        self._line, self._patience_s = line, patience_s
        self._working: Counter[str] = Counter()
        self._waiting = 0
        self._changed = asyncio.Condition()

    @asynccontextmanager
    async def turn(self, who: str) -> "AsyncGenerator[None]":
        """Wait until there is room for a request of somebody, and take it.

        Raises
        ------
        BusyError
            Too many wait already, or it took too long.
        """
        await self._take(who)
        try:
            yield
        finally:
            # Also when the request was cancelled: nobody else would give it back.
            await asyncio.shield(self._give_back(who))

    async def _take(self, who: str) -> None:
        if self._waiting >= self._line:
            raise _busy()
        self._waiting += 1
        try:
            async with asyncio.timeout(self._patience_s), self._changed:
                await self._changed.wait_for(lambda: self._has_room(who))
                self._working[who] += 1
        except TimeoutError:
            raise _busy() from None
        finally:
            self._waiting -= 1

    def _has_room(self, who: str) -> bool:
        return self._working.total() < self._at_once and self._working[who] < self._each

    async def _give_back(self, who: str) -> None:
        async with self._changed:
            self._working[who] -= 1
            if not self._working[who]:
                del self._working[who]
            self._changed.notify_all()


async def take_turn(
    request: Request,
    _: object = Depends(get_scope),  # who is refused waits for nothing
) -> "AsyncGenerator[None]":
    """Wait for the turn of a request that takes long; the others pass.

    ``Depends(take_turn, scope="function")``: it is given back when the answer is made.
    """
    if request.scope["route"].name not in HEAVY:
        yield
        return
    caller = cast("Caller", request.state.caller)
    who = caller.user_id or limited_as(Gate.of(request).address(request))
    async with cast("Turns", request.app.state.turns).turn(who):
        yield


def _busy() -> BusyError:
    return BusyError(
        "Many requests that take long are being worked on.", remedy="Try again in a moment."
    )
