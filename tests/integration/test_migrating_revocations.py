"""The mark of facts, and its index, come while the release before goes on writing them."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest
from support.postgres import Connection, Databases
from support.revisions import bring_to
from support.waiting import eventually

from tokenauthority_server.adapters.postgres.database import Database
from tokenauthority_server.adapters.postgres.facts import PostgresFactStore
from tokenauthority_server.adapters.postgres.migrate import migrate

# What that release sends, in one form or another.
WRITE = """
INSERT INTO tokenauthority.revocations (user_id, kind, target, reason, expires_at)
VALUES ('u-1', 'token', $1, 'LOGOUT', now() + interval '1 hour')
ON CONFLICT (user_id, kind, target) DO UPDATE SET expires_at = excluded.expires_at
"""
MARKED = "SELECT target FROM tokenauthority.revocations WHERE changed_by IS NOT NULL"
INVALID = "SELECT count(*) FROM pg_index WHERE NOT indisvalid"
INDEX = "SELECT indexdef FROM pg_indexes WHERE indexname = 'revocations_by_change'"
WAITING = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND wait_event_type = 'Lock'
"""


@pytest.fixture
async def old_url(databases: Databases) -> AsyncIterator[str]:
    async with databases.empty() as url:
        await bring_to(url, "0006")
        yield url


@pytest.fixture
async def old(old_url: str) -> AsyncIterator[Connection]:
    connection = await asyncpg.connect(old_url)
    yield connection
    await connection.close()


async def marked(old: Connection) -> set[str]:
    return {row["target"] for row in await old.fetch(MARKED)}


async def test_facts_from_before_are_paged_and_what_is_written_is_new(
    old_url: str, old: Connection
) -> None:
    # A statement that was prepared before is planned anew.
    write = await old.prepare(WRITE)
    await write.fetch("before")
    await write.fetch("again")
    await migrate(old_url)
    database = Database(old_url)
    await database.open()
    facts = PostgresFactStore(database)
    page = await facts.page(10, None)
    assert [one.fact.target for one in page.facts] == ["again", "before"]
    assert await marked(old) == set()
    await write.fetch("again")
    await write.fetch("after")
    found = await facts.since(page.mark)
    await database.close()
    assert found is not None
    assert {one.fact.target for one in found.facts} == {"again", "after"}
    assert await marked(old) == {"again", "after"}


async def test_what_is_under_way_is_waited_for_and_what_comes_then_is_marked(
    old_url: str, old: Connection
) -> None:
    # Guard: the trigger's lock. A fact that were written unmarked, and committed after the
    # migration, would be in no page that was read before it, and never new.
    open_one = old.transaction()
    await open_one.start()
    await old.execute(WRITE, "under way")
    migrating = asyncio.create_task(migrate(old_url))
    watching = await asyncpg.connect(old_url)

    async def waits() -> bool:
        return bool(await watching.fetchval(WAITING))

    await eventually(waits)
    assert not migrating.done()
    # It does not make anyone wait for long.
    await asyncio.wait_for(watching.execute(WRITE, "meanwhile"), 5)
    await open_one.commit()
    assert await migrating
    await watching.execute(WRITE, "after")
    await watching.close()
    assert await marked(old) == {"after"}


async def test_what_was_left_half_done_is_done_anew(old_url: str, old: Connection) -> None:
    await old.execute("ALTER TABLE tokenauthority.revocations ADD COLUMN changed_by xid8")
    await old.execute("CREATE INDEX revocations_by_change ON tokenauthority.revocations (target)")
    await migrate(old_url)
    assert str(await old.fetchval(INDEX)).endswith("USING btree (changed_by)")
    assert await old.fetchval(INVALID) == 0
    await old.execute(WRITE, "after")
    assert await marked(old) == {"after"}
