"""Whether what is acknowledged outlives the primary."""

from typing import Final

from tokenauthority_server.adapters.postgres.database import Database

NONE_IS_WAITED_FOR: Final = (
    "PostgreSQL has standbys and waits for none of them: after a failover, what was revoked just "
    "before may be good again. Set synchronous_standby_names"
)
"""What is said then."""

_STANDBYS: Final = """
SELECT current_setting('synchronous_standby_names') = ''
    AND EXISTS (SELECT FROM pg_stat_replication) AS is_asynchronous
"""


async def waits_for_none(database: Database) -> bool:
    """Return whether there are standbys, and a commit waits for none of them.

    Raises StoreUnavailableError.
    """
    (row,) = await database.ask(_STANDBYS)
    return bool(row["is_asynchronous"])
