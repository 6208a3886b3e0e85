"""The PostgreSQL form, for the conformance suites."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

import asyncpg
from sqlalchemy import DateTime
from support.postgres import Connection
from support.stores import Line, Status, Stores

from tokenauthority_server.adapters.postgres.audit_trail import PostgresAuditTrail
from tokenauthority_server.adapters.postgres.database import Database
from tokenauthority_server.adapters.postgres.directory import PostgresUserDirectory
from tokenauthority_server.adapters.postgres.erasure import PostgresErasure
from tokenauthority_server.adapters.postgres.facts import PostgresFactStore
from tokenauthority_server.adapters.postgres.logins import (
    PostgresLoginStore,
    PostgresPasswordStore,
)
from tokenauthority_server.adapters.postgres.revocations import (
    DatabaseView,
    PostgresSessionRevoker,
)
from tokenauthority_server.adapters.postgres.schema import metadata
from tokenauthority_server.adapters.postgres.session_ender import PostgresSessionEnder
from tokenauthority_server.adapters.postgres.sessions import PostgresSessionStore
from tokenauthority_server.adapters.postgres.signing_keys import PostgresSigningKeyStore
from tokenauthority_server.adapters.postgres.token_counts import PostgresTokenCounts
from tokenauthority_server.adapters.postgres.upkeep import PostgresUpkeep
from tokenauthority_server.adapters.postgres.user_importer import PostgresUserImporter
from tokenauthority_server.adapters.postgres.user_store import PostgresUserStore
from tokenauthority_server.domain.revocations import Fact, FactKind, RevocationReason
from tokenauthority_server.domain.users import UserStatus

MOVE_SWEEPS = "UPDATE tokenauthority.sessions SET sweep_on = sweep_on - $1::integer"
"""By whole days: a session is never swept earlier than it would have been."""
MOVE_METRICS = "UPDATE tokenauthority.token_metrics SET day = day - $1::integer"
MOVE_TOTALS = "UPDATE tokenauthority.token_totals SET day = day - $1::integer"
"""Counts are by day, so they move by whole days."""
FAR = 100_000
MOVE_EVENTS = """
UPDATE tokenauthority.audit_events AS e SET event_id = (lpad(to_hex(
    ('x' || left(id.hex, 12))::bit(48)::bigint - $1::bigint), 12, '0') || right(id.hex, 20))::uuid
FROM (SELECT user_id, event_id, replace(event_id::text, '-', '') AS hex
    FROM tokenauthority.audit_events) AS id
WHERE e.user_id = id.user_id AND e.event_id = id.event_id
"""
"""An event's id begins with the milliseconds of its time."""


