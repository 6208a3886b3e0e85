"""What servers of the first release send. They run on while a newer one migrates their database.

A release never changes, and so neither does this.
"""

import hashlib
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import asyncpg
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from tokenauthority_server.adapters import postgres
from tokenauthority_server.adapters.postgres.database import Database
from tokenauthority_server.adapters.postgres.event_ids import event_id

REVISION = "0001"

ACCESS = timedelta(minutes=30)
REFRESH = timedelta(days=7)
SESSION = timedelta(days=30)
REQUEST_WINDOW = timedelta(minutes=10)
FACT_MARGIN = timedelta(minutes=10)
FACT_LIFETIME = timedelta(days=1)

CREATE = """
SELECT * FROM tokenauthority.create_session_v1(
    $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21,
    $22, $23, $24)
"""
ROTATE = """
WITH rotated AS (
    UPDATE tokenauthority.sessions AS s SET
        generation = s.generation + 1,
        parent_fingerprint = s.current_fingerprint,
        current_fingerprint = $4,
        rotated_at = now(),
        access_expires_at = least(date_trunc('second', now()) + least($5::interval, $6), s.ends_at),
        refresh_expires_at = least(date_trunc('second', now()) + $6::interval, s.ends_at),
        last_token_expires_at = greatest(
            s.last_token_expires_at,
            least(date_trunc('second', now()) + least($5::interval, $6), s.ends_at)),
        key_id = $7,
        profile_version = u.profile_version,
        user_agent = coalesce(nullif($8, ''), s.user_agent),
        ip_address = coalesce(nullif($9, ''), s.ip_address),
        sweep_on = (least(now() + $6::interval, s.ends_at) AT TIME ZONE 'UTC')::date + 1
    FROM tokenauthority.users AS u
    WHERE s.user_id = $1 AND s.session_id = $2 AND s.current_fingerprint = $3
        AND s.ended_at IS NULL AND s.refresh_expires_at > now()
        AND u.user_id = s.user_id AND s.epoch >= u.epoch
        AND tokenauthority.allowed_v1(u.status, u.locked_until) AND u.profile_bytes <= $10
    RETURNING s.*, u.username, u.email, u.roles, u.permissions, u.profile_epoch
), counted AS (
    INSERT INTO tokenauthority.token_metrics AS m (user_id, day, device_id, metric_type, count)
    SELECT user_id, (now() AT TIME ZONE 'UTC')::date, device_id, 'refreshed', 1 FROM rotated
    ON CONFLICT (user_id, day, device_id, metric_type) DO UPDATE SET count = m.count + 1
)
SELECT 'granted' AS outcome, user_id, username, email, roles, permissions, profile_epoch,
    session_id, device_id, scope, epoch, generation, current_fingerprint, key_id,
    date_trunc('second', rotated_at) AS issued_at, access_expires_at, refresh_expires_at,
    rotated_at AS seen_at
FROM rotated
"""
SETTLE = """
SELECT * FROM tokenauthority.settle_refresh_v1($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
"""
PAGE = """
SELECT s.user_id, s.session_id, s.device_id, s.user_agent, s.ip_address, s.scope, s.created_at,
    s.rotated_at, s.refresh_expires_at, s.ends_at
FROM tokenauthority.sessions AS s JOIN tokenauthority.users AS u USING (user_id)
WHERE s.user_id = $1 AND (s.created_at, s.session_id) < ('9999-01-01', '')
    AND s.ended_at IS NULL AND s.epoch = u.epoch AND s.refresh_expires_at > now()
ORDER BY s.created_at DESC, s.session_id DESC
LIMIT 51
"""
FACTS = """
SELECT r.user_id, r.kind, r.target, r.reason, r.epoch, r.except_session_id
FROM unnest($1::text[], $2::text[], $3::text[]) AS asked(user_id, kind, target)
JOIN tokenauthority.revocations AS r USING (user_id, kind, target)
WHERE r.expires_at > now()
"""
END_SESSION = """
WITH ended AS (
    UPDATE tokenauthority.sessions AS s SET ended_at = now(), end_reason = $2
    FROM tokenauthority.users AS u
    WHERE s.session_id = $1 AND s.ended_at IS NULL
        AND s.refresh_expires_at + $4::interval > now()
        AND u.user_id = s.user_id AND s.epoch >= u.epoch
    RETURNING s.user_id, s.session_id, s.device_id, s.last_token_expires_at, s.refresh_expires_at
), fact AS (
    INSERT INTO tokenauthority.revocations (user_id, kind, target, reason, caller, expires_at)
    SELECT user_id, 'session', session_id, $2, $3, last_token_expires_at + $4::interval FROM ended
    ON CONFLICT (user_id, kind, target) DO NOTHING
), live AS (
    SELECT * FROM ended WHERE refresh_expires_at > now()
), counted AS (
    INSERT INTO tokenauthority.token_metrics AS m (user_id, day, device_id, metric_type, count)
    SELECT user_id, (now() AT TIME ZONE 'UTC')::date, device_id, 'revoked', 1 FROM live
    ON CONFLICT (user_id, day, device_id, metric_type) DO UPDATE SET count = m.count + 1
), audited AS (
    INSERT INTO tokenauthority.audit_events
        (user_id, event_id, kind, caller, session_id, device_id, outcome, reason, request_id)
    SELECT user_id, $5, 'session.revoked', $3, session_id, device_id, 'OK', $2, $6 FROM live
)
SELECT count(*) AS done FROM live
"""
END_USER_SESSIONS = """
SELECT tokenauthority.end_user_sessions_v1($1, $2, $3, $4, $5, $6, $7) AS done
"""
# Users of ten sessions each, with what those have left behind.
FILL = """
INSERT INTO tokenauthority.users (user_id, username, profile_bytes)
SELECT 'u-old-' || n, 'u-old-' || n, 200 FROM generate_series(1, $1 / 10) AS n;
INSERT INTO tokenauthority.sessions (user_id, session_id, current_fingerprint, rotated_at,
    access_expires_at, refresh_expires_at, last_token_expires_at, key_id, created_at, ends_at,
    sweep_on)
SELECT 'u-old-' || n % ($1 / 10) + 1, 'sess_old_' || n, sha256(n::text::bytea), now(),
    now() + interval '30 minutes', now() + interval '7 days', now() + interval '30 minutes', 'key',
    now() - n * interval '1 second', now() + interval '30 days', current_date + 8
FROM generate_series(1, $1) AS n;
INSERT INTO tokenauthority.token_metrics (user_id, day, device_id, metric_type, count)
SELECT DISTINCT user_id, current_date, device_id, 'created', 10 FROM tokenauthority.sessions;
INSERT INTO tokenauthority.revocations (user_id, kind, target, reason, expires_at)
SELECT user_id, 'token', session_id, 'LOGOUT', now() + interval '30 minutes'
FROM tokenauthority.sessions;
INSERT INTO tokenauthority.former_profiles (user_id) SELECT user_id FROM tokenauthority.users;
INSERT INTO tokenauthority.audit_events (user_id, event_id, kind, session_id)
SELECT user_id, (lpad(to_hex((extract(epoch FROM created_at) * 1000)::bigint), 12, '0')
    || '7' || substr(md5(session_id || event), 1, 19))::uuid, 'session.created', session_id
FROM tokenauthority.sessions CROSS JOIN generate_series(1, 10) AS event;
ANALYZE;
"""


