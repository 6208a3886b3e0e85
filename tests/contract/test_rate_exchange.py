"""RateExchange: what all processes together have let through."""

import asyncio
import secrets
from collections.abc import AsyncIterator

import pytest
from support.valkey_nodes import ValkeyCluster

from tokenauthority_server.adapters.memory.rates import MemoryRateExchange
from tokenauthority_server.adapters.redis.connection import Client, connect
from tokenauthority_server.adapters.redis.rates import RedisRateExchange
from tokenauthority_server.domain.errors import StoreUnavailableError
from tokenauthority_server.domain.rates import Quota, RateExchange, Use

MILLISECOND = 1_000_000
SECOND = 1000 * MILLISECOND
SLACK = 500 * MILLISECOND
"""What a busy machine may take between two questions."""


@pytest.fixture
async def client(redis_url: str) -> AsyncIterator[Client]:
    client = connect(redis_url)
    yield client
    await client.aclose()


@pytest.fixture
async def cluster_client(cluster: ValkeyCluster) -> AsyncIterator[Client]:
    client = connect(cluster.url, patient=True)
    yield client
    await client.aclose()


@pytest.fixture(params=["memory", "redis", pytest.param("cluster", marks=pytest.mark.alone)])
def exchange(request: pytest.FixtureRequest) -> RateExchange:
    if request.param == "memory":
        return MemoryRateExchange()
    client = "client" if request.param == "redis" else "cluster_client"
    return RedisRateExchange(request.getfixturevalue(client))


@pytest.fixture
def quota() -> Quota:
    """One of its own, since the store keeps what other tests have written."""
    return Quota(f"c-{secrets.token_hex(6)}", "/tokenauthority.v1.TokenService/Validate")


MOST = 100 * SECOND


def used(taken: int, most: int = MOST) -> Use:
    return Use(taken, most)


def about(nanoseconds: int, expected: int) -> bool:
    return expected - SLACK <= nanoseconds <= expected


async def test_what_is_taken_is_added_up(exchange: RateExchange, quota: Quota) -> None:
    for times in range(1, 4):
        ahead = await exchange.exchange({quota: used(10 * SECOND)})
        assert ahead.keys() == {quota}
        assert about(ahead[quota], times * 10 * SECOND)


async def test_each_quota_is_for_itself(exchange: RateExchange, quota: Quota) -> None:
    other_rpc, other_caller = (
        quota._replace(rpc="/a.B/C"),
        quota._replace(caller=f"{quota.caller}2"),
    )
    taken = {
        quota: used(10 * SECOND),
        other_rpc: used(20 * SECOND),
        other_caller: used(30 * SECOND),
    }
    for times in (1, 2):
        ahead = await exchange.exchange(taken)
        assert ahead.keys() == taken.keys()
        for one, worth in taken.items():
            assert about(ahead[one], times * worth.taken)


async def test_time_makes_up_for_it(exchange: RateExchange, quota: Quota) -> None:
    await exchange.exchange({quota: used(20 * MILLISECOND)})
    await asyncio.sleep(0.05)
    ahead = await exchange.exchange({quota: used(20 * MILLISECOND)})
    # Nothing is saved up either.
    assert 0 < ahead[quota] <= 20 * MILLISECOND


async def test_those_who_ask_at_once_lose_nothing(exchange: RateExchange, quota: Quota) -> None:
    await asyncio.gather(*(exchange.exchange({quota: used(SECOND)}) for _ in range(50)))
    assert about((await exchange.exchange({quota: used(SECOND)}))[quota], 51 * SECOND)


async def test_no_more_is_owed_than_the_most(exchange: RateExchange, quota: Quota) -> None:
    for _ in range(3):
        ahead = await exchange.exchange({quota: used(5 * SECOND, most=10 * SECOND)})
    assert about(ahead[quota], 10 * SECOND)


async def test_the_clock_of_another_node_locks_nobody_out(client: Client, quota: Quota) -> None:
    key = f"ta:{{{quota.caller}}}:rate"
    for far in ("9999999999999999", "1e300"):
        await client.hset(key, quota.rpc, far)
        ahead = await RedisRateExchange(client).exchange({quota: used(SECOND, 10 * SECOND)})
        assert about(ahead[quota], 10 * SECOND)
        assert await client.pttl(key) <= 10_001


async def test_no_key_is_left(client: Client, quota: Quota) -> None:
    exchange, key = RedisRateExchange(client), f"ta:{{{quota.caller}}}:rate"
    await exchange.exchange(
        {quota: used(10 * SECOND), quota._replace(rpc="/a.B/C"): used(MILLISECOND)}
    )
    assert 9_000 < await client.pttl(key) <= 10_001
    # A short one does not end what a long one waits for.
    await exchange.exchange({quota._replace(rpc="/a.B/C"): used(1000)})
    assert await client.pttl(key) > 9_000
    other = Quota(f"{quota.caller}-short", quota.rpc)
    await exchange.exchange({other: used(20 * MILLISECOND)})
    await asyncio.sleep(0.1)
    assert not await client.exists(f"ta:{{{other.caller}}}:rate")


async def test_what_is_not_ours_is_no_answer(client: Client, quota: Quota) -> None:
    key = f"ta:{{{quota.caller}}}:rate"
    await client.set(key, "text", ex=5)
    with pytest.raises(StoreUnavailableError):
        await RedisRateExchange(client).exchange({quota: used(SECOND)})
    await client.delete(key)
    await client.hset(key, quota.rpc, "garbage")
    assert about((await RedisRateExchange(client).exchange({quota: used(SECOND)}))[quota], SECOND)


async def test_a_store_that_is_away_is_told() -> None:
    client = connect("redis://127.0.0.1:1")
    with pytest.raises(StoreUnavailableError, match="Redis"):
        await RedisRateExchange(client).exchange({Quota("shop", "/a.B/C"): used(SECOND)})
    await client.aclose()
