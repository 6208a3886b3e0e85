"""The database of a command, and the name under which it stands in the audit trail."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from tokenauthority_server.adapters.postgres.database import Database
from tokenauthority_server.adapters.postgres.revision import check_revision
from tokenauthority_server.config import Settings
from tokenauthority_server.domain.errors import StartError, StoreUnavailableError
from tokenauthority_server.domain.sessions import Origin

ORIGIN: Final = Origin(caller=f"tokenauthority users (uid {os.getuid()})")


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Database]:
    """Give the database of the settings; raise StartError where it cannot be asked."""
    database = Database(settings.database_url.get_secret_value())
    await database.open()
    try:
        check_revision(await database.revision())
        yield database
    except StoreUnavailableError as error:
        why = f" ({error.why})" if error.why else ""
        origin = settings.origin("database_url")
        raise StartError(
            f"{error}{why}: the one of DATABASE_URL, from {origin}. What was done stays done; run "
            "it again."
        ) from error
    finally:
        await database.close()
