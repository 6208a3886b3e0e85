"""Several processes that count at once, while changes go on: PostgreSQL alone has several."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import timedelta

import asyncpg
import pytest
from support.asking import ADA, BOB, new_session
from support.postgres import Connection
from support.postgres_stores import postgres_stores
from support.racing import race
from support.steps import create, rotate
from support.stores import Stores

from tokenauthority_server.domain.metrics import TokenMetrics

DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)
REPLICAS = 6
ROUNDS = 8


@pytest.fixture
async def replicas(database_url: str) -> AsyncIterator[list[Stores]]:
    async with AsyncExitStack() as stack:
        stores = [
            await stack.enter_async_context(postgres_stores(database_url)) for _ in range(REPLICAS)
        ]
        # So that in a race nobody is late for having to connect first.
        for one in stores:
            await one.counts.fold()
        yield stores


@pytest.fixture
async def connection(database_url: str) -> AsyncIterator[Connection]:
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


async def test_a_day_is_added_up_once(replicas: list[Stores]) -> None:
    # The guard: who finds the day taken leaves it. Without that the second one's rows are refused
    # as duplicates, and its fold fails.
    first = replicas[0]
    for _ in range(ROUNDS):
        for user in (ADA, ADA, BOB):
            await rotate(first, await create(first, new_session(user)))
        await first.advance(2 * DAY)
        today = (await first.records.now()).date()
        before = await first.counts.read(today - 2 * DAY, "", "")
        outcomes = await race(
            *(one.counts.fold() for one in replicas),
            *(create(one) for one in replicas),
            *(one.counts.read(today - 2 * DAY, "", "") for one in replicas),
        )
        assert sum(one for one in outcomes if isinstance(one, int)) == 1
        found = [one for one in outcomes if isinstance(one, TokenMetrics)]
        assert found == [before] * REPLICAS
        assert await first.counts.read(today - 2 * DAY, "", "") == before
        assert (before.created, before.refreshed) == (3, 3)
        assert (await first.counts.read(today, "", "")).created == REPLICAS
        # What was created in the race is a day of its own.
        await first.advance(2 * DAY)
        assert await first.counts.fold() == 1


async def test_of_those_who_come_at_once_one_counts(replicas: list[Stores]) -> None:
    # The guard: the gauge's row is locked, or skipped, and its time looked at again after that.
    # Without the lock several count.
    first = replicas[0]
    for sessions in range(1, ROUNDS + 1):
        await create(first)
        done = await race(*(one.counts.count_live_sessions(MINUTE) for one in replicas))
        assert Counter(done) == {False: REPLICAS - 1, True: 1}
        live = (await first.counts.read(None, "", "")).live_sessions
        assert live is not None
        assert live.count == sessions
        await first.advance(MINUTE)


async def test_who_finds_another_counting_goes_on(
    connection: Connection, replicas: list[Stores]
) -> None:
    first = replicas[0]
    await first.counts.count_live_sessions(MINUTE)
    await create(first)
    await first.advance(MINUTE)
    transaction = connection.transaction()
    await transaction.start()
    count = "SELECT tokenauthority.count_live_sessions_v1(interval '1 minute')"
    assert await connection.fetchval(count)
    async with asyncio.timeout(5):
        assert not await first.counts.count_live_sessions(MINUTE)
    # The other breaks off, and its claim goes with it: it is counted the next time.
    await transaction.rollback()
    assert await first.counts.count_live_sessions(MINUTE)
    live = (await first.counts.read(None, "", "")).live_sessions
    assert live is not None
    assert live.count == 1


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Etc/GMT+12"])
async def test_a_day_is_one_of_utc(connection: Connection, database_url: str, zone: str) -> None:
    # At any time one of the two zones has another date than UTC. The guard: every statement names
    # the zone of its days, and leaves nothing to the server's setting.
    name = await connection.fetchval("SELECT current_database()")
    await connection.execute(f"ALTER DATABASE {name} SET timezone TO '{zone}'")
    async with postgres_stores(database_url) as stores:
        await rotate(stores, await create(stores))
        today = (await stores.records.now()).date()
        for day in (None, today):
            found = await stores.counts.read(day, "", "")
            assert replace(found, live_sessions=None) == TokenMetrics(created=1, refreshed=1)
        assert await stores.counts.fold() == 0
