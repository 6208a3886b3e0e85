"""The whole authority on a cluster of Redis and on a primary that sentinels watch."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import grpc
import pytest
from support.authority import Served, serving
from support.callers import create_request
from support.outages import assert_all_answered, calls_of
from support.valkey_nodes import ValkeyCluster, WatchedPrimary
from support.waiting import eventually

from tokenauthority.v1 import token_service_pb2 as pb
from tokenauthority_server.adapters.redis.connection import connect
from tokenauthority_server.adapters.redis.durability import Setup, setups

WARNING = (
    "during a failover Redis may have two primaries that take writes, and who asks the old one "
    "hears of revocations seconds late; set min-replicas-to-write to half of the replicas or more"
)
HEALED_SECONDS = 30.0
"""What is bounded is that it heals at all; the machine does much else meanwhile."""


@pytest.fixture(params=["cluster", "watched"])
def servers(request: pytest.FixtureRequest) -> ValkeyCluster | WatchedPrimary:
    found: ValkeyCluster | WatchedPrimary = request.getfixturevalue(request.param)
    return found


async def pair_of(authority: Served, user_id: str) -> pb.TokenPair:
    return (await authority.stub.CreatePair(create_request(user_id))).pair


async def validated(authority: Served, token: str) -> pb.ValidateResponse:
    return await authority.stub.Validate(pb.ValidateRequest(token=token))


async def revoked(authority: Served, pair: pb.TokenPair) -> bool:
    """Revoke it; return whether that is effective everywhere."""
    response = await authority.stub.Revoke(pb.RevokeRequest(session_id=pair.session_id))
    return response.effective_everywhere


async def leased(authority: Served) -> None:
    """Return when tokens are judged from memory, and revocations are final when acknowledged."""
    pair = await pair_of(authority, "u-probe")

    async def is_leased() -> bool:
        try:
            answer = await validated(authority, pair.access_token)
        except grpc.aio.AioRpcError:
            return False
        assert answer.active
        return answer.source == pb.CHECK_SOURCE_LEASED_VIEW

    await eventually(is_leased, HEALED_SECONDS)

    async def is_final() -> bool:
        try:
            return await revoked(authority, await pair_of(authority, "u-probe"))
        except grpc.aio.AioRpcError:
            return False

    await eventually(is_final, HEALED_SECONDS)


@asynccontextmanager
async def judged(*authorities: Served) -> AsyncIterator[None]:
    """Meanwhile tokens are made, revoked and asked about: no verdict may be false."""
    over = asyncio.Event()

    async def judge(number: int) -> int:
        rounds = 0
        while not over.is_set():
            # No answer is no false one, and a busy machine has some of them.
            with suppress(grpc.aio.AioRpcError):
                await judge_once(number)
                rounds += 1
            await asyncio.sleep(0.02)
        return rounds

    async def judge_once(number: int) -> None:
        authority = authorities[number % len(authorities)]
        good = await pair_of(authority, f"u-good-{number}")
        bad = await pair_of(authority, f"u-bad-{number}")
        final = await revoked(authority, bad)
        for other in authorities:
            assert (await validated(other, good.access_token)).active
            # What is not known to be final becomes so within seconds.
            assert not final or not (await validated(other, bad.access_token)).active

    async with asyncio.TaskGroup() as tasks:
        judges = [tasks.create_task(judge(number)) for number in range(2)]
        try:
            yield
        finally:
            over.set()
    assert all(judge.result() for judge in judges)


async def test_the_main_job(servers: ValkeyCluster | WatchedPrimary, database_url: str) -> None:
    async with serving(database_url, servers.url) as authority:
        await leased(authority)
        assert (await authority.stores())["Redis"] == "up"
        pair = await pair_of(authority, "u-1")
        answers = await assert_all_answered(calls_of(authority, pair, "u-1"))
        assert answers["Validate"].active
        assert not answers["Refresh"].replayed
        dead = await pair_of(authority, "u-1")
        assert await revoked(authority, dead)
        answer = await validated(authority, dead.access_token)
        assert not answer.active
        assert answer.source == pb.CHECK_SOURCE_LEASED_VIEW


@pytest.mark.timeout(180)
@pytest.mark.parametrize("way", ["switch", "fail_over"])
async def test_a_failover_heals_by_itself_and_no_verdict_is_false(
    servers: ValkeyCluster | WatchedPrimary, database_url: str, way: str
) -> None:
    async with (
        serving(database_url, servers.url) as one,
        serving(database_url, servers.url) as other,
    ):
        for authority in (one, other):
            await leased(authority)
        async with judged(one, other):
            await asyncio.to_thread(getattr(servers, way))
            for authority in (one, other):
                await leased(authority)
        await shown_up(one)


async def shown_up(authority: Served) -> None:
    async def is_up() -> bool:
        return (await authority.stores())["Redis"] == "up"

    await eventually(is_up, HEALED_SECONDS)


async def test_how_each_primary_is_set_up_is_told(
    cluster: ValkeyCluster, watched: WatchedPrimary, redis_url: str
) -> None:
    alone = Setup("noeviction", 0, 0)
    expected = {
        cluster.url: [alone, alone, Setup("noeviction", 0, 1)],
        watched.url: [Setup("noeviction", 1, 2)],
        redis_url: [alone],
    }

    async def is_told() -> bool:
        told = {}
        for url in expected:
            client = connect(url)
            told[url] = sorted(await setups(client), key=lambda one: one.replicas)
            await client.aclose()
        return told == expected

    # After a failover a replica comes back only when it has found its new primary.
    await eventually(is_told, HEALED_SECONDS)


async def test_replicas_that_are_not_asked_for_are_warned_of(
    cluster: ValkeyCluster, watched: WatchedPrimary, database_url: str
) -> None:
    async with serving(database_url, cluster.url) as authority:
        (warning,) = await authority.logged(WARNING)
        assert (warning["replicas"], warning["min_replicas_to_write"]) == (1, 0)
    async with serving(database_url, watched.url) as authority:
        await leased(authority)
        assert WARNING not in authority.log.getvalue()
