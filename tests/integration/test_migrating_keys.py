"""The signing keys of the release before, and its sessions, go on: and so does that release."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import asyncpg
import pytest
from support.asking import ORIGIN, new_session, rotation_of
from support.postgres import Connection, Databases
from support.postgres_stores import postgres_stores
from support.revisions import bring_to
from support.signing_keys import (
    ACTIVE,
    PREPARED,
    PUBLISHED,
    RETIRED,
    TERMS,
    activate,
    key_of,
    material,
    rotate_keys,
    states,
    supply,
)
from support.steps import live_session_ids, rotate

from tokenauthority_server.adapters.postgres.migrate import migrate
from tokenauthority_server.domain.keys import KeyMaterial
from tokenauthority_server.domain.sessions import Grant
from tokenauthority_server.domain.users import Profile

REVISION = "0003"
# What that release sends.
ADD = """
INSERT INTO tokenauthority.signing_keys
    (kid, algorithm, public_jwk, sealed_private_key, state, created_at, activated_at)
VALUES ($1, $2, $3, $4, 'ACTIVE', $5, $5)
ON CONFLICT (algorithm) WHERE state = 'ACTIVE' DO NOTHING
"""
LOAD = """
SELECT kid, algorithm, public_jwk, sealed_private_key, state, created_at, activated_at, retired_at
FROM tokenauthority.signing_keys ORDER BY created_at DESC, kid
"""
CREATE = """
SELECT * FROM tokenauthority.create_session_v2(
    $1, $2, '', '{}', '{}', 200, 6000, $3, 'phone', '', '', '{}', $4, $5, interval '30 min',
    interval '7 days', interval '30 days', '', '', NULL, interval '10 min', interval '1 day', $6,
    '', 0, true, interval '5 min')
"""
KEY = material("old")
NEXT = material("new")
YEAR = timedelta(days=365)


async def add_key(connection: Connection, key: KeyMaterial) -> None:
    """Add it as that release does; it has been signing for forty days."""
    then = await connection.fetchval("SELECT now() - interval '40 days'")
    sealed = key.sealed_private_key
    await connection.execute(ADD, key.key_id, key.algorithm, key.public_jwk, sealed, then)


async def open_session(connection: Connection, user_id: str) -> Grant:
    """Open a session as that release does, and return its grant."""
    new = new_session(user_id)
    event_id = await connection.fetchval("SELECT tokenauthority.event_id_v1()")
    row = await connection.fetchrow(
        CREATE, user_id, user_id, new.session_id, new.refresh_fingerprint, "old", event_id
    )
    assert row is not None
    assert row["outcome"] == "granted"
    return Grant(
        profile=Profile(user_id=user_id, username=user_id),
        profile_epoch=0,
        session_id=new.session_id,
        device_id="phone",
        scope=(),
        epoch=0,
        generation=0,
        refresh_fingerprint=new.refresh_fingerprint,
        key_id="old",
        issue_time=row["issued_at"],
        access_expire_time=row["access_expires_at"],
        refresh_expire_time=row["refresh_expires_at"],
        now=row["seen_at"],
        replayed=False,
    )


@pytest.fixture
async def old_url(databases: Databases) -> AsyncIterator[str]:
    """A database as the release before left it."""
    async with databases.empty() as url:
        await bring_to(url, REVISION)
        yield url


@pytest.fixture
async def old(old_url: str) -> AsyncIterator[Connection]:
    connection = await asyncpg.connect(old_url)
    await add_key(connection, KEY)
    yield connection
    await connection.close()


async def test_the_key_goes_on_and_gets_a_successor(old_url: str, old: Connection) -> None:
    before = await old.fetchval("SELECT now()")
    assert await migrate(old_url)

    async with postgres_stores(old_url) as stores:
        (stored,) = (await stores.keys.load()).keys
        assert (stored.material, stored.key.state) == (KEY, ACTIVE)
        # Nothing is known of what it has signed, so it is kept for as long as any token may live.
        assert stored.key.last_expire_time >= before + YEAR + timedelta(days=1)
        assert await supply(stores, "new")
        # Verifiers have the old one, and not yet this.
        assert not await rotate_keys(stores)
        await stores.advance(PUBLISHED)
        assert await rotate_keys(stores)
        assert await states(stores) == {"old": RETIRED, "new": ACTIVE}


async def test_its_sessions_go_on(old_url: str, old: Connection) -> None:
    grant = await open_session(old, "u-1")
    await migrate(old_url)

    async with postgres_stores(old_url) as stores:
        assert await live_session_ids(stores, "u-1") == {grant.session_id}
        again = await rotate(stores, rotation_of(grant, key_id="new"))
        assert (again.generation, again.key_id) == (1, "new")
        assert await stores.keys.revoke_elsewhere("old", ORIGIN) == 0


async def test_they_end_with_its_key(old_url: str, old: Connection) -> None:
    await open_session(old, "u-1")
    await migrate(old_url)

    async with postgres_stores(old_url) as stores:
        _, ended = await stores.keys.revoke("old", NEXT, TERMS, ORIGIN)
        assert ended == 1
        assert await live_session_ids(stores, "u-1") == set()


async def test_the_release_before_goes_on_beside_the_new_schema(
    old_url: str, old: Connection
) -> None:
    loading = await old.prepare(LOAD)
    await loading.fetch()
    await migrate(old_url)

    async with postgres_stores(old_url) as stores:
        await supply(stores, "new")
        assert {row["kid"] for row in await loading.fetch()} == {"old", "new"}
        # A replica of it that starts finds the key of its algorithm, or adds one.
        await add_key(old, NEXT)
        await add_key(old, material("other", "EdDSA"))
        assert await states(stores) == {"old": ACTIVE, "new": PREPARED, "other": ACTIVE}
        added = await key_of(stores, "other")
        assert added.last_expire_time > (await stores.records.now()) + YEAR
        await open_session(old, "u-1")
        assert len(await live_session_ids(stores, "u-1")) == 1
        await stores.advance(PUBLISHED)
        assert (await activate(stores, "new")).state is ACTIVE


async def test_it_waits_for_a_reader_without_making_others_wait(
    old_url: str, old: Connection
) -> None:
    # The guard: lock_timeout in the migration. Without it those who load keys wait, and time out.
    other = await asyncpg.connect(old_url)
    async with old.transaction():
        await old.execute(LOAD)
        task = asyncio.create_task(migrate(old_url))
        for _ in range(20):
            await other.execute(LOAD, timeout=0.9)
            await asyncio.sleep(0.05)  # so that some come while it waits for the lock
        assert not task.done()
    assert await task
    await other.close()
