"""TokenCounts over PostgreSQL."""

from dataclasses import fields
from datetime import date, timedelta

import asyncpg

from tokenauthority_server.adapters.postgres.database import Database
from tokenauthority_server.domain.metrics import LiveSessions, TokenMetrics

_KINDS = frozenset(one.name for one in fields(TokenMetrics)) - {"live_sessions"}

# Enough to catch up with after years, and bounded whatever the table says.
_DAYS_AT_ONCE = 1_000

# Adds up the oldest day that is not added up yet. The days are found by stepping from one to the
# next in the index, not by reading their rows. A day has to be over for an hour, so that no change
# of it is still under way. In one order, two who fold the same day do not wait for each other.
FOLD = """
WITH RECURSIVE days AS (
    SELECT min(day) AS day FROM tokenauthority.token_metrics
    UNION ALL
    SELECT (SELECT min(m.day) FROM tokenauthority.token_metrics AS m WHERE m.day > days.day)
    FROM days WHERE days.day IS NOT NULL
), next AS (
    SELECT min(day) AS day FROM days
    WHERE day < (now() AT TIME ZONE 'UTC' - interval '1 hour')::date
        AND NOT EXISTS (SELECT FROM tokenauthority.token_totals AS t WHERE t.day = days.day)
), folded AS (
    INSERT INTO tokenauthority.token_totals (day, metric_type, count)
    SELECT m.day, m.metric_type, sum(m.count) FROM tokenauthority.token_metrics AS m
    WHERE m.day = (SELECT day FROM next)
    GROUP BY m.day, m.metric_type ORDER BY m.metric_type
    ON CONFLICT (day, metric_type) DO NOTHING
    RETURNING day
)
SELECT DISTINCT day FROM folded
"""

COUNT_LIVE_SESSIONS = """
SELECT tokenauthority.count_live_sessions_v2($1) AS done
"""

# Whether the day is added up is seen with the same eyes as its rows, so it counts once.
READ = """
SELECT metric_type, sum(count)::bigint AS count, NULL::timestamptz AS as_of
FROM (
    SELECT metric_type, count FROM tokenauthority.token_totals
    WHERE day = coalesce($1::date, (now() AT TIME ZONE 'UTC')::date)
    UNION ALL
    SELECT metric_type, count FROM tokenauthority.token_metrics
    WHERE day = coalesce($1::date, (now() AT TIME ZONE 'UTC')::date)
        AND NOT EXISTS (
            SELECT FROM tokenauthority.token_totals
            WHERE day = coalesce($1::date, (now() AT TIME ZONE 'UTC')::date))
) AS counted GROUP BY metric_type
UNION ALL
SELECT name, value, as_of FROM tokenauthority.token_gauges WHERE name = 'live_sessions'
"""

READ_USER = """
SELECT metric_type, sum(count)::bigint AS count, NULL::timestamptz AS as_of
FROM tokenauthority.token_metrics
WHERE user_id = $2 AND day = coalesce($1::date, (now() AT TIME ZONE 'UTC')::date)
GROUP BY metric_type
UNION ALL
SELECT 'live_sessions', count(*), now() FROM tokenauthority.sessions
WHERE user_id = $2 AND ended_at IS NULL AND refresh_expires_at > now()
    AND epoch = (SELECT epoch FROM tokenauthority.users WHERE user_id = $2)
    AND key_id <> ALL (ARRAY(
        SELECT r.target FROM tokenauthority.revocations AS r
        WHERE r.user_id = '' AND r.kind = 'key' AND r.expires_at > now()))
"""

READ_DEVICE = """
SELECT metric_type, sum(count)::bigint AS count, NULL::timestamptz AS as_of
FROM tokenauthority.token_metrics
WHERE day = coalesce($1::date, (now() AT TIME ZONE 'UTC')::date) AND device_id = $2
GROUP BY metric_type
"""

READ_USERS_DEVICE = """
SELECT metric_type, count, NULL::timestamptz AS as_of
FROM tokenauthority.token_metrics
WHERE user_id = $2 AND day = coalesce($1::date, (now() AT TIME ZONE 'UTC')::date) AND device_id = $3
"""


class PostgresTokenCounts:
    """Counts of changes by day, and of live sessions."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def fold(self) -> int:
        """See TokenCounts.fold: a day a statement, oldest first."""
        folded = 0
        while folded < _DAYS_AT_ONCE and await self._database.keep_up(FOLD):
            folded += 1
        return folded

    async def count_live_sessions(self, at_most_every: timedelta) -> bool:
        """See TokenCounts.count_live_sessions."""
        rows = await self._database.keep_up(COUNT_LIVE_SESSIONS, at_most_every)
        return bool(rows[0]["done"])

    async def read(self, day: date | None, user_id: str, device_id: str) -> TokenMetrics:
        """See TokenCounts.read."""
        if user_id and device_id:
            return _metrics(await self._database.ask(READ_USERS_DEVICE, day, user_id, device_id))
        if user_id:
            return _metrics(await self._database.scan(READ_USER, day, user_id))
        if device_id:
            return _metrics(await self._database.scan(READ_DEVICE, day, device_id))
        return _metrics(await self._database.scan(READ, day))


def _metrics(rows: list[asyncpg.Record]) -> TokenMetrics:
    counts = {row["metric_type"]: row["count"] for row in rows}
    live = next((row for row in rows if row["as_of"] is not None), None)
    return TokenMetrics(
        **{kind: counts[kind] for kind in _KINDS & counts.keys()},
        live_sessions=LiveSessions(count=live["count"], as_of_time=live["as_of"]) if live else None,
    )
