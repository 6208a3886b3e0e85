"""Removing a person from what is kept: the events stay, and tell of nobody."""

from dataclasses import dataclass

from tokenauthority_server.domain.admin_ports import Erasure
from tokenauthority_server.domain.sessions import Origin

BATCH = 1_000


@dataclass(frozen=True, slots=True)
class Erasing:
    """Erases persons. It may be repeated, and goes on where it was interrupted."""

    erasure: Erasure

    async def erase(self, user_id: str, origin: Origin) -> int:
        """Clear all that tells of a deleted user as a person; return how many rows that were.

        That it is done stands in the audit trail before anything is. Raises UserNotFoundError for
        a user who never was, and UserNotDeletedError.
        """
        await self.erasure.begin(user_id, origin)
        cleared = 0
        while rows := await self.erasure.clear(user_id, BATCH):
            cleared += rows
        return cleared
