"""Which sentinels a client goes on to ask."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

import pytest
from redis.asyncio.sentinel import MasterNotFoundError
from redis.exceptions import ConnectionError as LostError
from support.waiting import until

from tokenauthority_server.adapters.redis.sentinel import Sentinels

STATE = {
    "is_master": True,
    "is_sdown": False,
    "is_odown": False,
    "num-other-sentinels": 2,
    "ip": "127.0.0.1",
    "port": 7,
}


@dataclass(eq=False)
class FakeSentinel:
    """One that is away, or knows the primary as soon as it is let."""

    is_away: bool = False
    may_answer: asyncio.Event = field(default_factory=asyncio.Event)
    asked: int = 0

    async def sentinel_masters(self) -> dict[str, object]:
        self.asked += 1
        if self.is_away:
            raise LostError
        await self.may_answer.wait()
        return {"authority": STATE}


def sentinels(*some: FakeSentinel) -> Any:
    made: Any = Sentinels([])  # type: ignore[no-untyped-call] # the library's
    made.sentinels = list(some)
    return made


async def test_of_several_who_ask_at_once_none_makes_it_forget_one() -> None:
    # Guard: with the library's own list two of these were the same one, and the first was lost.
    away, knows, other = FakeSentinel(is_away=True), FakeSentinel(), FakeSentinel()
    asked = sentinels(away, knows, other)
    asking = [asyncio.create_task(asked.discover_master("authority")) for _ in range(3)]
    await until(lambda: knows.asked == len(asking))
    knows.may_answer.set()
    assert await asyncio.gather(*asking) == [("127.0.0.1", 7)] * 3
    assert asked.sentinels[0] is knows
    assert set(asked.sentinels) == {away, knows, other}


async def test_that_none_knows_the_primary_changes_nothing() -> None:
    both = [FakeSentinel(is_away=True), FakeSentinel(is_away=True)]
    asked = sentinels(*both)
    with pytest.raises(MasterNotFoundError):
        await asked.discover_master("authority")
    assert asked.sentinels == both
