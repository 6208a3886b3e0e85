"""The database's address leads to a standby that is behind: it is asked once it is promoted."""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest
from support.authority import serving
from support.callers import create_request
from support.outages import assert_all_unavailable, calls_of
from support.proxy import Proxy
from support.waiting import eventually

from tokenauthority_client import InactiveReason, UnavailableError
from tokenauthority_server.adapters.postgres.database import Database
from tokenauthority_server.adapters.postgres.migrate import migrate
from tokenauthority_server.domain.errors import StoreUnavailableError
from tokenauthority_server.embedded import EmbeddedPostgres
from tokenauthority_server.embedded.binaries import find_postgres

FAST = {"fsync": "off"}


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="tests-standby-") as name:
        folder = Path(name)
        folder.chmod(0o711)  # started by root the servers may run as another user
        yield folder


@pytest.fixture(scope="module")
def primary(folder: Path) -> Iterator[EmbeddedPostgres]:
    with EmbeddedPostgres.start(folder / "primary", FAST) as server:
        yield server


@pytest.fixture(scope="module")
def standby(folder: Path, primary: EmbeddedPostgres) -> Iterator[EmbeddedPostgres]:
    """A copy of the primary that follows it."""
    home = folder / "standby" / "postgresql"
    home.mkdir(parents=True)
    home.chmod(0o700)
    shutil.copy(folder / "primary" / "postgresql" / "password", home / "password")
    backup = [
        *(str(find_postgres() / "pg_basebackup"), "--pgdata", str(home / "cluster")),
        *("--dbname", primary.url, "--write-recovery-conf", "--checkpoint=fast"),
    ]
    subprocess.run(backup, check=True, timeout=30)  # noqa: S603 - PostgreSQL's own program
    with EmbeddedPostgres.start(folder / "standby", FAST) as server:
        yield server


async def test_a_standby_behind_a_pooler_is_not_asked(standby: EmbeddedPostgres) -> None:
    # A pooler may lead elsewhere at any time, so it is no use to look when a connection is made.
    # The guard: READ WRITE. Without it the standby answered.
    store = Database(f"{standby.url}?pooler=transaction")
    await store.open()
    for ask in (store.ask, store.scan):
        with pytest.raises(StoreUnavailableError):
            await ask("SELECT 1")
    with pytest.raises(StoreUnavailableError):
        await store.change("CREATE TABLE mine (id integer)")
    await store.close()


async def test_a_standby_is_not_asked_until_it_is_promoted(
    primary: EmbeddedPostgres, standby: EmbeddedPostgres, redis_url: str
) -> None:
    # The guard: target_session_attrs. Without it the standby, which has not heard of the
    # revocation, made the revoked token active again.
    await migrate(primary.url)
    behind = await asyncpg.connect(standby.url)
    async with Proxy.before(primary.url) as proxy, serving(proxy.url, redis_url) as authority:
        pair = (await authority.stub.CreatePair(create_request("u-1"))).pair
        revoked = (await authority.stub.CreatePair(create_request("u-1"))).pair
        at = await asyncpg.connect(primary.url)
        written = await at.fetchval("SELECT pg_current_wal_lsn()")
        await at.close()

        async def has_followed() -> bool:
            return bool(await behind.fetchval("SELECT pg_last_wal_replay_lsn() >= $1", written))

        await eventually(has_followed)
        await behind.execute("SELECT pg_wal_replay_pause()")
        await authority.client.revoke_session(revoked.session_id)

        await proxy.lead_to(standby.url)

        await assert_all_unavailable(calls_of(authority, pair, "u-1"), "PostgreSQL")
        with pytest.raises(UnavailableError):
            await authority.client.validate(revoked.access_token)

        await behind.execute("SELECT pg_wal_replay_resume()")
        await behind.execute("SELECT pg_promote()")

        async def is_served() -> bool:
            try:
                return (await authority.client.validate(pair.access_token)).active
            except UnavailableError:
                return False

        await eventually(is_served)
        dead = await authority.client.validate(revoked.access_token)
        assert dead.reason is InactiveReason.SESSION_REVOKED
        assert (await authority.client.refresh(pair.refresh_token)).pair.session_id
    await behind.close()
    assert urlsplit(standby.url).port != urlsplit(primary.url).port
