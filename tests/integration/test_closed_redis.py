"""On the loop that serves: a connection to Redis that was closed, and nobody has heard of it."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest
from redis.asyncio import Redis

from tokenauthority_server import event_loop
from tokenauthority_server.adapters.redis.activity import RedisActivityLog
from tokenauthority_server.adapters.redis.connection import connect, ping
from tokenauthority_server.adapters.redis.durability import setups
from tokenauthority_server.adapters.redis.rates import RedisRateExchange
from tokenauthority_server.adapters.redis.revocation_log import RedisRevocationLog
from tokenauthority_server.domain.errors import StoreUnavailableError
from tokenauthority_server.domain.rates import Quota, Use

NOW = datetime.now(UTC)


async def write_activity(client: Redis) -> None:
    log = RedisActivityLog(client, timedelta(minutes=1))
    log.record("u-1", "s-1", NOW)
    await log.flush()


async def read_activity(client: Redis) -> None:
    assert not await RedisActivityLog(client, timedelta(minutes=1)).read("u-1", ["s-1"])


async def ask_for_setups(client: Redis) -> None:
    assert not await setups(client)


async def exchange_rates(client: Redis) -> None:
    with pytest.raises(StoreUnavailableError):
        await RedisRateExchange(client).exchange({Quota("caller", "rpc"): Use(1_000, 1_000)})


async def ask_for_rows(client: Redis) -> None:
    with pytest.raises(StoreUnavailableError):
        await RedisRevocationLog(client, client).rows()


async def ask_for_a_sign_of_life(client: Redis) -> None:
    with pytest.raises(StoreUnavailableError):
        await ping(client)


ASKING = [
    write_activity,
    read_activity,
    ask_for_setups,
    exchange_rates,
    ask_for_rows,
    ask_for_a_sign_of_life,
]


@pytest.mark.parametrize("ask", ASKING)
def test_it_is_a_store_that_is_away(
    redis_url: str, ask: Callable[[Redis], Awaitable[None]]
) -> None:
    async def closed_under_it() -> None:
        client = connect(redis_url)
        assert isinstance(client, Redis)
        await ping(client)
        connection = await client.connection_pool.get_connection()  # type: ignore[no-untyped-call]
        await client.connection_pool.release(connection)
        connection._writer.transport.abort()
        await ask(client)
        # The next one connects again.
        await ping(client)
        await client.aclose()

    # Guard: on uvloop it is a RuntimeError, which ended the worker's upkeep, and so the worker.
    event_loop.run(closed_under_it())
