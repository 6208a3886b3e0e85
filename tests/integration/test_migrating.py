"""A migration is patient with those who use the database, and goes on where it was interrupted."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest
from support.postgres import Connection, Databases
from support.revisions import bring_to

import tokenauthority_server.adapters.postgres.migrate as migrating
from tokenauthority_server.adapters.postgres.migrate import MigrationError, migrate
from tokenauthority_server.adapters.postgres.revision import required_revision

REVISION = "SELECT version_num FROM tokenauthority.alembic_version"
INDEX = "SELECT indexdef FROM pg_indexes WHERE indexname = 'sessions_live'"
INVALID = "SELECT count(*) FROM pg_index WHERE NOT indisvalid"
USER = "INSERT INTO tokenauthority.users (user_id, username) VALUES ($1, $1)"


@pytest.fixture
async def old_url(databases: Databases) -> AsyncIterator[str]:
    """A database as the first release left it."""
    async with databases.empty() as url:
        await bring_to(url, "0001")
        yield url


@pytest.fixture
async def old(old_url: str) -> AsyncIterator[Connection]:
    connection = await asyncpg.connect(old_url)
    yield connection
    await connection.close()


async def test_an_older_schema_is_brought_up(old_url: str, old: Connection) -> None:
    await old.execute(USER, "u-1")

    assert await migrate(old_url)

    assert await old.fetchval(REVISION) == required_revision()
    assert await old.fetchval("SELECT user_id FROM tokenauthority.users") == "u-1"
    assert await old.fetchval(INVALID) == 0


async def test_it_waits_for_a_reader_without_making_others_wait(
    old_url: str, old: Connection
) -> None:
    # The guard: lock_timeout in the migration. Without it the writers wait, and time out.
    writer = await asyncpg.connect(old_url)
    async with old.transaction():
        # It holds a lock that the new schema cannot be had with.
        await old.execute("SELECT FROM tokenauthority.users")
        task = asyncio.create_task(migrate(old_url))
        for number in range(20):
            # Who comes after the waiting migration would wait behind it, were it to wait for long.
            await writer.execute(USER, f"u-{number}", timeout=0.9)
            await asyncio.sleep(0.05)  # so that some of them come while it waits for the lock
        assert not task.done()
    assert await task
    assert await old.fetchval(REVISION) == required_revision()
    await writer.close()


async def test_an_index_that_was_left_half_built_is_built_anew(
    old_url: str, old: Connection
) -> None:
    await bring_to(old_url, "0002")
    await old.execute("CREATE INDEX sessions_live ON tokenauthority.sessions (device_id)")

    assert await migrate(old_url)

    assert "epoch" in str(await old.fetchval(INDEX))


async def test_one_that_was_interrupted_at_its_end_is_made_again(
    old_url: str, old: Connection
) -> None:
    await bring_to(old_url, "0003")
    await old.execute("UPDATE tokenauthority.alembic_version SET version_num = '0002'")

    assert await migrate(old_url)

    assert await old.fetchval(REVISION) == required_revision()
    assert await old.fetchval(INVALID) == 0


async def test_an_audit_index_that_was_left_half_built_is_built_anew(
    old_url: str, old: Connection
) -> None:
    await bring_to(old_url, "0002")
    await old.execute(
        "CREATE INDEX audit_events_rest_event_id_idx ON tokenauthority.audit_events_rest (user_id)"
    )
    await old.execute(
        "CREATE INDEX audit_events_by_time ON ONLY tokenauthority.audit_events (kind)"
    )

    assert await migrate(old_url)

    indexes = "SELECT indexdef FROM pg_indexes WHERE indexname ~ '^audit_events.*event_id_idx$'"
    found = [row["indexdef"] for row in await old.fetch(indexes)]
    assert len(found) == 4
    assert all("(event_id)" in one for one in found)
    assert await old.fetchval(INVALID) == 0


async def test_one_that_takes_no_end_is_told(
    old_url: str, old: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrating, "_TURN_SECONDS", 0.5)
    await old.execute("SELECT pg_advisory_lock(hashtext('tokenauthority.migrate'))")

    with pytest.raises(MigrationError, match="Another migration"):
        await migrate(old_url)

    assert await old.fetchval(REVISION) == "0001"


async def test_a_lock_that_is_never_free_is_told(
    old_url: str, old: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrating, "_ATTEMPTS", 2)
    async with old.transaction():
        await old.execute("SELECT FROM tokenauthority.users")
        with pytest.raises(MigrationError, match="lock timeout"):
            await migrate(old_url)

    assert await old.fetchval(REVISION) == "0001"
    assert await migrate(old_url)


async def test_events_of_before_stay_where_they_are(old_url: str, old: Connection) -> None:
    await old.execute(
        """
        INSERT INTO tokenauthority.audit_events (user_id, event_id, kind)
        VALUES ('u-1', '00000000-0000-7000-8000-000000000000', 'session.created')
        """
    )

    assert await migrate(old_url)

    assert await old.fetchval("SELECT count(*) FROM tokenauthority.audit_events_rest") == 1
    months = "SELECT count(*) FROM pg_class WHERE relname ~ '^audit_events_\\d{4}_\\d\\d$'"
    assert await old.fetchval(months) == 3