async def make_schema(url: str, sessions: int) -> None:
    """Bring an empty database to the first release's schema, with so many sessions in it."""

    async def connect() -> "asyncpg.Connection[asyncpg.Record]":
        return await asyncpg.connect(url)

    def upgrade(connection: Connection) -> None:
        config = Config()
        folder = Path(postgres.__file__).parent / "migrations"
        config.set_main_option("script_location", str(folder))
        config.attributes["connection"] = connection
        command.upgrade(config, REVISION)

    engine = create_async_engine("postgresql+asyncpg://", async_creator=connect, poolclass=NullPool)
    try:
        async with engine.connect() as connection:
            await connection.run_sync(upgrade)
            await connection.commit()
    finally:
        await engine.dispose()
    filling = await connect()
    try:
        await filling.execute(FILL.replace("$1", str(sessions)))
    finally:
        await filling.close()


def fingerprint() -> bytes:
    """What nobody has had before."""
    return hashlib.sha256(secrets.token_bytes()).digest()


@dataclass
class FormerServer:
    """Serves one user as the first release does; whatever takes too long for it, or fails, raises.

    The way to the database is the present one's: bounded, and with one more attempt for questions.
    """

    database: Database
    user_id: str
    live: dict[str, bytes] = field(default_factory=dict)
    """The sessions, each with its refresh token's fingerprint."""

    @property
    def calls(self) -> list[Callable[[], Awaitable[None]]]:
        """One of each kind, in an order that finds something to do."""
        return [
            *(self.create, self.refresh, self.validate, self.list, self.refresh),
            *(self.create, self.refresh, self.end, self.validate, self.create, self.end_all),
        ]

    async def create(self) -> None:
        session_id, first = f"sess_{secrets.token_urlsafe(32)}", fingerprint()
        (row,) = await self.database.change(
            CREATE,
            *(self.user_id, self.user_id, "", [], [], 200, 6_000, session_id, "laptop", "", "", []),
            *(first, "key", ACCESS, REFRESH, SESSION, "", "", b"", REQUEST_WINDOW, FACT_LIFETIME),
            *(event_id(), ""),
        )
        assert row["outcome"] == "granted", row
        self.live[session_id] = first

    async def refresh(self) -> None:
        session_id, presented = next(iter(self.live.items()))
        successor = fingerprint()
        (row,) = await self.database.change(
            ROTATE,
            *(
                self.user_id,
                session_id,
                presented,
                successor,
                ACCESS,
                REFRESH,
                "key",
                "",
                "",
                6_000,
            ),
        )
        assert row["outcome"] == "granted", row
        self.live[session_id] = successor
        # Again, as after a lost reply.
        (row,) = await self.database.change(
            SETTLE,
            *(self.user_id, session_id, presented, "", "", "", 6_000, timedelta(seconds=30)),
            *(FACT_MARGIN, "", event_id(), ""),
        )
        assert (row["outcome"], row["current_fingerprint"]) == ("replayed", successor), row

    async def validate(self) -> None:
        facts = await self.database.ask(
            FACTS,
            [self.user_id, *(self.user_id for _ in self.live)],
            ["user", *("session" for _ in self.live)],
            ["", *self.live],
        )
        assert not [row for row in facts if row["kind"] == "session"], facts

    async def list(self) -> None:
        rows = await self.database.scan(PAGE, self.user_id)
        assert {row["session_id"] for row in rows} == set(self.live)

    async def end(self) -> None:
        session_id, _ = self.live.popitem()
        (row,) = await self.database.change(
            END_SESSION, session_id, "LOGOUT", "", FACT_MARGIN, event_id(), ""
        )
        assert row["done"] == 1

    async def end_all(self) -> None:
        (row,) = await self.database.change(
            END_USER_SESSIONS,
            *(self.user_id, "", "LOGOUT_ALL", FACT_LIFETIME, "", event_id(), ""),
        )
        assert row["done"] == len(self.live)
        self.live.clear()
