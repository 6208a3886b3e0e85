"""What is to be known of the stores before anything starts: nothing where they do not answer."""

import asyncio
import time

from support.authority import NO_FILE

from tokenauthority_server.adapters.postgres.database import Database
from tokenauthority_server.background import _warn_of_standbys
from tokenauthority_server.config import Mode, load_settings
from tokenauthority_server.configured_stores import LOOKING_SECONDS, store_warnings


async def warned(url: str = "", mode: Mode = "migrate") -> list[str]:
    given = {"DATABASE_URL": url} if url else {}
    return [str(one) for one in await store_warnings(load_settings(given, NO_FILE, mode=mode))]


async def test_a_database_without_standbys_is_nothing_to_warn_of(database_url: str) -> None:
    assert await warned(database_url) == []
    store = Database(database_url)
    await store.open()
    await asyncio.wait_for(_warn_of_standbys(store), 5)
    await store.close()


async def test_where_none_is_named_none_is_asked() -> None:
    assert await warned(mode="dev") == []


async def test_one_that_does_not_answer_is_left_alone_in_time() -> None:
    async def swallow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(swallow, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    began = time.monotonic()
    assert await warned(f"postgresql://user:word@127.0.0.1:{port}/database") == []
    assert time.monotonic() - began < 2 * LOOKING_SECONDS
    server.close()
    assert await warned(f"postgresql://user:word@127.0.0.1:{port}/database") == []
