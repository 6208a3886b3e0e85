"""The migrations bring a database to exactly what the schema module says."""

import asyncio
import re
from functools import partial

import asyncpg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, text
from sqlalchemy.dialects.postgresql.base import ischema_names
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool
from support.commands import HERE, run
from support.postgres import Databases

from tokenauthority_server.adapters.postgres.migrate import migrate
from tokenauthority_server.adapters.postgres.revision import required_revision
from tokenauthority_server.adapters.postgres.schema import (
    SCHEMA,
    TransactionId,
    metadata,
)

PROGRAM = HERE / "tokenauthority"
# What the schema module does not speak of: Alembic's own table, and the partitions of the audit
# trail, which come and go with the months.
BESIDE = "^(alembic_version|audit_events_.*)$"

# SQLAlchemy does not know this type by itself.
ischema_names["xid8"] = TransactionId

COLUMNS = """
SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
    a.attcollation::regcollation::text, pg_get_expr(d.adbin, d.adrelid)
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
    LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
WHERE c.relnamespace = $1::regnamespace AND c.relkind IN ('r', 'p') AND a.attnum > 0
    AND NOT a.attisdropped AND c.relname !~ $2
"""
CONSTRAINTS = """
SELECT relname, conname, pg_get_constraintdef(con.oid)
FROM pg_constraint con JOIN pg_class c ON c.oid = conrelid
WHERE relnamespace = $1::regnamespace AND relname !~ $2
    AND contype <> 'n' -- PostgreSQL 18 gives each NOT NULL a name
"""
INDEXES = """
SELECT tablename, indexname, indexdef FROM pg_indexes
WHERE schemaname = $1 AND tablename !~ $2
"""
STORAGE = """
SELECT relname, relkind::text, reloptions::text, pg_get_partkeydef(oid) FROM pg_class
WHERE relnamespace = $1::regnamespace AND relkind IN ('r', 'p') AND relname !~ $2
"""


def engine_of(url: str) -> AsyncEngine:
    async def connect() -> "asyncpg.Connection[asyncpg.Record]":
        # By default the schema of the user's own name comes first, and here that is ours.
        return await asyncpg.connect(url, server_settings={"search_path": "public"})

    return create_async_engine("postgresql+asyncpg://", async_creator=connect, poolclass=NullPool)


async def test_autogenerate_finds_nothing_to_do(database_url: str) -> None:
    def differences(connection: Connection) -> object:
        options = {
            "include_schemas": True,
            "compare_type": True,
            "compare_server_default": True,
            "version_table_schema": SCHEMA,
            "include_name": lambda name, kind, _: kind != "schema" or name == SCHEMA,
            "include_object": lambda _, name, *__: not re.match(BESIDE, name or ""),
        }
        return compare_metadata(MigrationContext.configure(connection, opts=options), metadata)

    engine = engine_of(database_url)
    async with engine.connect() as connection:
        assert await connection.run_sync(differences) == []
        # It is not blind.
        await connection.execute(text(f"ALTER TABLE {SCHEMA}.users DROP COLUMN email"))
        assert await connection.run_sync(differences) != []
    await engine.dispose()


@pytest.mark.parametrize("catalog", [COLUMNS, CONSTRAINTS, INDEXES, STORAGE])
async def test_the_catalogs_of_both_are_equal(
    databases: Databases, database_url: str, catalog: str
) -> None:
    # Autogenerate compares neither collations nor checks nor storage options.
    async with databases.empty() as url:
        engine = engine_of(url)
        async with engine.begin() as connection:
            await connection.execute(text(f"CREATE SCHEMA {SCHEMA}"))
            await connection.run_sync(metadata.create_all)
        await engine.dispose()
        by_module = await rows(url, catalog)
    assert await rows(database_url, catalog) == by_module
    assert by_module


async def test_migrating_again_does_nothing(database_url: str) -> None:
    before = await rows(database_url, COLUMNS)

    assert not await migrate(database_url)

    assert await rows(database_url, COLUMNS) == before


async def test_two_migrations_at_once(databases: Databases) -> None:
    async with databases.empty() as url:
        command = partial(run, PROGRAM, "migrate", settings={"DATABASE_URL": url})

        both = await asyncio.gather(*(asyncio.to_thread(command) for _ in range(2)))

        assert [done.code for done in both] == [0, 0], both
        connection = await asyncpg.connect(url)
        revisions = await connection.fetch("SELECT version_num FROM tokenauthority.alembic_version")
        await connection.close()
        assert [row["version_num"] for row in revisions] == [required_revision()]


async def rows(url: str, catalog: str) -> set[tuple[object, ...]]:
    connection = await asyncpg.connect(url)
    try:
        return {tuple(row) for row in await connection.fetch(catalog, SCHEMA, BESIDE)}
    finally:
        await connection.close()
