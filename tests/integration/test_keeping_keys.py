"""No signing key that live tokens need is ever deleted, not even by a hand in psql."""

import asyncpg
import pytest
from support.postgres import Connection

ADD = """
INSERT INTO tokenauthority.signing_keys
    (kid, algorithm, public_jwk, sealed_private_key, state, created_at, last_expires_at)
VALUES ('the-key', 'ES256', '', '', $1, now(), now() + $2::text::interval)
"""
DELETE = "DELETE FROM tokenauthority.signing_keys"
TRUNCATE = "TRUNCATE tokenauthority.signing_keys"
COUNT = "SELECT count(*) FROM tokenauthority.signing_keys"
NEEDED = [
    ("PREPARED", "-1 day"),
    ("PREPARED", "1 day"),
    ("ACTIVE", "-1 day"),
    ("ACTIVE", "1 day"),
    ("RETIRED", "1 s"),
    ("REVOKED", "1 s"),
]
OVER = [("RETIRED", "-1 s"), ("REVOKED", "-1 s")]


@pytest.fixture
async def unguarded(database: Connection) -> Connection:
    await database.execute("ALTER TABLE tokenauthority.signing_keys DISABLE TRIGGER USER")
    return database


@pytest.mark.parametrize(("state", "last"), NEEDED)
async def test_a_key_that_is_needed_stays(database: Connection, state: str, last: str) -> None:
    await database.execute(ADD, state, last)

    with pytest.raises(asyncpg.RestrictViolationError, match="the signing key the-key is ") as told:
        await database.execute(DELETE)

    assert "janitor deletes it" in str(told.value.hint)
    assert await database.fetchval(COUNT) == 1


@pytest.mark.parametrize(("state", "last"), OVER)
async def test_a_key_that_nobody_needs_goes(database: Connection, state: str, last: str) -> None:
    await database.execute(ADD, state, last)

    await database.execute(DELETE)

    assert await database.fetchval(COUNT) == 0


async def test_one_that_is_needed_keeps_all_that_were_to_go_with_it(database: Connection) -> None:
    await database.execute(ADD, "RETIRED", "1 day")
    await database.execute(ADD.replace("the-key", "another"), "RETIRED", "-1 day")

    with pytest.raises(asyncpg.RestrictViolationError, match=r"is needed until \d{4}-.*Z"):
        await database.execute(DELETE)

    assert await database.fetchval(COUNT) == 2


async def test_the_table_is_not_emptied(database: Connection) -> None:
    await database.execute(ADD, "RETIRED", "-1 day")

    with pytest.raises(asyncpg.RestrictViolationError, match="not deleted all at once"):
        await database.execute(TRUNCATE)

    assert await database.fetchval(COUNT) == 1


@pytest.mark.parametrize("statement", [DELETE, TRUNCATE])
async def test_without_the_guard_they_would_go(unguarded: Connection, statement: str) -> None:
    await unguarded.execute(ADD, "ACTIVE", "1 day")

    await unguarded.execute(statement)

    assert await unguarded.fetchval(COUNT) == 0
