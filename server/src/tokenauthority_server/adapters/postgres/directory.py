"""UserDirectory over PostgreSQL."""

from datetime import datetime

from tokenauthority_server.adapters.postgres.database import Database
from tokenauthority_server.adapters.postgres.event_ids import event_id
from tokenauthority_server.domain.errors import UserNotFoundError
from tokenauthority_server.domain.revocations import FACT_MARGIN, LONGEST_ACCESS_LIFETIME
from tokenauthority_server.domain.sessions import Origin
from tokenauthority_server.domain.users import UserStatus

SET_STATUS = """
SELECT tokenauthority.set_user_status_v2($1, $2, $3, $4, $5, $6, $7) AS ended
"""

DELETE = """
SELECT tokenauthority.delete_user_v3($1, $2, $3, $4, $5) AS ended
"""


class PostgresUserDirectory:
    """Where users stand, each change in one round trip and one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def set_status(
        self, user_id: str, status: UserStatus, locked_until: datetime | None, origin: Origin
    ) -> int:
        """See UserDirectory.set_status."""
        if status is UserStatus.DELETED:
            raise ValueError("a user is deleted by UserDirectory.delete")
        return await self._ended(
            SET_STATUS,
            user_id,
            status.value,
            locked_until,
            LONGEST_ACCESS_LIFETIME + FACT_MARGIN,
            origin.caller,
            event_id(),
            origin.request_id,
        )

    async def delete(self, user_id: str, origin: Origin) -> int:
        """See UserDirectory.delete."""
        return await self._ended(
            DELETE,
            user_id,
            LONGEST_ACCESS_LIFETIME + FACT_MARGIN,
            origin.caller,
            event_id(),
            origin.request_id,
        )

    async def _ended(self, statement: str, user_id: str, *arguments: object) -> int:
        rows = await self._database.change(statement, user_id, *arguments)
        ended: int | None = rows[0]["ended"]
        if ended is None:
            raise UserNotFoundError(user_id)
        return ended