@asynccontextmanager
async def postgres_stores(url: str) -> AsyncIterator[Stores]:
    database = Database(url)
    await database.open()
    connection = await asyncpg.connect(url)

    async def advance(by: timedelta) -> None:
        # The database's clock cannot be moved, so all that has happened is moved into the past.
        async with connection.transaction():
            for table in metadata.sorted_tables:
                times = [column.name for column in table.columns if _is_time(column.type)]
                if times:
                    moved = ", ".join(f"{name} = {name} - $1::interval" for name in times)
                    statement = f"UPDATE {table.fullname} SET {moved}"  # noqa: S608 - our schema
                    await connection.execute(statement, by)
            await connection.execute(MOVE_SWEEPS, by // timedelta(days=1))
            if by >= timedelta(days=1):
                # Not at once: on its way a row would meet the one of the day before.
                for days in (by // timedelta(days=1) + FAR, -FAR):
                    await connection.execute(MOVE_METRICS, days)
                    await connection.execute(MOVE_TOTALS, days)
            await connection.execute(MOVE_EVENTS, by // timedelta(milliseconds=1))

    try:
        yield Stores(
            sessions=PostgresSessionStore(database),
            revoker=PostgresSessionRevoker(database),
            view=DatabaseView(database),
            facts=PostgresFactStore(database),
            directory=PostgresUserDirectory(database),
            counts=PostgresTokenCounts(database),
            upkeep=PostgresUpkeep(database),
            logins=PostgresLoginStore(database),
            passwords=PostgresPasswordStore(database),
            keys=PostgresSigningKeyStore(database),
            users=PostgresUserStore(database),
            ender=PostgresSessionEnder(database),
            trail=PostgresAuditTrail(database),
            importer=PostgresUserImporter(database),
            erasure=PostgresErasure(database),
            records=PostgresRecords(connection),
            advance=advance,
        )
    finally:
        await connection.close()
        await database.close()


def _is_time(column_type: object) -> bool:
    return isinstance(column_type, DateTime)


class PostgresRecords:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def set_status(
        self, user_id: str, status: Status, locked_for: timedelta | None = None
    ) -> None:
        await self._connection.execute(
            """
            UPDATE tokenauthority.users SET status = $2, locked_until = now() + $3::interval
            WHERE user_id = $1
            """,
            user_id,
            status,
            locked_for,
        )

    async def now(self) -> datetime:
        now: datetime = await self._connection.fetchval("SELECT now()")
        return now

    async def standing(self, user_id: str) -> tuple[UserStatus, datetime | None]:
        row = await self._connection.fetchrow(
            "SELECT status, locked_until FROM tokenauthority.users WHERE user_id = $1", user_id
        )
        assert row is not None
        return UserStatus(row["status"]), row["locked_until"]

    async def set_password_hash(self, user_id: str, password_hash: str) -> None:
        await self._connection.execute(
            "UPDATE tokenauthority.users SET password_hash = $2 WHERE user_id = $1",
            user_id,
            password_hash,
        )

    async def password_hash(self, user_id: str) -> str | None:
        found: str | None = await self._of_user("password_hash", user_id)
        return found

    async def last_login(self, user_id: str) -> datetime | None:
        found: datetime | None = await self._of_user("last_login_at", user_id)
        return found

    async def _of_user(self, column: str, user_id: str) -> Any:
        return await self._connection.fetchval(
            f"SELECT {column} FROM tokenauthority.users WHERE user_id = $1",  # noqa: S608 - ours
            user_id,
        )

    async def known_sources(self, user_id: str) -> int:
        count: int = await self._connection.fetchval(
            "SELECT count(*) FROM tokenauthority.login_sources WHERE user_id = $1", user_id
        )
        return count

    async def failing_subjects(self) -> int:
        count: int = await self._connection.fetchval(
            "SELECT count(*) FROM tokenauthority.login_failures"
        )
        return count

    async def align_creation(self, user_id: str) -> None:
        await self._connection.execute(
            "UPDATE tokenauthority.sessions SET created_at = now() WHERE user_id = $1", user_id
        )

    async def facts(self, user_id: str) -> set[Fact]:
        rows = await self._connection.fetch(
            """
            SELECT kind, target, reason, epoch, except_session_id FROM tokenauthority.revocations
            WHERE user_id = $1
            """,
            user_id,
        )
        return {
            Fact(
                kind=FactKind(row["kind"]),
                user_id=user_id,
                target=row["target"],
                reason=RevocationReason(row["reason"]),
                epoch=row["epoch"],
                except_session_id=row["except_session_id"],
            )
            for row in rows
        }

    async def metrics(self, user_id: str) -> dict[tuple[str, str], int]:
        rows = await self._connection.fetch(
            """
            SELECT device_id, metric_type, sum(count)::bigint AS count
            FROM tokenauthority.token_metrics WHERE user_id = $1 GROUP BY device_id, metric_type
            """,
            user_id,
        )
        return {(row["device_id"], row["metric_type"]): row["count"] for row in rows}

    async def audit_kinds(self, user_id: str) -> list[str]:
        rows = await self._connection.fetch(
            "SELECT kind FROM tokenauthority.audit_events WHERE user_id = $1", user_id
        )
        return sorted(row["kind"] for row in rows)

    async def reuse_devices(self, user_id: str) -> list[set[str]]:
        rows = await self._connection.fetch(
            """
            SELECT device_id, details ->> 'session_device_id' AS session_device_id
            FROM tokenauthority.audit_events
            WHERE user_id = $1 AND kind = 'session.reuse_detected'
            """,
            user_id,
        )
        return [{row["device_id"], row["session_device_id"]} for row in rows]

    @asynccontextmanager
    async def holding(self, session_id: str) -> AsyncIterator[Line]:
        async with self._connection.transaction():
            await self._connection.execute(
                "SELECT FROM tokenauthority.sessions WHERE session_id = $1 FOR UPDATE", session_id
            )
            yield LockLine(self._connection)


class LockLine:
    """PostgreSQL lets in those who wait for a row in the order in which they came."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._callers: list[asyncio.Future[Any]] = []

    async def joined(self, caller: asyncio.Future[Any]) -> None:
        self._callers.append(caller)
        async with asyncio.timeout(5):
            while await self._waiting() < sum(  # noqa: ASYNC110 - a server tells nobody of it
                not one.done() for one in self._callers
            ):
                await asyncio.sleep(0.002)

    async def _waiting(self) -> int:
        await self._connection.execute("SELECT pg_stat_clear_snapshot()")
        waiting: int = await self._connection.fetchval(
            """
            SELECT count(*) FROM pg_stat_activity
            WHERE datname = current_database() AND wait_event_type = 'Lock'
            """
        )
        return waiting
