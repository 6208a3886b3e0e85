"""Where users stand, in memory."""

from dataclasses import replace
from datetime import datetime

from tokenauthority_server.adapters.memory.database import MemoryDatabase
from tokenauthority_server.adapters.memory.rows import AuditEvent, UserRow
from tokenauthority_server.domain.errors import UserNotFoundError
from tokenauthority_server.domain.revocations import RevocationReason
from tokenauthority_server.domain.sessions import Origin
from tokenauthority_server.domain.users import Profile, UserStatus


class MemoryUserDirectory:
    """A UserDirectory over a MemoryDatabase."""

    def __init__(self, database: MemoryDatabase) -> None:
        self._database = database

    async def set_status(
        self, user_id: str, status: UserStatus, locked_until: datetime | None, origin: Origin
    ) -> int:
        """Set the status; return how many live sessions that ended."""
        if status is UserStatus.DELETED:
            raise ValueError("a user is deleted by UserDirectory.delete")
        database = self._database
        user = database.users.get(user_id)
        if user is None or user.status is UserStatus.DELETED:
            raise UserNotFoundError(user_id)
        until = locked_until if status is UserStatus.LOCKED else None
        if (user.status, user.locked_until) == (status, until):
            return 0
        reason = None
        ended = 0
        if status is not UserStatus.ACTIVE and user.allowed(database.clock.now()):
            reason = RevocationReason.USER_DISABLED
            ended = database.end_user_sessions(user_id, reason)
        database.users[user_id] = replace(
            database.users[user_id],
            status=status,
            locked_until=until,
            update_time=database.clock.now(),
        )
        self._audit("user.status_changed", user_id, reason, origin)
        return ended

    async def delete(self, user_id: str, origin: Origin) -> int:
        """Make the user a tombstone; return how many live sessions that ended."""
        database = self._database
        user = database.users.get(user_id)
        if user is None:
            raise UserNotFoundError(user_id)
        if user.status is UserStatus.DELETED:
            return 0
        reason = RevocationReason.USER_DELETED
        ended = database.end_user_sessions(user_id, reason)
        database.users[user_id] = UserRow(
            # No request has this username: it must not be empty.
            profile=Profile(user_id=user_id, username=""),
            profile_size=0,
            profile_epoch=user.profile_epoch + 1,
            epoch=database.users[user_id].epoch,
            status=UserStatus.DELETED,
            create_time=user.create_time,
            update_time=database.clock.now(),
        )
        database.forget_sources(user_id)
        self._audit("user.deleted", user_id, reason, origin)
        return ended

    def _audit(
        self, kind: str, user_id: str, reason: RevocationReason | None, origin: Origin
    ) -> None:
        self._database.audit_events.append(
            AuditEvent(
                time=self._database.clock.now(),
                kind=kind,
                origin=origin,
                user_id=user_id,
                reason=reason,
            )
        )
