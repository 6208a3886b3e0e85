"""Turns: who comes in, who waits, and who has to go."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from tokenauthority_server.domain.errors import OverloadedError
from tokenauthority_server.services.turns import Turns


class Queue:
    """Callers of one Turns, and the order in which they had theirs."""

    def __init__(self, turns: Turns) -> None:
        self._turns = turns
        self.had: list[str] = []
        self.callers: list[asyncio.Task[None]] = []

    async def comes(self, place: str, times: int = 1) -> list[asyncio.Task[None]]:
        came = [asyncio.create_task(self._call(place)) for _ in range(times)]
        self.callers += came
        await asyncio.sleep(0)
        return came

    async def _call(self, place: str) -> None:
        async with self._turns.turn(place):
            self.had.append(place)
            await asyncio.sleep(0)

    async def ends(self) -> list[BaseException | None]:
        return await asyncio.gather(*self.callers, return_exceptions=True)


@asynccontextmanager
async def busy(turns: Turns) -> AsyncIterator[Queue]:
    """All turns are taken until the end."""
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(turns.turn("before"))
        yield Queue(turns)


async def test_so_many_work_at_once_and_no_more() -> None:
    turns, at_once, most = Turns(2), 0, 0

    async def work() -> None:
        nonlocal at_once, most
        async with turns.turn("a"):
            at_once += 1
            most = max(most, at_once)
            await asyncio.sleep(0)
            at_once -= 1

    await asyncio.gather(*(work() for _ in range(20)))
    assert most == 2


async def test_lines_take_turns() -> None:
    # Seen failing with one line for all.
    async with busy(Turns(1)) as queue:
        await queue.comes("flood", 4)
        await queue.comes("b", 2)
        await queue.comes("c")
    await queue.ends()
    assert queue.had == ["flood", "b", "c", "flood", "b", "flood", "flood"]


async def test_where_there_is_no_room_the_longest_line_gives_way() -> None:
    # Seen failing with the newcomer sent away.
    async with busy(Turns(1, most_waiting=5)) as queue:
        flood = await queue.comes("flood", 5)
        await queue.comes("b", 2)
        # The line itself is the longest one now, but for one.
        (third,) = await queue.comes("b")
        (own,) = await queue.comes("flood")
        assert isinstance(own.exception(), OverloadedError)
        assert isinstance(third.exception(), OverloadedError)
    ends = await queue.ends()
    assert queue.had == ["flood", "b", "flood", "b", "flood"]
    assert [type(one) for one in ends[:5]] == [type(None)] * 3 + [OverloadedError] * 2
    assert flood[-1].exception() is not None


async def test_nobody_waits_for_ever() -> None:
    turns = Turns(1, patience=0.01)
    async with busy(turns) as queue:
        await queue.comes("a", 2)
        await queue.comes("b")
        assert [type(one) for one in await queue.ends()] == [OverloadedError] * 3
    assert queue.had == []
    async with turns.turn("c"):
        pass


async def test_who_goes_away_has_no_turn() -> None:
    async with busy(Turns(1)) as queue:
        (gone, _) = await queue.comes("a", 2)
        (alone,) = await queue.comes("b")
        gone.cancel()
        alone.cancel()
        await asyncio.sleep(0)
        await queue.comes("c")
    await queue.ends()
    assert queue.had == ["a", "c"]


async def test_a_turn_that_comes_too_late_is_passed_on() -> None:
    # Seen failing without it: the turn is lost, and with it the last of them.
    turns = Turns(1)
    async with busy(turns) as queue:
        (first,) = await queue.comes("a")
        await queue.comes("b")
    # It has the turn, and goes away before it hears of it.
    first.cancel()
    await queue.ends()
    assert queue.had == ["b"]
    async with asyncio.timeout(1), turns.turn("c"):
        pass


async def test_who_goes_away_at_that_very_moment_is_passed_over() -> None:
    # Seen failing: it is given the turn, or sent away, though it has gone.
    turns = Turns(1, most_waiting=3)
    async with busy(turns) as queue:
        flood = await queue.comes("flood", 3)
        newcomer = asyncio.create_task(queue._call("b"))
        flood[2].cancel()  # the newcomer finds it in its line still
        await asyncio.sleep(0)
        flood[0].cancel()  # and so does the turn
    await newcomer
    await queue.ends()
    assert queue.had == ["b", "flood"]
    async with asyncio.timeout(1), turns.turn("c"):
        pass


async def test_what_fails_gives_its_turn_back() -> None:
    turns = Turns(1)
    with pytest.raises(RuntimeError):
        async with turns.turn("a"):
            raise RuntimeError
    async with asyncio.timeout(1), turns.turn("a"):
        pass
