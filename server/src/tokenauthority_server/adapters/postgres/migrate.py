"""Brings a database's schema to what this release needs, and tells where it stands."""

import asyncio
from pathlib import Path

import asyncpg
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from tokenauthority_server.adapters.postgres.pooler import without_pooler
from tokenauthority_server.adapters.postgres.revision import read_revision, required_revision
from tokenauthority_server.domain.errors import StartError

_CONNECT_SECONDS = 10
_TURN_SECONDS = 600
_PAUSE_SECONDS = 0.2
_ATTEMPTS = 100
_LOCK_NOT_AVAILABLE = asyncpg.LockNotAvailableError.sqlstate
_TRY_LOCK = "SELECT pg_try_advisory_lock(hashtext('tokenauthority.migrate'))"
_MIGRATIONS = Path(__file__).parent / "migrations"


class MigrationError(StartError):
    """The database could not be migrated; the text says why, without its address."""


async def migrate(database_url: str) -> bool:
    """Bring the schema to the newest revision; return whether there was anything to do.

    Takes turns with other migrations, and lets whoever uses the database go on. What is
    interrupted is whole up to one of its revisions, and goes on from there the next time. Raises
    MigrationError.
    """
    if without_pooler(database_url)[1]:
        raise MigrationError(
            "DATABASE_URL leads through a pooler (pooler=transaction), and a migration takes its "
            "turn by a lock of its connection. Give it the address of PostgreSQL itself."
        )
    try:
        async with asyncio.timeout(_CONNECT_SECONDS):
            connection = await asyncpg.connect(database_url)
        try:
            await _take_turn(connection)
            if await read_revision(connection) >= required_revision():
                return False
            await _upgrade_patiently(database_url)
        finally:
            # The turn ends with the connection.
            await connection.close()
    except DBAPIError as error:
        # SQLAlchemy's own text holds the statement; the database's says what is wrong.
        raise MigrationError(f"The database cannot be migrated: {error.orig}") from None
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise MigrationError(
            f"The database cannot be migrated: {type(error).__name__}: {error}"
        ) from error
    return True


async def _take_turn(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    """Wait until no other migration runs (a job retried, two developers)."""
    # Asked again and again instead of waited for: who waits inside a statement has a snapshot, and
    # an index that is built beside the writers waits for the end of all of them.
    try:
        async with asyncio.timeout(_TURN_SECONDS):
            while not await connection.fetchval(_TRY_LOCK):  # noqa: ASYNC110 - as said
                await asyncio.sleep(_PAUSE_SECONDS)
    except TimeoutError:
        raise MigrationError("Another migration of this database is under way.") from None


async def _upgrade_patiently(database_url: str) -> None:
    """Try again where a lock was not to be had soon: holding up those who wait behind is worse."""
    for last in [False] * (_ATTEMPTS - 1) + [True]:
        try:
            return await _upgrade(database_url)
        except DBAPIError as error:
            if last or getattr(error.orig, "sqlstate", "") != _LOCK_NOT_AVAILABLE:
                raise
            await asyncio.sleep(_PAUSE_SECONDS)
    raise AssertionError("the loop above returns or raises")


async def _upgrade(database_url: str, revision: str = "head") -> None:
    async def connect() -> "asyncpg.Connection[asyncpg.Record]":
        # asyncpg reads the address itself, so that all of its forms and options mean one thing.
        # It takes the time that it takes.
        return await asyncpg.connect(database_url, server_settings={"statement_timeout": "0"})

    engine = create_async_engine("postgresql+asyncpg://", async_creator=connect, poolclass=NullPool)
    try:
        async with engine.connect() as connection:
            await connection.run_sync(_run, revision)
            await connection.commit()
    finally:
        await engine.dispose()


def _run(connection: Connection, revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.attributes["connection"] = connection
    command.upgrade(config, revision)
