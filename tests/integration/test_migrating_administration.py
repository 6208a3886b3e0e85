"""The index by which a session is found in the audit trail, built beside the writers."""

from collections.abc import AsyncIterator
from datetime import timedelta

import asyncpg
import pytest
from support.leftovers import upkeep_of
from support.postgres import Connection, Databases
from support.revisions import bring_to

from tokenauthority_server.adapters.postgres.migrate import migrate

INVALID = "SELECT count(*) FROM pg_index WHERE NOT indisvalid"
OF_SESSIONS = """
SELECT tablename FROM pg_indexes
WHERE schemaname = 'tokenauthority' AND tablename LIKE 'audit_events%'
    AND indexdef LIKE '%(session_id, event_id) WHERE %'
"""
PARTITIONS = """
SELECT c.relname FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
WHERE i.inhparent = 'tokenauthority.audit_events'::regclass
"""


@pytest.fixture
async def old_url(databases: Databases) -> AsyncIterator[str]:
    async with databases.empty() as url:
        await bring_to(url, "0005")
        yield url


@pytest.fixture
async def old(old_url: str) -> AsyncIterator[Connection]:
    connection = await asyncpg.connect(old_url)
    yield connection
    await connection.close()


async def assert_whole(database: Connection) -> None:
    """Every part of the trail has the index, once, and it is used."""
    indexed = sorted(row["tablename"] for row in await database.fetch(OF_SESSIONS))
    parts = [row["relname"] for row in await database.fetch(PARTITIONS)]
    assert indexed == sorted(["audit_events", *parts])
    assert await database.fetchval(INVALID) == 0


async def test_every_month_gets_the_index(old_url: str, old: Connection) -> None:
    await migrate(old_url)
    await assert_whole(old)


async def test_what_was_left_half_built_is_built_anew(old_url: str, old: Connection) -> None:
    await old.execute(
        "CREATE INDEX audit_events_by_session ON ONLY tokenauthority.audit_events"
        " (session_id, event_id) WHERE session_id <> ''"
    )
    await old.execute(
        "CREATE INDEX audit_events_rest_by_session ON tokenauthority.audit_events_rest (kind)"
    )
    await old.execute("CREATE INDEX users_by_username ON tokenauthority.users (email)")
    await migrate(old_url)
    await assert_whole(old)
    index = "SELECT indexdef FROM pg_indexes WHERE indexname = 'users_by_username'"
    assert "(username text_pattern_ops)" in await old.fetchval(index)


async def test_a_month_that_comes_later_has_it_too(old_url: str, old: Connection) -> None:
    await migrate(old_url)
    async with upkeep_of(old_url) as upkeep:
        assert await upkeep.turn_months(4, timedelta(days=365)) == 2
    await assert_whole(old)
