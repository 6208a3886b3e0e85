"""Replicas share a rate over Redis, and each keeps to it alone while Redis is away."""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, suppress

import pytest
from support.proxy import Proxy

from tokenauthority_server.adapters.redis.connection import connect
from tokenauthority_server.adapters.redis.rates import RedisRateExchange
from tokenauthority_server.domain.errors import RateLimitedError, StoreUnavailableError
from tokenauthority_server.domain.rates import Quota, Rate
from tokenauthority_server.services.rate_limits import TICK, RateLimits

RATE = Rate(100)
SECONDS = 2.5
EACH = RATE.calls
"""What each replica may begin with, before it has heard of the others."""


@pytest.fixture
def quota() -> Quota:
    return Quota(f"c-{secrets.token_hex(6)}", "/tokenauthority.v1.TokenService/Validate")


@pytest.fixture
async def replicas(redis_url: str) -> AsyncIterator[Sequence[RateLimits]]:
    async with AsyncExitStack() as stack:
        clients = [connect(redis_url) for _ in range(3)]
        for client in clients:
            stack.push_async_callback(client.aclose)
        yield [RateLimits(RedisRateExchange(client), time.monotonic_ns) for client in clients]


async def flood(limits: RateLimits, quota: Quota, until: float) -> int:
    """Call as often as ten times the rate, and tell how many were let through."""
    passed = 0
    ticked = 0.0
    while (now := time.monotonic()) < until:
        for _ in range(10):
            try:
                limits.admit(quota, RATE)
            except RateLimitedError:
                break
            passed += 1
        if now - ticked >= TICK.total_seconds():
            ticked = now
            with suppress(StoreUnavailableError):
                await limits.tick()
        await asyncio.sleep(0.01)
    return passed


async def flood_all(replicas: Sequence[RateLimits], quota: Quota) -> tuple[int, float]:
    """How many all of them let through, in how many seconds."""
    begin = time.monotonic()
    until = begin + SECONDS
    passed = await asyncio.gather(*(flood(one, quota, until) for one in replicas))
    return sum(passed), time.monotonic() - begin


async def test_all_together_keep_to_the_rate(replicas: Sequence[RateLimits], quota: Quota) -> None:
    passed, seconds = await flood_all(replicas, quota)
    # The bound of docs/callers.md: the rate, and what each may begin with.
    assert passed <= RATE.calls * seconds + len(replicas) * EACH
    # By itself each of them would have let through as much as all of them may.
    alone = len(replicas) * (RATE.calls * SECONDS + EACH)
    assert passed <= 0.7 * alone
    assert passed >= RATE.calls * SECONDS * 0.9


async def test_without_redis_each_keeps_to_the_rate_alone(quota: Quota) -> None:
    client = connect("redis://127.0.0.1:1")
    limits = RateLimits(RedisRateExchange(client), time.monotonic_ns)
    begin = time.monotonic()
    passed = await flood(limits, quota, begin + 1.5)
    seconds = time.monotonic() - begin
    await client.aclose()
    assert RATE.calls * 1.5 * 0.9 <= passed <= RATE.calls * seconds + EACH


async def test_a_call_never_waits_for_redis(redis_url: str, quota: Quota) -> None:
    async with Proxy.before(redis_url) as proxy:
        client = connect(proxy.url)
        limits = RateLimits(RedisRateExchange(client), time.monotonic_ns)
        limits.admit(quota, RATE)
        await limits.tick()
        proxy.silence()
        limits.admit(quota, RATE)
        ticking = asyncio.create_task(limits.tick())
        await asyncio.sleep(0.05)
        begin = time.perf_counter()
        for _ in range(50):
            limits.admit(quota, RATE)
        assert time.perf_counter() - begin < 0.02
        assert not ticking.done()
        with pytest.raises(StoreUnavailableError):
            await ticking
        await client.aclose()
