"""Whose password is whose, in memory."""

from dataclasses import replace

from tokenauthority_server.adapters.memory.database import MemoryDatabase
from tokenauthority_server.adapters.memory.failures import forget
from tokenauthority_server.adapters.memory.rows import AuditEvent
from tokenauthority_server.domain.errors import InvalidCredentialsError, UserNotFoundError
from tokenauthority_server.domain.logins import PasswordExchange
from tokenauthority_server.domain.revocations import RevocationReason
from tokenauthority_server.domain.sessions import Origin
from tokenauthority_server.domain.users import UserStatus


class MemoryPasswordStore:
    """A PasswordStore over a MemoryDatabase."""

    def __init__(self, database: MemoryDatabase) -> None:
        self._database = database

    async def username_of(self, user_id: str) -> str:
        """Return the user's name; raise UserNotFoundError, for a deleted user too."""
        user = self._database.users.get(user_id)
        if user is None or user.status is UserStatus.DELETED:
            raise UserNotFoundError(user_id)
        return user.profile.username

    async def exchange(self, exchange: PasswordExchange, origin: Origin) -> int:
        """Exchange the password and end the user's sessions; return how many were live."""
        database, user_id, verified = self._database, exchange.user_id, exchange.verified
        await self.username_of(user_id)
        user = database.users[user_id]
        if verified is not None and (
            user.password_hash != verified.password_hash and user.epoch != verified.epoch
        ):
            raise InvalidCredentialsError
        if verified is None:
            database.login_failures.pop(exchange.name, None)
            database.forget_sources(user_id)
        else:
            forget(database, exchange.name, exchange.form, exchange.own, known_source=True)
        database.users[user_id] = replace(user, password_hash=exchange.new_hash)
        self._audit("user.password_changed" if verified else "user.password_set", exchange, origin)
        reason = RevocationReason.PASSWORD_CHANGED
        ended = database.end_user_sessions(user_id, reason, exchange.except_session_id)
        self._audit("user.sessions_revoked", exchange, origin, reason)
        return ended

    def _audit(
        self,
        kind: str,
        exchange: PasswordExchange,
        origin: Origin,
        reason: RevocationReason | None = None,
    ) -> None:
        self._database.audit_events.append(
            AuditEvent(
                time=self._database.clock.now(),
                kind=kind,
                origin=origin,
                user_id=exchange.user_id,
                session_id=exchange.except_session_id,
                reason=reason,
            )
        )
