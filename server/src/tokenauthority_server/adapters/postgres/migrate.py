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

from tokenauthority_server.adapters.postgres.revision import read_revision, required_revision
from tokenauthority_server.domain.errors import StartError

_CONNECT_SECONDS = 10
_MIGRATIONS = Path(__file__).parent / "migrations"


class MigrationError(StartError):
    """The database could not be migrated; the text says why, without its address."""


async def migrate(database_url: str) -> bool:
    """Bring the schema to the newest revision; return whether there was anything to do.

    Runs in one transaction and takes turns with other migrations. Raises MigrationError.
    """
    try:
        async with asyncio.timeout(_CONNECT_SECONDS):
            connection = await asyncpg.connect(database_url)
        try:
            if await read_revision(connection) >= required_revision():
                return False
        finally:
            await connection.close()
        await _upgrade(database_url)
    except DBAPIError as error:
        # SQLAlchemy's own text holds the statement; the database's says what is wrong.
        raise MigrationError(f"The database cannot be migrated: {error.orig}") from None
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise MigrationError(
            f"The database cannot be migrated: {type(error).__name__}: {error}"
        ) from error
    return True


async def _upgrade(database_url: str) -> None:
    async def connect() -> "asyncpg.Connection[asyncpg.Record]":
        # asyncpg reads the address itself, so that all of its forms and options mean one thing.
        return await asyncpg.connect(database_url)

    engine = create_async_engine("postgresql+asyncpg://", async_creator=connect, poolclass=NullPool)
    try:
        async with engine.connect() as connection:
            await connection.run_sync(_run)
            await connection.commit()
    finally:
        await engine.dispose()


def _run(connection: Connection) -> None:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
