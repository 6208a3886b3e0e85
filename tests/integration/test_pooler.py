"""DATABASE_URL with pooler=transaction, as it is given to lead through a PgBouncer.

Here it leads to PostgreSQL itself, so that it is tried where there is no PgBouncer too;
tests/faults has one where the program is there.
"""

from collections.abc import AsyncIterator

import asyncpg
import pytest
from support.authority import serving
from support.callers import ANN, LAPTOP
from support.postgres import Connection

from tokenauthority_client import RefreshTokenReusedError, Subject, UsernameTakenError
from tokenauthority_server.adapters.postgres.database import Database
from tokenauthority_server.adapters.postgres.migrate import MigrationError, migrate

PINNED = {
    "synchronous_commit": "on",
    "transaction_isolation": "read committed",
    "jit": "off",
    "statement_timeout": "2s",
}
WRONG = {
    "synchronous_commit": "off",
    "default_transaction_isolation": "serializable",
    "jit": "on",
    "statement_timeout": "1h",
}
SHOW = f"SELECT {', '.join(f'current_setting({name!r}) AS {name}' for name in PINNED)}"


def through_pooler(url: str) -> str:
    return f"{url}{'&' if '?' in url else '?'}pooler=transaction"


@pytest.fixture(params=["directly", "through a pooler"])
async def store(
    request: pytest.FixtureRequest, database_url: str, database: Connection
) -> AsyncIterator[Database]:
    """The store of a database whose own settings are all wrong."""
    name = database_url.rpartition("/")[2].partition("?")[0]
    for setting, value in WRONG.items():
        await database.execute(f"ALTER DATABASE {name} SET {setting} = '{value}'")
    url = database_url if request.param == "directly" else through_pooler(database_url)
    store = Database(url)
    await store.open()
    yield store
    await store.close()


async def test_what_is_promised_rests_on_no_setting_of_the_server(store: Database) -> None:
    for ask in (store.change, store.ask, store.scan):
        (row,) = await ask(SHOW)
        assert dict(row) == PINNED
    (row,) = await store.keep_up(SHOW)
    assert dict(row) == PINNED | {"statement_timeout": "30s"}


async def test_nothing_is_left_on_a_connection(database_url: str) -> None:
    store = Database(through_pooler(database_url))
    await store.open()
    for _ in range(3):
        await store.ask("SELECT 1 WHERE $1::int = 1", 1)
    (row,) = await store.ask(
        "SELECT count(*) AS prepared FROM pg_prepared_statements WHERE name <> ''"
    )
    await store.close()

    assert row["prepared"] == 0


async def test_a_change_that_fails_is_undone_and_the_next_one_works(database_url: str) -> None:
    store = Database(through_pooler(database_url))
    await store.open()
    insert = "INSERT INTO tokenauthority.users (user_id, username) VALUES ($1, $1)"
    await store.change(insert, "u-1")
    for _ in range(20):  # more than there are connections
        with pytest.raises(asyncpg.UniqueViolationError):
            await store.change(insert, "u-1")
    await store.change(insert, "u-2")
    rows = await store.ask("SELECT user_id FROM tokenauthority.users ORDER BY user_id")
    await store.close()

    assert [row["user_id"] for row in rows] == ["u-1", "u-2"]


async def test_the_main_job(database_url: str, redis_url: str) -> None:
    async with serving(through_pooler(database_url), redis_url) as authority:
        client = authority.client
        pair = await client.create_pair(ANN, device=LAPTOP)
        with pytest.raises(UsernameTakenError):
            await client.create_pair(Subject(user_id="u-2", username=ANN.username))
        second = await client.refresh(pair.refresh_token)
        assert (await client.refresh(pair.refresh_token)).replayed
        assert await client.validate(second.pair.access_token)
        assert len((await client.list_sessions(ANN.user_id)).sessions) == 1
        await client.refresh(second.pair.refresh_token)
        with pytest.raises(RefreshTokenReusedError):
            await client.refresh(pair.refresh_token)
        assert not await client.validate(second.pair.access_token)
        assert (await client.revoke_user(ANN.user_id)).revoked_sessions == 0


async def test_a_migration_needs_postgresql_itself(database_url: str) -> None:
    with pytest.raises(MigrationError, match="PostgreSQL itself"):
        await migrate(through_pooler(database_url))
