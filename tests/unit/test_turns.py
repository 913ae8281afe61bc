"""Turns: so many at once, so many of one caller, and nobody waits for ever."""

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.security.limits import POINTS
from api.turns import HEAVY, BusyError, Turns

pytestmark = pytest.mark.unit


def finish(work: Coroutine[None, None, None]) -> None:
    """Run `work` in a thread of its own.

    The driver of the browser keeps a loop running in the thread of the tests,
    and a thread holds one.
    """
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, work).result()


@settings(max_examples=50, deadline=None)
@given(
    callers=st.lists(st.sampled_from("abcde"), min_size=1, max_size=30),
    at_once=st.integers(1, 5),
    each=st.integers(1, 3),
)
def test_never_more_than_allowed_and_everybody_in_the_end(
    callers: list[str], at_once: int, each: int
):
    turns, done = Turns(at_once, each, line=100, patience_s=60), []
    working: list[str] = []

    async def work(who: str) -> None:
        async with turns.turn(who):
            working.append(who)
            assert len(working) <= at_once
            assert working.count(who) <= each
            await asyncio.sleep(0)
            working.remove(who)
        done.append(who)

    async def all_of_them() -> None:
        await asyncio.gather(*(work(who) for who in callers))

    finish(all_of_them())
    assert sorted(done) == sorted(callers)


def test_one_who_asks_for_much_leaves_room_for_others():
    async def ask() -> None:
        turns = Turns(at_once=3, each=2, line=5, patience_s=60)
        async with AsyncExitStack() as held:
            for _ in range(2):
                await held.enter_async_context(turns.turn("a"))
            third = asyncio.create_task(held.enter_async_context(turns.turn("a")))
            await asyncio.sleep(0)
            async with turns.turn("b"):
                assert not third.done()
            third.cancel()

    finish(ask())


def test_who_finds_the_line_full_or_waits_too_long_is_told_so():
    async def ask() -> None:
        turns = Turns(at_once=1, each=1, line=1, patience_s=0.05)
        async with turns.turn("a"):
            waits = asyncio.create_task(turns.turn("b").__aenter__())
            await asyncio.sleep(0)
            with pytest.raises(BusyError):
                await turns.turn("c").__aenter__()
            with pytest.raises(BusyError):
                await waits
        async with turns.turn("c"):  # nothing was lost on the way
            pass

    finish(ask())


def test_a_turn_is_given_back_by_who_fails_or_goes():
    async def ask() -> None:
        turns = Turns(at_once=1, each=1, line=1, patience_s=60)

        async def fail() -> None:
            async with turns.turn("a"):
                msg = "it fails"
                raise ValueError(msg)

        async def stay() -> None:
            async with turns.turn("a"):
                await asyncio.Event().wait()

        with pytest.raises(ValueError, match="fails"):
            await fail()
        gone = asyncio.create_task(stay())
        await asyncio.sleep(0)
        gone.cancel()
        await asyncio.gather(gone, return_exceptions=True)
        async with turns.turn("b"):
            pass

    finish(ask())


def test_what_the_worker_does_later_waits_for_no_turn():
    assert {"coverage_map", "walking_map", "get_isochrone", "download_export"} <= HEAVY
    assert not {"start_siting", "list_grids", "get_grid"} & HEAVY
    assert set(POINTS) >= HEAVY
