"""Row 26: a store that is silent, slow, resetting or slicing bytes.

Answers come soon. Where it is PostgreSQL they are right, or `UNAVAILABLE`; where it is Redis nobody
notices.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from faults.harness.counts import rounds
from faults.harness.network import Network
from faults.harness.verdicts import Verdicts, ending, known_sessions
from support.authority import Served, serving
from support.waiting import eventually

Counted = Callable[[int, int], Iterator[int]]
Fault = Callable[[Network], None]

FAULTS: dict[str, Fault] = {
    "slow": lambda network: network.delay(30),
    "too slow": lambda network: network.delay(700),
    "slicing": lambda network: network.slice(120),
    "resetting": lambda network: network.reset_within(0.5),
    "dropping": lambda network: network.drop(),
    "swallowing": lambda network: network.blackhole(),
    "silent": lambda network: network.silence(),
}
PASSABLE = {"slow", "slicing", "resetting"}
"""Faults that let a call through, if late or at the second attempt; the others let none."""
SESSIONS = 6
SECONDS = 1.0


@dataclass(frozen=True)
class Behind:
    """An authority behind a bad network, and what is asked of it."""

    network: Network
    authority: Served
    verdicts: Verdicts

    @property
    def name(self) -> str:
        return self.verdicts.name

    async def show_store_up(self, store: str) -> None:
        async def shown() -> bool:
            return (await self.authority.stores())[store] == "up"

        await eventually(shown)


@asynccontextmanager
async def each_behind_its_fault(
    database_url: str, redis_url: str, *, redis: bool
) -> AsyncIterator[tuple[Served, list[Behind]]]:
    """An authority without faults, and one for each fault; all of them on the same database."""
    async with AsyncExitStack() as stack:
        good = await stack.enter_async_context(serving(database_url, redis_url))
        behind = []
        for name in FAULTS:
            network = await stack.enter_async_context(
                Network.before(redis_url if redis else database_url)
            )
            urls = (database_url, network.url) if redis else (network.url, redis_url)
            authority = await stack.enter_async_context(serving(*urls))
            sessions = await known_sessions(good, name, SESSIONS)
            behind.append(Behind(network, authority, Verdicts(name, authority.client, sessions)))
        yield good, behind


async def suffer(good: Served, behind: list[Behind]) -> None:
    """Ask all of them while their faults last and sessions end elsewhere."""
    for one in behind:
        FAULTS[one.name](one.network)
    async with AsyncExitStack() as endings:
        for one in behind:
            sessions = one.verdicts.sessions
            await endings.enter_async_context(ending(good, sessions, SECONDS / SESSIONS))
        await asyncio.gather(*(one.verdicts.ask(SECONDS) for one in behind))
    for one in behind:
        assert any(session.ended for session in one.verdicts.sessions), one.name


async def test_postgres_behind_a_bad_network(
    database_url: str, redis_url: str, counted: Counted
) -> None:
    # Guards: without the bounds of Database (its wait, and its pools' time-outs) answers took 2.8 s
    # and longer; with facts that could not be read taken for none, revoked tokens were active.
    async with each_behind_its_fault(database_url, redis_url, redis=False) as (good, behind):
        for _ in counted(26, rounds(1, 20)):
            await suffer(good, behind)
            for one in behind:
                verdicts = one.verdicts
                if one.name in PASSABLE:
                    assert verdicts.answered["validate"], one.name
                else:
                    assert verdicts.unavailable["validate"], one.name
                one.network.heal()
            await asyncio.gather(*(one.verdicts.heals() for one in behind))
            for one in behind:
                await one.show_store_up("PostgreSQL")


async def test_redis_behind_a_bad_network(
    database_url: str, redis_url: str, counted: Counted
) -> None:
    # Guard: with half a minute for each command, lists had no answer within their callers' 5 s.
    async with each_behind_its_fault(database_url, redis_url, redis=True) as (good, behind):
        for _ in counted(26, rounds(1, 20)):
            await suffer(good, behind)
            for one in behind:
                assert not one.verdicts.unavailable, one.name
                one.network.heal()
            await asyncio.gather(*(one.verdicts.heals() for one in behind))
            for one in behind:
                await one.show_store_up("Redis")
