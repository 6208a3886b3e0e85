"""While a lease is held a validation touches no store, counted on the wire."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass

import pytest
from support.authority import Served, serving
from support.callers import ANN
from support.postgres import Databases
from support.proxy import Commands, Proxy

from tokenauthority_client import CheckSource, TokenPair

VALIDATIONS = 400
IN_LISTS = 40
WINDOW_SECONDS = 2.0
"""Of at least the time between two looks of whatever looks at the stores beside the calls."""
FEW = VALIDATIONS // 8
"""What may come in one window by chance and not in another; a question a call is far above it."""


@dataclass(frozen=True)
class Watched:
    authority: Served
    postgres: Proxy
    redis: Proxy

    async def asked(self, work: "asyncio.Task[None] | None" = None) -> int:
        """How much was asked of both stores in one window, with some work or without."""
        for proxy in (self.postgres, self.redis):
            proxy.asked.clear()
        await asyncio.sleep(WINDOW_SECONDS)
        if work:
            await work
        total: Counter[str] = self.postgres.asked + self.redis.asked
        return total.total()


@pytest.fixture
async def watched(databases: Databases, redis_url: str) -> AsyncIterator[Watched]:
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(databases.fresh())
        postgres = await stack.enter_async_context(Proxy.before(in_the_clear(url)))
        redis = await stack.enter_async_context(Proxy.before(redis_url, Commands))
        authority = await stack.enter_async_context(serving(postgres.url, redis.url))
        yield Watched(authority, postgres, redis)


def in_the_clear(url: str) -> str:
    return f"{url}{'&' if '?' in url else '?'}sslmode=disable"


async def leased(authority: Served, pair: TokenPair) -> bool:
    found = await authority.client.validate(pair.access_token)
    return found.source is CheckSource.LEASED_VIEW


async def test_validations_touch_no_store(watched: Watched) -> None:
    # Guard: with the database asked for each call there were 1,400 messages more.
    client = watched.authority.client
    pair = await client.create_pair(ANN)
    for _ in range(100):
        if await leased(watched.authority, pair):
            break
        await asyncio.sleep(0.1)

    async def validate() -> None:
        for _ in range(VALIDATIONS // 20):
            await asyncio.gather(*(client.validate(pair.access_token) for _ in range(20)))
        for _ in range(IN_LISTS):
            await client.batch_validate([pair.access_token] * 100)

    quiet = await watched.asked()
    busy = await watched.asked(asyncio.create_task(validate()))

    assert await leased(watched.authority, pair)
    assert quiet > 0
    assert busy < quiet + FEW
