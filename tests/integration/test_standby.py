"""The database's address leads to a standby that is behind: it is asked once it is promoted."""

import asyncio
import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest
from support.authority import NO_FILE, serving
from support.callers import create_request
from support.commands import HERE, run
from support.logs import configured
from support.outages import assert_all_unavailable, calls_of
from support.proxy import Proxy
from support.redis import NO_REDIS
from support.waiting import eventually

from tokenauthority_client import InactiveReason, UnavailableError
from tokenauthority_server.adapters.postgres.database import Database
from tokenauthority_server.adapters.postgres.migrate import migrate
from tokenauthority_server.adapters.postgres.standbys import NONE_IS_WAITED_FOR
from tokenauthority_server.background import _warn_of_standbys
from tokenauthority_server.config import load_settings
from tokenauthority_server.configured_stores import store_warnings
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


async def warned(url: str) -> list[str]:
    settings = load_settings({"DATABASE_URL": url}, NO_FILE, mode="migrate")
    return [one.setting for one in await store_warnings(settings)]


async def test_standbys_that_no_commit_waits_for_are_warned_of(
    primary: EmbeddedPostgres, standby: EmbeddedPostgres
) -> None:
    at = await asyncpg.connect(primary.url)
    assert standby.url != primary.url
    await eventually(lambda: warns(primary.url))
    # Whoever asks need not be anybody.
    await at.execute("CREATE ROLE anybody LOGIN PASSWORD 'anybody'")
    address = urlsplit(primary.url)
    anybody = address._replace(netloc=f"anybody:anybody@{address.hostname}:{address.port}")
    assert await warned(anybody.geturl()) == ["DATABASE_URL"]

    checked = run(
        *(HERE / "tokenauthority", "check-config", "migrate"),
        settings={"DATABASE_URL": primary.url},
    )
    assert checked.code == 0
    assert f"warning: DATABASE_URL: {NONE_IS_WAITED_FOR}" in checked.text

    store = Database(primary.url)
    await store.open()
    with configured("info", "json") as log:
        await asyncio.wait_for(_warn_of_standbys(store), 5)
    assert [json.loads(line)["event"] for line in log.getvalue().splitlines()] == [
        NONE_IS_WAITED_FOR
    ]

    await at.execute("ALTER SYSTEM SET synchronous_standby_names = '*'")
    await at.execute("SELECT pg_reload_conf()")
    await eventually(lambda: does_not_warn(primary.url))
    with configured("info", "json") as log:
        await asyncio.wait_for(_warn_of_standbys(store), 5)
    assert log.getvalue() == ""
    await store.close()
    await at.execute("ALTER SYSTEM RESET synchronous_standby_names")
    await at.execute("SELECT pg_reload_conf()")
    await at.close()


async def warns(url: str) -> bool:
    return bool(await warned(url))


async def does_not_warn(url: str) -> bool:
    return not await warned(url)


async def test_a_standby_is_not_asked_until_it_is_promoted(
    primary: EmbeddedPostgres, standby: EmbeddedPostgres
) -> None:
    # The guard: target_session_attrs. Without it the standby, which has not heard of the
    # revocation, made the revoked token active again. Without Redis nobody has a lease, so that the
    # database is asked.
    await migrate(primary.url)
    behind = await asyncpg.connect(standby.url)
    async with Proxy.before(primary.url) as proxy, serving(proxy.url, NO_REDIS) as authority:
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
