"""Erasure over PostgreSQL."""

from typing import Final

from tokenauthority_server.adapters.postgres.database import Database
from tokenauthority_server.adapters.postgres.event_ids import event_id
from tokenauthority_server.domain.audit import IMPERSONAL_DETAILS
from tokenauthority_server.domain.errors import UserNotDeletedError, UserNotFoundError
from tokenauthority_server.domain.sessions import Origin

BEGIN: Final = "SELECT tokenauthority.begin_erasure_v1($1, $2, $3, $4) AS outcome"
CLEAR: Final = "SELECT tokenauthority.clear_person_v1($1, $2, $3) AS cleared"


class PostgresErasure:
    """Removes a person, a batch a transaction: what was interrupted is begun again."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def begin(self, user_id: str, origin: Origin) -> None:
        """See Erasure.begin."""
        (row,) = await self._database.change(
            BEGIN, user_id, origin.caller, event_id(), origin.request_id
        )
        match row["outcome"]:
            case "user_not_found":
                raise UserNotFoundError(user_id)
            case "user_not_deleted":
                raise UserNotDeletedError(user_id)

    async def clear(self, user_id: str, batch: int) -> int:
        """See Erasure.clear."""
        (row,) = await self._database.keep_up(CLEAR, user_id, batch, sorted(IMPERSONAL_DETAILS))
        if row["cleared"] is None:
            raise UserNotDeletedError(user_id)
        return int(row["cleared"])
