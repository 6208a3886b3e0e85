"""What holds in the tables at any time, whatever happened to the processes that wrote them."""

from collections.abc import Iterable
from typing import Final

from support.postgres import Connection

# Each finds rows that must not be, in the whole database: so nobody may have tampered with it.
IMPOSSIBLE: Final = {
    "a session without its user": """
        SELECT s.session_id FROM tokenauthority.sessions AS s
        LEFT JOIN tokenauthority.users AS u USING (user_id) WHERE u.user_id IS NULL
    """,
    "a session above its user's epoch": """
        SELECT s.session_id FROM tokenauthority.sessions AS s
        JOIN tokenauthority.users AS u USING (user_id) WHERE s.epoch > u.epoch
    """,
    "a session that ended for no reason, or not at all for one": """
        SELECT session_id FROM tokenauthority.sessions
        WHERE (ended_at IS NULL) <> (end_reason IS NULL)
    """,
    "an ended session without its fact": """
        SELECT s.session_id FROM tokenauthority.sessions AS s
        LEFT JOIN tokenauthority.revocations AS r
            ON r.user_id = s.user_id AND r.kind = 'session' AND r.target = s.session_id
            AND r.reason = s.end_reason AND r.expires_at > now()
        WHERE s.end_reason IS NOT NULL AND s.last_token_expires_at > now() AND r.user_id IS NULL
    """,
    "a fact about a session that has not ended": """
        SELECT r.target FROM tokenauthority.revocations AS r
        LEFT JOIN tokenauthority.sessions AS s
            ON s.user_id = r.user_id AND s.session_id = r.target AND s.end_reason = r.reason
        WHERE r.kind = 'session' AND s.session_id IS NULL
    """,
    "an epoch without its fact": """
        SELECT u.user_id FROM tokenauthority.users AS u
        LEFT JOIN tokenauthority.revocations AS r
            ON r.user_id = u.user_id AND r.kind = 'user' AND r.epoch = u.epoch
        WHERE u.epoch > 0 AND r.user_id IS NULL
    """,
    "a former profile without its user": """
        SELECT f.user_id FROM tokenauthority.former_profiles AS f
        LEFT JOIN tokenauthority.users AS u USING (user_id) WHERE u.user_id IS NULL
    """,
    "a count without its user": """
        SELECT m.user_id FROM tokenauthority.token_metrics AS m
        LEFT JOIN tokenauthority.users AS u USING (user_id) WHERE u.user_id IS NULL
    """,
    "an event without its user": """
        SELECT e.user_id FROM tokenauthority.audit_events AS e
        LEFT JOIN tokenauthority.users AS u USING (user_id)
        WHERE e.user_id <> '' AND u.user_id IS NULL
    """,
    "sessions that were not counted as created, or the reverse": """
        SELECT user_id FROM (
            SELECT user_id, count(*) AS held FROM tokenauthority.sessions GROUP BY user_id
        ) AS s FULL JOIN (
            SELECT user_id, sum(count) AS counted FROM tokenauthority.token_metrics
            WHERE metric_type = 'created' GROUP BY user_id
        ) AS m USING (user_id) WHERE held IS DISTINCT FROM counted
    """,
    "refreshes that were not counted, or the reverse": """
        SELECT user_id FROM (
            SELECT user_id, sum(generation) AS done FROM tokenauthority.sessions GROUP BY user_id
        ) AS s LEFT JOIN (
            SELECT user_id, sum(count) AS counted FROM tokenauthority.token_metrics
            WHERE metric_type = 'refreshed' GROUP BY user_id
        ) AS m USING (user_id) WHERE done <> coalesce(counted, 0)
    """,
    "a session whose creation was not audited once": """
        SELECT s.session_id FROM tokenauthority.sessions AS s
        LEFT JOIN tokenauthority.audit_events AS e
            ON e.user_id = s.user_id AND e.session_id = s.session_id AND e.kind = 'session.created'
        GROUP BY s.user_id, s.session_id HAVING count(e.event_id) <> 1
    """,
    "a creation in the audit trail without its session": """
        SELECT e.session_id FROM tokenauthority.audit_events AS e
        LEFT JOIN tokenauthority.sessions AS s USING (user_id, session_id)
        WHERE e.kind = 'session.created' AND s.session_id IS NULL
    """,
    "reuses that were counted and not audited with both sides, or the reverse": """
        SELECT user_id FROM (
            SELECT user_id, sum(count) AS counted FROM tokenauthority.token_metrics
            WHERE metric_type = 'reuse_detected' GROUP BY user_id
        ) AS m FULL JOIN (
            SELECT user_id, count(*) AS audited FROM tokenauthority.audit_events
            WHERE kind = 'session.reuse_detected' AND details ? 'session_device_id'
            GROUP BY user_id
        ) AS e USING (user_id) WHERE counted IS DISTINCT FROM audited
    """,
}


async def impossible_rows(connection: Connection) -> list[str]:
    """What must not be in the tables, and is."""
    found = []
    for what, statement in IMPOSSIBLE.items():
        rows = await connection.fetch(statement)
        if rows:
            found.append(f"{what}: {[row[0] for row in rows[:5]]}, {len(rows)} in all")
    return found


async def counted(connection: Connection, users: Iterable[str]) -> dict[str, int]:
    """The sums of what was counted for these users, by metric."""
    rows = await connection.fetch(
        """
        SELECT metric_type, sum(count)::bigint AS count FROM tokenauthority.token_metrics
        WHERE user_id = ANY($1::text[]) GROUP BY metric_type
        """,
        list(users),
    )
    return {row["metric_type"]: row["count"] for row in rows}
