"""A real PostgreSQL for the tests, and a fresh database in it for each."""

import os
import secrets
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from shutil import disk_usage
from typing import Self, TypeAlias
from urllib.parse import urlsplit

import asyncpg

from tokenauthority_server.adapters.postgres.migrate import migrate
from tokenauthority_server.embedded import EmbeddedPostgres

# asyncpg's own class takes no parameters at run time.
Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

MEMORY = Path("/dev/shm")  # noqa: S108 - only its free space is asked; names in it are random
MEMORY_NEEDED = 2**30


@contextmanager
def postgres_server() -> Iterator[str]:
    """The address of a server: TEST_DATABASE_URL's, or an embedded one that ends with the block.

    What is written need not outlive a crash: the tests that crash it start their own.
    """
    outside = os.environ.get("TEST_DATABASE_URL")
    if outside:
        yield outside
        return
    with tempfile.TemporaryDirectory(prefix="tests-postgres-", dir=_fast_folder()) as name:
        folder = Path(name)
        folder.chmod(0o711)  # started by root the server may run as another user
        with EmbeddedPostgres.start(folder / "data", {"fsync": "off"}) as server:
            yield server.url


def _fast_folder() -> str | None:
    """Memory, where there is enough: copying a database is mostly the making of files."""
    if MEMORY.is_dir() and os.access(MEMORY, os.W_OK) and disk_usage(MEMORY).free > MEMORY_NEEDED:
        return str(MEMORY)
    return None


class Databases:
    """Makes databases with the schema in place, each a copy of one that was migrated once."""

    def __init__(self, url: str, connection: Connection, template: str) -> None:
        self._url = url
        self._connection = connection
        self._template = template
        self._left: list[str] = []

    @classmethod
    @asynccontextmanager
    async def on(cls, url: str) -> AsyncIterator[Self]:
        template = _fresh_name()
        connection = await asyncpg.connect(url)
        databases = cls(url, connection, template)
        try:
            await connection.execute(f"CREATE DATABASE {template}")
            await migrate(_address(url, template))
            yield databases
        finally:
            databases._left.append(template)
            await databases._drop_left()
            await connection.close()

    @asynccontextmanager
    async def fresh(self) -> AsyncIterator[str]:
        """The address of a database of one's own, until the end of the block."""
        async with self._made(f"TEMPLATE {self._template} STRATEGY file_copy") as url:
            yield url

    @asynccontextmanager
    async def empty(self) -> AsyncIterator[str]:
        """The same, without the schema."""
        async with self._made("TEMPLATE template0") as url:
            yield url

    @asynccontextmanager
    async def _made(self, how: str) -> AsyncIterator[str]:
        await self._drop_left()
        name = _fresh_name()
        await self._connection.execute(f"CREATE DATABASE {name} {how}")
        try:
            yield _address(self._url, name)
        finally:
            # Dropped later: PostgreSQL would wait for the connections that are just being closed.
            self._left.append(name)

    async def _drop_left(self) -> None:
        while self._left:
            await self._connection.execute(
                f"DROP DATABASE IF EXISTS {self._left.pop()} WITH (FORCE)"
            )


def _fresh_name() -> str:
    return f"tokenauthority_test_{secrets.token_hex(6)}"


def _address(url: str, database: str) -> str:
    return urlsplit(url)._replace(path=f"/{database}").geturl()
