"""LoginStore and PasswordStore over PostgreSQL."""

from datetime import timedelta

import asyncpg

from tokenauthority_server.adapters.postgres.database import Database
from tokenauthority_server.adapters.postgres.event_ids import event_id
from tokenauthority_server.adapters.postgres.sessions import REQUEST_WINDOW, grant_of
from tokenauthority_server.domain.errors import (
    AccountDisabledError,
    AccountLockedError,
    InvalidCredentialsError,
    RateLimitedError,
    UserNotAllowedError,
    UserNotFoundError,
)
from tokenauthority_server.domain.logins import (
    MOST_SOURCES,
    SETTLED_WITHIN,
    SOURCE_LIFETIME,
    Account,
    Attempt,
    Begun,
    LoginLimits,
    Opening,
    PasswordExchange,
)
from tokenauthority_server.domain.revocations import FACT_MARGIN, LONGEST_ACCESS_LIFETIME
from tokenauthority_server.domain.sessions import Grant, Lifetimes, Origin

BEGIN = "SELECT * FROM tokenauthority.begin_login_v1($1, $2, $3, $4, $5, $6, $7, $8, $9)"
FAIL = """
SELECT tokenauthority.fail_login_v1($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
"""
OPEN = """
SELECT * FROM tokenauthority.open_login_v1(
    $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21,
    $22, $23, $24, $25, $26, $27, $28, $29, $30, $31, $32)
"""
USERNAME = """
SELECT username FROM tokenauthority.users WHERE user_id = $1 AND status <> 'DELETED'
"""
EXCHANGE = """
SELECT * FROM tokenauthority.exchange_password_v1(
    $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
"""


class PostgresLoginStore:
    """Attempts, each step of them in one round trip and one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def begin(self, attempt: Attempt, limits: LoginLimits) -> Begun | None:
        """See LoginStore.begin."""
        (row,) = await self._database.change(
            BEGIN,
            attempt.username,
            attempt.name,
            attempt.form,
            attempt.source,
            attempt.own,
            limits.failures,
            limits.source_failures,
            limits.lock,
            SETTLED_WITHIN,
        )
        match row["outcome"]:
            case "locked":
                raise AccountLockedError(row["wait"].total_seconds())
            case "slowed":
                raise slowed(row["wait"])
            case "busy":
                return None
        return Begun(attempt=attempt, account=_account(row), known_source=row["known"])

    async def fail(self, begun: Begun, limits: LoginLimits, origin: Origin) -> None:
        """See LoginStore.fail."""
        device = begun.attempt.device
        await self._database.change(
            FAIL,
            begun.account.user_id if begun.account else None,
            begun.attempt.name,
            begun.attempt.form,
            begun.own,
            limits.failures,
            limits.lock,
            SETTLED_WITHIN,
            device.device_id,
            device.user_agent,
            device.ip_address,
            origin.caller,
            event_id(),
            origin.request_id,
        )

    async def open(
        self, opening: Opening, limits: LoginLimits, lifetimes: Lifetimes, origin: Origin
    ) -> Grant:
        """See LoginStore.open."""
        new, attempt, account = opening.new, opening.attempt, opening.account
        (row,) = await self._database.change(
            OPEN,
            account.user_id,
            account.password_hash,
            account.epoch,
            opening.new_hash,
            attempt.name,
            attempt.form,
            attempt.source,
            attempt.own,
            opening.known_source,
            limits.source_failures,
            MOST_SOURCES,
            SOURCE_LIFETIME,
            new.profile_budget,
            new.session_id,
            attempt.device.device_id,
            attempt.device.user_agent,
            attempt.device.ip_address,
            new.request.scope,
            new.refresh_fingerprint,
            new.key_id,
            lifetimes.access,
            lifetimes.refresh,
            lifetimes.session,
            origin.caller,
            new.request.digest(),
            REQUEST_WINDOW,
            LONGEST_ACCESS_LIFETIME + FACT_MARGIN,
            event_id(),
            origin.request_id,
            new.cap.sessions,
            new.cap.evicts,
            FACT_MARGIN,
        )
        try:
            return grant_of(row)
        except UserNotAllowedError as error:
            raise AccountDisabledError from error


class PostgresPasswordStore:
    """Passwords, exchanged in one round trip and one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def username_of(self, user_id: str) -> str:
        """See PasswordStore.username_of."""
        rows = await self._database.ask(USERNAME, user_id)
        if not rows:
            raise UserNotFoundError(user_id)
        return str(rows[0]["username"])

    async def exchange(self, exchange: PasswordExchange, origin: Origin) -> int:
        """See PasswordStore.exchange."""
        verified = exchange.verified
        (row,) = await self._database.change(
            EXCHANGE,
            exchange.user_id,
            verified.password_hash if verified else None,
            verified.epoch if verified else None,
            exchange.new_hash,
            exchange.except_session_id,
            exchange.name,
            exchange.form,
            exchange.own,
            LONGEST_ACCESS_LIFETIME + FACT_MARGIN,
            origin.caller,
            event_id(),
            origin.request_id,
        )
        match row["outcome"]:
            case "user_not_found":
                raise UserNotFoundError(exchange.user_id)
            case "credentials_changed":
                raise InvalidCredentialsError
        return int(row["ended"])


def slowed(wait: timedelta) -> RateLimitedError:
    """Return the error of a source that has to wait."""
    return RateLimitedError("failed logins of this source", wait.total_seconds())


def _account(row: asyncpg.Record) -> Account | None:
    if row["user_id"] is None:
        return None
    return Account(user_id=row["user_id"], password_hash=row["password_hash"], epoch=row["epoch"])
