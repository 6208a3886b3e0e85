"""SetUserStatus and DeleteUser: who is let in, and what ends for whoever is not."""

from dataclasses import dataclass
from datetime import datetime

from tokenauthority_server.domain.errors import InvalidRequestError, Violation
from tokenauthority_server.domain.ports import Propagation, UserDirectory
from tokenauthority_server.domain.revocations import about_user
from tokenauthority_server.domain.sessions import Origin
from tokenauthority_server.domain.users import UserStatus
from tokenauthority_server.services.revoking import Revoked


@dataclass(frozen=True, slots=True)
class UserStatuses:
    """Lets users in and keeps them out."""

    directory: UserDirectory
    propagation: Propagation

    async def set_status(
        self, user_id: str, status: UserStatus, locked_until: datetime | None, origin: Origin
    ) -> Revoked:
        """Set the status; disabling and locking end every session of the user.

        `locked_until` is when a lock ends by itself, None for never. Raises InvalidRequestError,
        and UserNotFoundError for an unknown and for a deleted user.
        """
        violations = []
        if status is UserStatus.DELETED:
            violations.append(Violation("status", "must be ACTIVE, DISABLED or LOCKED"))
        if locked_until is not None and status is not UserStatus.LOCKED:
            violations.append(Violation("locked_until_time", "belongs to the status LOCKED alone"))
        if violations:
            raise InvalidRequestError(*violations)
        ended = await self.directory.set_status(user_id, status, locked_until, origin)
        settled = await self.propagation.settle(about_user(user_id))
        return Revoked(sessions=ended, effective_everywhere=settled)

    async def delete(self, user_id: str, origin: Origin) -> Revoked:
        """Delete the user, with every session; raise UserNotFoundError for one who never was."""
        ended = await self.directory.delete(user_id, origin)
        settled = await self.propagation.settle(about_user(user_id))
        return Revoked(sessions=ended, effective_everywhere=settled)
