"""A database full of what matters no more, and the hands that sweep it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from support.postgres import Connection

from tokenauthority_server.adapters.postgres.database import Database
from tokenauthority_server.adapters.postgres.upkeep import PostgresUpkeep
from tokenauthority_server.domain.upkeep import Leftover

KEEP = timedelta(days=365)

TABLES = {
    Leftover.SESSIONS: "sessions",
    Leftover.FACTS: "revocations",
    Leftover.SIGNING_KEYS: "signing_keys",
    Leftover.FORMER_PROFILES: "former_profiles",
    Leftover.TOKEN_METRICS: "token_metrics",
    Leftover.AUDIT_EVENTS: "audit_events",
    Leftover.LOGIN_FAILURES: "login_failures",
    Leftover.LOGIN_SOURCES: "login_sources",
}

_FILL = (
    """
    INSERT INTO tokenauthority.sessions
        (user_id, session_id, current_fingerprint, rotated_at, access_expires_at,
        refresh_expires_at, last_token_expires_at, key_id, created_at, ends_at, sweep_on)
    SELECT 'u-' || n % 10, 'gone-' || n, '', now(), now(), now() - interval '2 days',
        now() - interval '9 days', 'key-1', now() - interval '9 days', now(), current_date - 2
    FROM generate_series(1, $1) AS n
    """,
    """
    INSERT INTO tokenauthority.revocations (user_id, kind, target, reason, expires_at)
    SELECT 'u-' || n % 10, 'token', 'gone-' || n, 'LOGOUT', now() - interval '1 s'
    FROM generate_series(1, $1) AS n
    """,
    """
    INSERT INTO tokenauthority.signing_keys
        (kid, algorithm, public_jwk, sealed_private_key, state, created_at, last_expires_at)
    SELECT 'gone-' || n, 'ES256', '', '', CASE WHEN n % 2 = 0 THEN 'RETIRED' ELSE 'REVOKED' END,
        now() - interval '60 days', now() - interval '1 day' FROM generate_series(1, $1) AS n
    """,
    """
    INSERT INTO tokenauthority.former_profiles (user_id, profile_version, replaced_at)
    SELECT 'u-' || n % 10, n, now() - interval '2 hours' FROM generate_series(1, $1) AS n
    """,
    """
    INSERT INTO tokenauthority.token_metrics (user_id, day, device_id, metric_type, count)
    SELECT 'u-' || n % 10, current_date - 400 - n % 3, 'd-' || n, 'created', 1
    FROM generate_series(1, $1) AS n
    """,
    """
    INSERT INTO tokenauthority.token_totals (day, metric_type, count)
    SELECT current_date - 400 - n % 3, 'created', count(*)
    FROM generate_series(1, $1) AS n GROUP BY n % 3
    """,
    """
    INSERT INTO tokenauthority.audit_events (user_id, event_id, kind)
    SELECT 'u-' || n % 10, tokenauthority.audit_bound_v1(
        now() - interval '400 days' + n * interval '1 ms'), 'old' FROM generate_series(1, $1) AS n
    """,
    """
    INSERT INTO tokenauthority.login_failures (subject, failures, changed_at, expires_at)
    SELECT convert_to('gone-' || n, 'UTF8'), 1, now() - interval '1 hour', now() - interval '1 s'
    FROM generate_series(1, $1) AS n
    """,
    """
    INSERT INTO tokenauthority.login_sources (user_id, source, expires_at)
    SELECT 'u-' || n % 10, convert_to('gone-' || n, 'UTF8'), now() - interval '1 s'
    FROM generate_series(1, $1) AS n
    """,
)


async def litter(connection: Connection, rows: int) -> None:
    """Write as many rows of each kind, all of them to be removed."""
    for statement in _FILL:
        await connection.execute(statement, rows)


async def left(connection: Connection) -> dict[Leftover, int]:
    """Return how many rows there are of each kind, but for the events of the sweep itself."""
    # The sweep of signing keys leaves an event for each.
    await connection.execute("DELETE FROM tokenauthority.audit_events WHERE kind = 'key.deleted'")
    return {
        what: await connection.fetchval(f"SELECT count(*) FROM tokenauthority.{table}")  # noqa: S608
        for what, table in TABLES.items()
    }


@asynccontextmanager
async def upkeep_of(url: str) -> AsyncIterator[PostgresUpkeep]:
    database = Database(url)
    await database.open()
    try:
        yield PostgresUpkeep(database)
    finally:
        await database.close()
