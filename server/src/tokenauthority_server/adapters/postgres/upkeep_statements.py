"""The statements of the sweeps: each removes a batch, by key, and waits for nobody.

Candidates are locked, and what someone else works on is skipped; whether a row may go is decided on
the row as it was locked. They are read in the order of the index that finds them, which costs no
sorting and keeps the planner from reading the table instead, whatever it believes of how much of it
is past.
"""

from collections.abc import Mapping
from typing import Final

from tokenauthority_server.domain.upkeep import Leftover

# A row is looked at from its day on, and, so that what still matters for some minutes past midnight
# is not looked at in vain, by $2 and $3 later. Should one still matter then, its day moves.
SWEEP_SESSIONS: Final = """
WITH candidate AS MATERIALIZED (
    SELECT s.user_id, s.session_id, greatest(
        s.last_token_expires_at + $2::interval,
        s.created_at + $3::interval,
        CASE WHEN s.ended_at IS NULL AND s.epoch >= u.epoch
            THEN s.refresh_expires_at + $2::interval END) AS matters_until
    FROM tokenauthority.sessions AS s
    LEFT JOIN tokenauthority.users AS u ON u.user_id = s.user_id
    WHERE s.sweep_on <= ((now() - greatest($2::interval, $3::interval)) AT TIME ZONE 'UTC')::date
    ORDER BY s.sweep_on
    LIMIT $1
    FOR UPDATE OF s SKIP LOCKED
), removed AS (
    DELETE FROM tokenauthority.sessions AS s USING candidate AS c
    WHERE s.user_id = c.user_id AND s.session_id = c.session_id AND c.matters_until <= now()
    RETURNING s.session_id
), postponed AS (
    UPDATE tokenauthority.sessions AS s SET sweep_on = tokenauthority.sweep_day_v1(c.matters_until)
    FROM candidate AS c
    WHERE s.user_id = c.user_id AND s.session_id = c.session_id AND c.matters_until > now()
)
SELECT (SELECT count(*) FROM removed) AS removed, (SELECT count(*) FROM candidate) AS found
"""

_SWEEP_FACTS = """
WITH candidate AS MATERIALIZED (
    SELECT user_id, kind, target FROM tokenauthority.revocations WHERE expires_at <= now()
    ORDER BY expires_at
    LIMIT $1
    FOR UPDATE SKIP LOCKED
), removed AS (
    DELETE FROM tokenauthority.revocations AS r USING candidate AS c
    WHERE r.user_id = c.user_id AND r.kind = c.kind AND r.target = c.target
    RETURNING r.target
)
SELECT count(*) AS removed FROM removed
"""

# Keys are few: the table is read as a whole. Whatever this says, a trigger keeps those that live
# tokens need.
_SWEEP_SIGNING_KEYS = """
WITH candidate AS MATERIALIZED (
    SELECT kid FROM tokenauthority.signing_keys
    WHERE state IN ('RETIRED', 'REVOKED') AND last_expires_at <= now() - $2::interval
    LIMIT $1
    FOR UPDATE SKIP LOCKED
), removed AS (
    DELETE FROM tokenauthority.signing_keys AS k USING candidate AS c WHERE k.kid = c.kid
    RETURNING k.kid, k.algorithm, k.state
), audited AS (
    INSERT INTO tokenauthority.audit_events (user_id, event_id, kind, outcome, details)
    SELECT '', tokenauthority.event_id_v1(), 'key.deleted', 'OK',
        jsonb_build_object('key_id', kid, 'algorithm', algorithm, 'state', state)
    FROM removed
)
SELECT count(*) AS removed FROM removed
"""

_SWEEP_FORMER_PROFILES = """
WITH candidate AS MATERIALIZED (
    SELECT user_id, profile_version FROM tokenauthority.former_profiles
    WHERE replaced_at < now() - $2::interval
    ORDER BY replaced_at
    LIMIT $1
    FOR UPDATE SKIP LOCKED
), removed AS (
    DELETE FROM tokenauthority.former_profiles AS f USING candidate AS c
    WHERE f.user_id = c.user_id AND f.profile_version = c.profile_version
    RETURNING f.profile_version
)
SELECT count(*) AS removed FROM removed
"""

