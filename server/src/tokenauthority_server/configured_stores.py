"""The stores that settings name, as far as they answer: what to know before anything starts."""

import asyncio
from contextlib import suppress

from tokenauthority_server.adapters.postgres.database import Database
from tokenauthority_server.adapters.postgres.standbys import NONE_IS_WAITED_FOR, waits_for_none
from tokenauthority_server.config import Fault, Settings

LOOKING_SECONDS = 2.0


async def store_warnings(settings: Settings) -> list[Fault]:
    """Return what to warn about; nothing of a store that does not answer in time."""
    if not settings.database_url:
        return []
    database = Database(settings.database_url.get_secret_value())
    found = []
    # Whatever is wrong with a store, it is not for this to tell.
    with suppress(Exception):
        async with asyncio.timeout(LOOKING_SECONDS):
            await database.open()
            if await waits_for_none(database):
                found.append(Fault("DATABASE_URL", NONE_IS_WAITED_FOR))
    await database.close()
    return found
