"""Row 26: a store that is silent, slow, resetting or slicing bytes.

Answers come soon. Where it is PostgreSQL they are right, or `UNAVAILABLE`, and access tokens are
validated by the view; where it is Redis nobody notices.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass

import pytest
from faults.harness.counts import rounds
from faults.harness.network import Network
from faults.harness.network_faults import NETWORK_FAULTS, PASSABLE
from faults.harness.pace import Pace
from faults.harness.verdicts import Verdicts, ending, known_sessions
from support.authority import Served, serving
from support.postgres import Databases
from support.waiting import eventually

from tokenauthority_client import TokenAuthorityClient

Counted = Callable[[int, int], Iterator[int]]

LEASE = "1"
"""Seconds: whoever is cut off from Redis is not waited for much longer than the faults last."""
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
        for name in NETWORK_FAULTS:
            networks = {
                "PostgreSQL": await enter(Network.before(url)),
                "Redis": await enter(Network.before(redis_url)),
            }
            urls = [one.url for one in networks.values()]
            authority = await enter(serving(*urls, REVOCATION_LEASE_SECONDS=LEASE))
            client = await enter(TokenAuthorityClient(authority.channel))
            bad[name] = Replica(authority, client, networks)
        good = await enter(serving(url, redis_url, REVOCATION_LEASE_SECONDS=LEASE))
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
        NETWORK_FAULTS[one.name](one.network)
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
                await verdicts.validate_refresh_token(verdicts.sessions[0])
                asked = "validate refresh token"
                assert verdicts.unavailable[asked] + verdicts.busy[asked], one.name
            await one.verdicts.validate_by_view()
        await asyncio.gather(*(one.heal() for one in all_of_them))


async def test_redis_behind_a_bad_network(replicas: Replicas, pace: Pace, counted: Counted) -> None:
    # Guard: with half a minute for each command, lists had no answer within their callers' 5 s.
    all_of_them = await suffering(replicas, "Redis", pace)
    for _ in counted(26, rounds(1, 20)):
        await suffer(replicas.good, all_of_them)
        for one in all_of_them:
            assert not one.verdicts.unavailable, one.name
        await asyncio.gather(*(one.heal() for one in all_of_them))