# Day by day, since one that has not been added up yet must not be walked over by every sweep.
_SWEEP_COUNTS = """
WITH RECURSIVE past(day) AS (
    SELECT min(m.day) FROM tokenauthority.token_metrics AS m
    WHERE m.day < ((now() - $2::interval) AT TIME ZONE 'UTC')::date
    UNION ALL
    SELECT (SELECT min(m.day) FROM tokenauthority.token_metrics AS m
        WHERE m.day > past.day AND m.day < ((now() - $2::interval) AT TIME ZONE 'UTC')::date)
    FROM past WHERE past.day IS NOT NULL
), candidate AS MATERIALIZED (
    SELECT m.user_id, m.day, m.device_id, m.metric_type
    FROM past JOIN tokenauthority.token_metrics AS m ON m.day = past.day
    WHERE EXISTS (SELECT FROM tokenauthority.token_totals AS t WHERE t.day = past.day)
    LIMIT $1
    FOR UPDATE OF m SKIP LOCKED
), removed AS (
    DELETE FROM tokenauthority.token_metrics AS m USING candidate AS c
    WHERE m.user_id = c.user_id AND m.day = c.day AND m.device_id = c.device_id
        AND m.metric_type = c.metric_type
    RETURNING m.metric_type
)
SELECT count(*) AS removed FROM removed
"""

# The bound stands there twice so that the younger months are not even opened.
_SWEEP_AUDIT_EVENTS = """
WITH candidate AS MATERIALIZED (
    SELECT user_id, event_id FROM tokenauthority.audit_events
    WHERE event_id < tokenauthority.audit_bound_v1(now() - $2::interval)
    ORDER BY event_id
    LIMIT $1
    FOR UPDATE SKIP LOCKED
), removed AS (
    DELETE FROM tokenauthority.audit_events AS e USING candidate AS c
    WHERE e.user_id = c.user_id AND e.event_id = c.event_id
        AND e.event_id < tokenauthority.audit_bound_v1(now() - $2::interval)
    RETURNING e.event_id
)
SELECT count(*) AS removed FROM removed
"""

_SWEEP_LOGIN_FAILURES = """
WITH candidate AS MATERIALIZED (
    SELECT subject FROM tokenauthority.login_failures WHERE expires_at <= now()
    ORDER BY expires_at
    LIMIT $1
    FOR UPDATE SKIP LOCKED
), removed AS (
    DELETE FROM tokenauthority.login_failures AS f USING candidate AS c
    WHERE f.subject = c.subject
    RETURNING f.subject
)
SELECT count(*) AS removed FROM removed
"""

_SWEEP_LOGIN_SOURCES = """
WITH candidate AS MATERIALIZED (
    SELECT user_id, source FROM tokenauthority.login_sources WHERE expires_at <= now()
    ORDER BY expires_at
    LIMIT $1
    FOR UPDATE SKIP LOCKED
), removed AS (
    DELETE FROM tokenauthority.login_sources AS s USING candidate AS c
    WHERE s.user_id = c.user_id AND s.source = c.source
    RETURNING s.source
)
SELECT count(*) AS removed FROM removed
"""

SWEEPS: Final[Mapping[Leftover, str]] = {
    Leftover.FACTS: _SWEEP_FACTS,
    Leftover.SIGNING_KEYS: _SWEEP_SIGNING_KEYS,
    Leftover.FORMER_PROFILES: _SWEEP_FORMER_PROFILES,
    Leftover.TOKEN_METRICS: _SWEEP_COUNTS,
    Leftover.AUDIT_EVENTS: _SWEEP_AUDIT_EVENTS,
    Leftover.LOGIN_FAILURES: _SWEEP_LOGIN_FAILURES,
    Leftover.LOGIN_SOURCES: _SWEEP_LOGIN_SOURCES,
}

ADD_MONTHS: Final = "SELECT tokenauthority.add_audit_months_v1($1) AS done"
DROP_MONTH: Final = "SELECT tokenauthority.drop_audit_months_v1($1) AS done"
