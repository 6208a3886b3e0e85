"""What can happen to a PostgreSQL of one's own, besides being killed."""

import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
from support.postgres import Connection
from support.waiting import eventually

from tokenauthority_server.adapters.postgres.migrate import migrate
from tokenauthority_server.embedded import EmbeddedPostgres

CONNECTIONS = 100
"""What an embedded PostgreSQL accepts."""
OWN = "application_name = 'tokenauthority'"
TABLES = (
    "users",
    "former_profiles",
    "sessions",
    "revocations",
    "token_metrics",
    "audit_events",
    "signing_keys",
)
# A full disk says this, whatever is written. A small file system of our own would need root, and a
# full one stops PostgreSQL itself when its log cannot grow: the error is what a worker meets.
FULL = """
CREATE SCHEMA IF NOT EXISTS disk;
CREATE OR REPLACE FUNCTION disk.full() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION USING ERRCODE = '53100',
        MESSAGE = 'could not extend file "base/5/16384": No space left on device';
END $$;
"""


@asynccontextmanager
async def another_primary(url: str) -> AsyncIterator[str]:
    """A second PostgreSQL that takes the same logins, with an empty schema."""
    with _second_postgres() as other:
        await migrate(other.url)
        async with administrator(other.url) as connection:
            password = urlsplit(url).password
            await connection.execute(f"ALTER ROLE tokenauthority PASSWORD '{password}'")
        yield other.url


@contextmanager
def _second_postgres() -> Iterator[EmbeddedPostgres]:
    with tempfile.TemporaryDirectory(prefix="tests-faults-") as name:
        folder = Path(name)
        folder.chmod(0o711)  # started by root the server may run as another user
        with EmbeddedPostgres.start(folder, {"fsync": "off"}) as other:
            yield other


@asynccontextmanager
async def administrator(url: str) -> AsyncIterator[Connection]:
    """A connection that may write whatever the database's default says."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("SET default_transaction_read_only = off")
        yield connection
    finally:
        await connection.close()


async def terminate_backends(url: str) -> None:
    """Let PostgreSQL end every connection of every worker, and return when they are gone."""
    async with administrator(url) as connection:
        await connection.execute(
            f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE {OWN}"  # noqa: S608
        )


@asynccontextmanager
async def read_only(url: str) -> AsyncIterator[None]:
    """Let PostgreSQL take no writes inside the block, neither by connections that are open."""
    await _set_read_only(url, "on")
    try:
        yield
    finally:
        await _set_read_only(url, "off")


async def _set_read_only(url: str, value: str) -> None:
    async with administrator(url) as connection:
        await connection.execute(f"ALTER SYSTEM SET default_transaction_read_only = {value}")
        await connection.execute("SELECT pg_reload_conf()")

    async def holds() -> bool:
        fresh = await asyncpg.connect(url)
        try:
            return bool(await fresh.fetchval("SHOW default_transaction_read_only") == value)
        finally:
            await fresh.close()

    await eventually(holds)


@asynccontextmanager
async def full(url: str) -> AsyncIterator[None]:
    """Let every write fail inside the block as it does on a full disk."""
    async with administrator(url) as connection:
        await connection.execute(FULL)
        for table in TABLES:
            await connection.execute(
                f"CREATE TRIGGER disk_full BEFORE INSERT OR UPDATE OR DELETE"
                f" ON tokenauthority.{table} FOR EACH ROW EXECUTE FUNCTION disk.full()"
            )
    try:
        yield
    finally:
        async with administrator(url) as connection:
            await connection.execute("DROP SCHEMA disk CASCADE")


@asynccontextmanager
async def out_of_connections(url: str) -> AsyncIterator[int]:
    """Take every connection that is left, until the end of the block; yield how many they were."""
    taken: list[Connection] = []
    try:
        with suppress(asyncpg.TooManyConnectionsError):
            while len(taken) <= CONNECTIONS:
                taken.append(await asyncpg.connect(url))
            raise AssertionError("PostgreSQL accepts more connections than it was told to")
        yield len(taken)
    finally:
        for connection in taken:
            connection.terminate()
