"""Attempts at passwords, in memory."""

from dataclasses import replace

from tokenauthority_server.adapters.memory.creation import create
from tokenauthority_server.adapters.memory.database import MemoryDatabase
from tokenauthority_server.adapters.memory.failures import Failures, forget
from tokenauthority_server.adapters.memory.rows import AuditEvent
from tokenauthority_server.domain.errors import (
    AccountDisabledError,
    AccountLockedError,
    InvalidCredentialsError,
    RateLimitedError,
    UserNotAllowedError,
)
from tokenauthority_server.domain.logins import (
    MOST_SOURCES,
    SOURCE_LIFETIME,
    Account,
    Attempt,
    Begun,
    LoginLimits,
    Opening,
)
from tokenauthority_server.domain.sessions import Device, Grant, Lifetimes, Origin
from tokenauthority_server.domain.users import UserStatus


class MemoryLoginStore:
    """A LoginStore over a MemoryDatabase."""

    def __init__(self, database: MemoryDatabase) -> None:
        self._database = database

    async def begin(self, attempt: Attempt, limits: LoginLimits) -> Begun | None:
        """Reserve the attempt; None when as many are under way as may yet fail."""
        failures, now = Failures(self._database, limits), self._database.clock.now()
        account = self._account(attempt.username)
        known = bool(attempt.own) and (
            not attempt.source
            or (account is not None and self._knows(account.user_id, attempt.source))
        )
        judged = bool(attempt.source) and not known
        source = failures.source(attempt.source)
        if judged and source.blocked_until is not None and source.blocked_until > now:
            wait = source.blocked_until - now
            raise RateLimitedError("failed logins of this source", wait.total_seconds())
        subject = attempt.own if known else attempt.name
        row = failures.allowance(subject, attempt.form)
        if row.blocked_until is not None:
            raise AccountLockedError((row.blocked_until - now).total_seconds())
        if row.failures + row.pending >= limits.failures:
            return None
        failures.reserve(subject, row)
        if judged:
            failures.count_source(attempt.source, source)
        return Begun(attempt=attempt, account=account, known_source=known)

    async def fail(self, begun: Begun, limits: LoginLimits, origin: Origin) -> None:
        """Count the reserved attempt as a failure, and leave an event where it was a user's."""
        failures, attempt = Failures(self._database, limits), begun.attempt
        form = attempt.form
        own_locks = failures.add(attempt.own, form, 1) if begun.own else False
        locks = failures.add(attempt.name, form, 0 if begun.own else 1) or own_locks
        if begun.account is None:
            self._database.count("", "", "failed_logins")
            return
        user_id = begun.account.user_id
        self._database.count(user_id, attempt.device.device_id, "failed_logins")
        for kind in ("login.failed", "login.locked")[: 2 if locks else 1]:
            self._audit(kind, user_id, attempt.device, origin)

    async def open(
        self, opening: Opening, limits: LoginLimits, lifetimes: Lifetimes, origin: Origin
    ) -> Grant:
        """Forget the failures that judged the attempt, and open the session, as create does."""
        database, account, attempt = self._database, opening.account, opening.attempt
        user = database.users.get(account.user_id)
        if user is None or (
            user.epoch != account.epoch and user.password_hash != account.password_hash
        ):
            raise InvalidCredentialsError
        known = opening.known_source
        if not known:
            Failures(database, limits).give_back(attempt.source)
        forget(database, attempt.name, attempt.form, attempt.own, known_source=known)
        try:
            grant = create(database, opening.new, lifetimes, origin)
        except UserNotAllowedError as error:
            database.count(account.user_id, attempt.device.device_id, "failed_logins")
            self._audit("login.failed", account.user_id, attempt.device, origin)
            raise AccountDisabledError from error
        unchanged = user.password_hash == account.password_hash
        database.users[account.user_id] = replace(
            database.users[account.user_id],
            last_login_time=grant.now,
            password_hash=(opening.new_hash if unchanged else None) or user.password_hash,
        )
        if attempt.source:
            self._know(account.user_id, attempt.source)
        database.count(account.user_id, attempt.device.device_id, "logins")
        self._audit(
            "login.succeeded", account.user_id, attempt.device, origin, opening.new.session_id
        )
        return grant

    def _account(self, username: str) -> Account | None:
        for user_id, row in self._database.users.items():
            if row.profile.username == username and row.status is not UserStatus.DELETED:
                return Account(user_id=user_id, password_hash=row.password_hash, epoch=row.epoch)
        return None

    def _knows(self, user_id: str, source: bytes) -> bool:
        until = self._database.login_sources.get((user_id, source))
        return until is not None and until > self._database.clock.now()

    def _know(self, user_id: str, source: bytes) -> None:
        sources = self._database.login_sources
        sources[user_id, source] = self._database.clock.now() + SOURCE_LIFETIME
        of_user = sorted(
            (one for one in sources if one[0] == user_id),
            key=lambda one: (-sources[one].timestamp(), one[1]),
        )
        for one in of_user[MOST_SOURCES:]:
            del sources[one]

    def _audit(
        self, kind: str, user_id: str, device: Device, origin: Origin, session_id: str = ""
    ) -> None:
        self._database.audit_events.append(
            AuditEvent(
                time=self._database.clock.now(),
                kind=kind,
                origin=origin,
                user_id=user_id,
                session_id=session_id,
                device=device,
            )
        )
