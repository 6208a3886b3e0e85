"""The stores of a run: a real PostgreSQL and a real Valkey with nothing in them but the schema."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import redis

from benchmarks.authority import migrate, store_settings
from tokenauthority_server.embedded import EmbeddedPostgres, EmbeddedValkey


@dataclass(frozen=True, slots=True)
class Stores:
    """The stores, up and migrated; `settings` are what `serve` needs to use them."""

    postgres: EmbeddedPostgres
    valkey: EmbeddedValkey
    settings: dict[str, str]

    def versions(self) -> dict[str, str]:
        with redis.Redis.from_url(self.valkey.url) as client:
            told = client.info("server")
        valkey = str(told.get("valkey_version") or told["redis_version"])
        return {"postgresql": asyncio.run(_version(self.postgres.url)), "valkey": valkey}


@contextmanager
def stores(folder: Path) -> Iterator[Stores]:
    """Start and migrate them, with PostgreSQL's own defaults for durability: commits are synced."""
    with (
        EmbeddedPostgres.start(folder) as postgres,
        EmbeddedValkey.start(folder) as valkey,
    ):
        migrate(postgres.url, folder)
        yield Stores(postgres, valkey, store_settings(postgres.url, valkey.url))


async def _version(url: str) -> str:
    connection = await asyncpg.connect(url)
    try:
        version = connection.get_server_version()
    finally:
        await connection.close()
    return f"{version.major}.{version.minor}"
