"""Which facts are new, of transactions that overlap, and on a server that was started again."""

import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import pytest
from support.own_stores import OwnStores
from support.postgres import Connection
from support.waiting import eventually

from tokenauthority_server.adapters.postgres.database import Database
from tokenauthority_server.adapters.postgres.facts import PostgresFactStore
from tokenauthority_server.domain.errors import StoreUnavailableError
from tokenauthority_server.domain.revocation_ports import Mark
from tokenauthority_server.domain.revocations import About, FactKind, about_key

WRITE = """
INSERT INTO tokenauthority.revocations (user_id, kind, target, reason, expires_at)
VALUES ('', 'key', $1, 'KEY_REVOKED', now() + interval '1 hour')
ON CONFLICT (user_id, kind, target) DO UPDATE SET expires_at = excluded.expires_at
"""


@asynccontextmanager
async def facts_of(url: str) -> AsyncIterator[PostgresFactStore]:
    database = Database(url)
    await database.open()
    try:
        yield PostgresFactStore(database)
    finally:
        await database.close()


@pytest.fixture(params=["directly", "through a pooler"])
async def facts(
    request: pytest.FixtureRequest, database_url: str
) -> AsyncIterator[PostgresFactStore]:
    pooled = f"{database_url}{'&' if '?' in database_url else '?'}pooler=transaction"
    url = database_url if request.param == "directly" else pooled
    async with facts_of(url) as store:
        yield store


@pytest.fixture
async def another(database_url: str) -> AsyncIterator[Connection]:
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


async def mark_of(facts: PostgresFactStore) -> Mark:
    return (await facts.page(1, None)).mark


async def new(facts: PostgresFactStore, mark: Mark) -> tuple[set[str], Mark]:
    found = await facts.since(mark)
    assert found is not None
    return {one.fact.target for one in found.facts}, found.mark


async def test_what_commits_after_the_mark_is_new_whenever_it_began(
    facts: PostgresFactStore, database: Connection, another: Connection
) -> None:
    # Guards: by the time of a fact, or by the end of the snapshot alone, `late` was never found.
    late, nested = database.transaction(), database.transaction()
    await late.start()
    await database.execute(WRITE, "late")
    await nested.start()
    await database.execute(WRITE, "nested")
    await nested.commit()
    # Of a later transaction, so that the open one is not the last that the mark knows of.
    await another.execute(WRITE, "before")
    first = await mark_of(facts)
    await another.execute(WRITE, "between")
    found, second = await new(facts, first)
    assert found == {"between"}
    await late.commit()
    assert (await new(facts, first))[0] == {"between", "late", "nested"}
    found, third = await new(facts, second)
    assert found == {"late", "nested"}
    assert (await new(facts, third))[0] == set()


async def test_what_is_undone_is_not_new(
    facts: PostgresFactStore, database: Connection, another: Connection
) -> None:
    undone = database.transaction()
    await undone.start()
    await database.execute(WRITE, "undone")
    mark = await mark_of(facts)
    await undone.rollback()
    await another.execute(WRITE, "written")
    assert (await new(facts, mark))[0] == {"written"}


async def test_what_is_written_again_is_new_again(
    facts: PostgresFactStore, database: Connection
) -> None:
    await database.execute(WRITE, "one")
    mark = await mark_of(facts)
    await database.execute(WRITE, "one")
    assert (await new(facts, mark))[0] == {"one"}
    assert [one.fact.kind for one in await facts.about(about_key("one"))] == [FactKind.KEY]


async def test_facts_of_another_servers_transactions_are_old(
    facts: PostgresFactStore, database: Connection
) -> None:
    # A backup that was restored into a new server brings along what it was marked with.
    await database.execute(WRITE, "restored")
    await database.execute("ALTER TABLE tokenauthority.revocations DISABLE TRIGGER mark")
    await database.execute("UPDATE tokenauthority.revocations SET changed_by = '9000000000'")
    await database.execute("ALTER TABLE tokenauthority.revocations ENABLE TRIGGER mark")
    mark = await mark_of(facts)
    await database.execute(WRITE, "written")
    assert (await new(facts, mark))[0] == {"written"}
    assert len((await facts.page(10, None)).facts) == 2


async def test_a_server_that_was_started_again_does_not_know(own: OwnStores) -> None:
    async with facts_of(own.postgres.url) as facts:
        mark = await mark_of(facts)
        own.kill()
        with pytest.raises(StoreUnavailableError):
            await facts.since(mark)
        own.restore()
        assert await facts.since(mark) is None
        assert await facts.since(await mark_of(facts)) is not None


async def test_nor_does_one_that_a_crash_of_a_process_has_brought_down(own: OwnStores) -> None:
    # Guard: by the start of the server alone the mark seemed to be good; but numbers of
    # transactions that came to nothing may have been given away again.
    async with facts_of(own.postgres.url) as facts:
        mark = await mark_of(facts)
        victim = await asyncpg.connect(own.postgres.url)
        started = await victim.fetchval("SELECT pg_postmaster_start_time()")
        os.kill(victim.get_server_pid(), signal.SIGKILL)

        async def is_up() -> bool:
            try:
                return not await facts.about(About())
            except StoreUnavailableError:
                return False

        async def is_closed() -> bool:
            return victim.is_closed()

        await eventually(is_closed)
        await eventually(is_up)
        assert await facts.since(mark) is None
        connection = await asyncpg.connect(own.postgres.url)
        assert await connection.fetchval("SELECT pg_postmaster_start_time()") == started
        await connection.close()
