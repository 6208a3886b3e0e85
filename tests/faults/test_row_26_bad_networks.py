"""Row 26: a store that is silent, slow, resetting or slicing bytes.

Answers come soon. Where it is PostgreSQL they are right, or `UNAVAILABLE`; where it is Redis nobody
notices.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass

import pytest
from faults.harness.counts import rounds
from faults.harness.network import Network
from faults.harness.pace import Pace
from faults.harness.verdicts import Verdicts, ending, known_sessions
from support.authority import Served, serving
from support.postgres import Databases
from support.waiting import eventually

from tokenauthority_client import TokenAuthorityClient

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
class Replica:
    """An authority behind a network for each of its stores."""

    authority: Served
    client: TokenAuthorityClient
    networks: Mapping[str, Network]


@dataclass(frozen=True)
class Replicas:
    """One without faults, and one for each fault; all of them on the same database."""

    good: Served
    bad: Mapping[str, Replica]


@dataclass(frozen=True)
class Suffering:
    """What is asked of a replica whose way to one store is bad."""

    replica: Replica
    store: str
    verdicts: Verdicts

    @property
    def name(self) -> str:
        return self.verdicts.name

    @property
    def network(self) -> Network:
        return self.replica.networks[self.store]

    async def heal(self) -> None:
        """Heal the network; return when every verdict is right again, and the store shown as up."""
        self.network.heal()
        await self.verdicts.heals()

        async def shown_up() -> bool:
            return (await self.replica.authority.stores())[self.store] == "up"

        await eventually(shown_up)


@pytest.fixture(scope="module")
async def replicas(databases: Databases, redis_url: str) -> AsyncIterator[Replicas]:
    async with AsyncExitStack() as stack:
        enter = stack.enter_async_context
        url = await enter(databases.fresh())
        bad = {}
        for name in FAULTS:
            networks = {
                "PostgreSQL": await enter(Network.before(url)),
                "Redis": await enter(Network.before(redis_url)),
            }
            authority = await enter(serving(*(one.url for one in networks.values())))
            client = await enter(TokenAuthorityClient(authority.channel))
            bad[name] = Replica(authority, client, networks)
        good = await enter(serving(url, redis_url))
        yield Replicas(good, bad)


async def suffering(replicas: Replicas, store: str, pace: Pace) -> list[Suffering]:
    """Sessions for each fault, of which the replica without faults knows."""
    found = []
    for name, replica in replicas.bad.items():
        sessions = await known_sessions(replicas.good, f"{name}-{store}", SESSIONS)
        verdicts = Verdicts(name, replica.client, sessions, pace)
        found.append(Suffering(replica, store, verdicts))
    return found


async def suffer(good: Served, all_of_them: list[Suffering]) -> None:
    """Ask all of them while their faults last and sessions end elsewhere."""
    for one in all_of_them:
        FAULTS[one.name](one.network)
    async with AsyncExitStack() as endings:
        for one in all_of_them:
            sessions = one.verdicts.sessions
            await endings.enter_async_context(ending(good, sessions, SECONDS / SESSIONS))
        await asyncio.gather(*(one.verdicts.ask(SECONDS) for one in all_of_them))
    for one in all_of_them:
        assert any(session.ended for session in one.verdicts.sessions), one.name


async def test_postgres_behind_a_bad_network(
    replicas: Replicas, pace: Pace, counted: Counted
) -> None:
    # Guards: without the bounds of Database (its wait, and its pools' time-outs) answers took 2.8 s
    # and longer; with facts that could not be read taken for none, revoked tokens were active.
    all_of_them = await suffering(replicas, "PostgreSQL", pace)
    for _ in counted(26, rounds(1, 20)):
        await suffer(replicas.good, all_of_them)
        for one in all_of_them:
            if one.name in PASSABLE:
                await one.verdicts.get_through()
            else:
                verdicts = one.verdicts
                # Each call takes long, and perhaps none of the few was this one.
                await verdicts.validate(verdicts.sessions[0])
                assert verdicts.unavailable["validate"] + verdicts.busy["validate"], one.name
        await asyncio.gather(*(one.heal() for one in all_of_them))


async def test_redis_behind_a_bad_network(replicas: Replicas, pace: Pace, counted: Counted) -> None:
    # Guard: with half a minute for each command, lists had no answer within their callers' 5 s.
    all_of_them = await suffering(replicas, "Redis", pace)
    for _ in counted(26, rounds(1, 20)):
        await suffer(replicas.good, all_of_them)
        for one in all_of_them:
            assert not one.verdicts.unavailable, one.name
        await asyncio.gather(*(one.heal() for one in all_of_them))
