"""The commits of Refresh and CreatePair, bare: the same rows through asyncpg and nothing else.

They go to tables of the same columns, indexes and filling in a schema of their own, which start
with the rows that the authority has.
"""

import secrets
from datetime import timedelta
from typing import Self

import asyncpg

CONNECTIONS = 10
"""As many as the authority gives to its changes."""

SETTINGS = {"synchronous_commit": "on", "jit": "off"}
ACCESS, REFRESH, SESSION = timedelta(minutes=30), timedelta(days=7), timedelta(days=30)

TABLES = """
DROP SCHEMA IF EXISTS bare CASCADE;
CREATE SCHEMA bare;
CREATE TABLE bare.sessions (LIKE tokenauthority.sessions INCLUDING ALL) WITH (fillfactor = 85);
CREATE TABLE bare.token_metrics (LIKE tokenauthority.token_metrics INCLUDING ALL)
    WITH (fillfactor = 85);
CREATE TABLE bare.audit_events (LIKE tokenauthority.audit_events INCLUDING ALL);
INSERT INTO bare.sessions SELECT * FROM tokenauthority.sessions;
INSERT INTO bare.token_metrics SELECT * FROM tokenauthority.token_metrics;
INSERT INTO bare.audit_events SELECT * FROM tokenauthority.audit_events;
"""

REFRESHED = """
WITH counted AS (
    INSERT INTO bare.token_metrics AS m (user_id, day, device_id, metric_type, count)
    VALUES ($1, current_date, $2, 'refreshed', 1)
    ON CONFLICT (user_id, day, device_id, metric_type) DO UPDATE SET count = m.count + 1
)
UPDATE bare.sessions SET
    generation = generation + 1, parent_fingerprint = current_fingerprint,
    current_fingerprint = $4, rotated_at = now(), access_expires_at = now() + $5::interval,
    refresh_expires_at = now() + $6::interval, last_token_expires_at = now() + $5::interval
WHERE user_id = $1 AND session_id = $3
"""

CREATED = """
WITH counted AS (
    INSERT INTO bare.token_metrics AS m (user_id, day, device_id, metric_type, count)
    VALUES ($1, current_date, $2, 'created', 1)
    ON CONFLICT (user_id, day, device_id, metric_type) DO UPDATE SET count = m.count + 1
), audited AS (
    INSERT INTO bare.audit_events
        (user_id, event_id, kind, session_id, device_id, user_agent, ip_address, outcome)
    VALUES ($1, gen_random_uuid(), 'session.created', $3, $2, $8, $9, 'OK')
)
INSERT INTO bare.sessions (
    user_id, device_id, session_id, current_fingerprint, rotated_at, access_expires_at,
    refresh_expires_at, last_token_expires_at, key_id, user_agent, ip_address, scope, created_at,
    ends_at, sweep_on)
VALUES ($1, $2, $3, $4, now(), now() + $5::interval, now() + $6::interval, now() + $5::interval,
    $10, $8, $9, $11, now(), now() + $7::interval, (now() + $6::interval)::date)
"""


class BareStore:
    """A pool like the authority's, and the two commits."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]") -> None:
        self._pool = pool

    @classmethod
    async def open(cls, url: str) -> Self:
        return cls(
            await asyncpg.create_pool(
                url,
                min_size=CONNECTIONS,
                max_size=CONNECTIONS,
                reset=_leave,
                server_settings=SETTINGS,
            )
        )

    async def refresh(self, user_id: str, device_id: str, session_id: str) -> None:
        fingerprint = secrets.token_bytes(32)
        done = await self._pool.execute(
            REFRESHED, user_id, device_id, session_id, fingerprint, ACCESS, REFRESH
        )
        assert done == "UPDATE 1", done

    async def create(
        self, user_id: str, device_id: str, user_agent: str, ip_address: str, scope: list[str]
    ) -> None:
        await self._pool.execute(
            CREATED,
            user_id,
            device_id,
            "sess_" + secrets.token_urlsafe(32),
            secrets.token_bytes(32),
            ACCESS,
            REFRESH,
            SESSION,
            user_agent,
            ip_address,
            "key-of-the-benchmark",
            scope,
        )

    async def close(self) -> None:
        await self._pool.close()


async def make_tables(url: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(TABLES)
    finally:
        await connection.close()


async def _leave(_: object) -> None:
    """Reset nothing: the authority's pool does not either."""
