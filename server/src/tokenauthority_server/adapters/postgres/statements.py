"""The statements of the hot paths. Each change is one of them: one round trip, one transaction.

Where one row decides it is a statement that locks that row; where a count or a second row decides
it is a function (migrations/functions), since a statement keeps the view from before its wait.
No statement updates a row twice: PostgreSQL would ignore the second time without a word.

A session is not live while a fact says that the key of its current refresh token is revoked. Such
facts are few, and stand together in the primary key.
"""

CREATE = """
SELECT * FROM tokenauthority.create_session_v3(
    $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21,
    $22, $23, $24, $25, $26, $27)
"""

# The winner's way, and its only round trip. A loser waits for the row's lock, finds another
# fingerprint there, and updates nothing. It is told when it arrived, and whether its token was good
# then, which the statement's view from before its wait knows ('overtaken'); SETTLE then says why
# it lost. The user's row is read, not locked: what ends the user's sessions meanwhile raises the
# epoch, and the pair carries the lower one. So it is with keys: one that is revoked meanwhile kills
# what it signs. One that is revoked already rotates nothing, be it the presented token's, the
# session's or the successor's.
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
        AND s.ended_at IS NULL AND s.refresh_expires_at > clock_timestamp()
        AND u.user_id = s.user_id AND s.epoch >= u.epoch
        AND tokenauthority.allowed_v1(u.status, u.locked_until) AND u.profile_bytes <= $10
        AND NOT EXISTS (
            SELECT FROM tokenauthority.revocations AS r
            WHERE r.user_id = '' AND r.kind = 'key' AND r.target = ANY (ARRAY[s.key_id, $7, $13])
                AND r.expires_at > now())
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
UNION ALL
SELECT CASE WHEN EXISTS (
        SELECT FROM tokenauthority.sessions AS s
        WHERE s.user_id = $1 AND s.session_id = $2 AND (s.current_fingerprint = $3 OR (
            s.parent_fingerprint = $3 AND now() <= s.rotated_at + $11::interval
            AND ($12 = '' OR s.device_id = '' OR $12 = s.device_id)))
    ) THEN 'overtaken' ELSE 'lost' END, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
    NULL, NULL, NULL, NULL, NULL, NULL, now()
WHERE NOT EXISTS (SELECT FROM rotated)
"""

SETTLE = """
SELECT * FROM tokenauthority.settle_refresh_v3(
    $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)
"""

REFRESH_TOKENS = """
SELECT s.session_id IS NOT NULL AS known, s.end_reason, s.current_fingerprint,
    s.epoch <> u.epoch AS outdated, s.refresh_expires_at <= now() AS expired,
    by_user.reason AS user_fact, asked.key_id = ANY (revoked.keys) AS by_revoked_key,
    s.key_id = ANY (revoked.keys) AS on_revoked_key
FROM (SELECT ARRAY(
    SELECT target FROM tokenauthority.revocations
    WHERE user_id = '' AND kind = 'key' AND expires_at > now()) AS keys) AS revoked
CROSS JOIN unnest($1::text[], $2::text[], $3::text[])
    WITH ORDINALITY AS asked(user_id, session_id, key_id, place)
LEFT JOIN tokenauthority.sessions AS s
    ON s.user_id = asked.user_id AND s.session_id = asked.session_id
LEFT JOIN tokenauthority.users AS u ON u.user_id = asked.user_id
LEFT JOIN tokenauthority.revocations AS by_user
    ON by_user.user_id = asked.user_id AND by_user.kind = 'user' AND by_user.target = ''
    AND by_user.expires_at > now()
ORDER BY asked.place
"""

# Of `<> ALL` the planner would believe that it leaves no session, as they all have one key or two,
# and then sort the user's sessions instead of reading them in the order of their index.
PAGE = """
SELECT s.user_id, s.session_id, s.device_id, s.user_agent, s.ip_address, s.scope, s.created_at,
    s.rotated_at, s.refresh_expires_at, s.ends_at
FROM tokenauthority.sessions AS s
WHERE s.user_id = $1 AND (s.created_at, s.session_id) < ($2, $3) AND s.ended_at IS NULL
    AND s.epoch = (SELECT epoch FROM tokenauthority.users WHERE user_id = $1)
    AND s.refresh_expires_at > now()
    AND NOT ARRAY[s.key_id] && ARRAY(
        SELECT r.target FROM tokenauthority.revocations AS r
        WHERE r.user_id = '' AND r.kind = 'key' AND r.expires_at > now())
ORDER BY s.created_at DESC, s.session_id DESC
LIMIT $4
"""

# A join on values, not a search by ranges: every fact that could kill a token has a known key.
FACTS = """
SELECT r.user_id, r.kind, r.target, r.reason, r.epoch, r.except_session_id
FROM unnest($1::text[], $2::text[], $3::text[]) AS asked(user_id, kind, target)
JOIN tokenauthority.revocations AS r USING (user_id, kind, target)
WHERE r.expires_at > now()
"""

# The conditions say what domain.revocations.death_by says, so that a token that is dead already is
# not counted again. A token that has just expired gets its fact too, though it counts no more:
# verifiers go on accepting it for their leeway.
KILL = """
WITH killed AS (
    INSERT INTO tokenauthority.revocations (user_id, kind, target, reason, caller, expires_at)
    SELECT $1, 'token', $2, $3, $4, to_timestamp($5) + $6::interval
    WHERE to_timestamp($5) + $6::interval > now() AND NOT EXISTS (
        SELECT FROM tokenauthority.revocations AS r
        WHERE r.expires_at > now() AND (
            (r.user_id = $1 AND r.kind = 'session' AND r.target = $7)
            OR (r.user_id = '' AND r.kind = 'key' AND r.target = $8)
            OR (r.user_id = $1 AND r.kind = 'user' AND r.target = ''
                AND r.epoch > $9 AND r.except_session_id <> $7)
            OR (r.user_id = $1 AND r.kind = 'profile' AND r.target = '' AND r.epoch > $10)))
    ON CONFLICT (user_id, kind, target) DO NOTHING
    RETURNING user_id
), alive AS (
    SELECT user_id FROM killed WHERE to_timestamp($5) > now()
), counted AS (
    INSERT INTO tokenauthority.token_metrics AS m (user_id, day, device_id, metric_type, count)
    SELECT user_id, (now() AT TIME ZONE 'UTC')::date, $11, 'revoked', 1 FROM alive
    ON CONFLICT (user_id, day, device_id, metric_type) DO UPDATE SET count = m.count + 1
), audited AS (
    INSERT INTO tokenauthority.audit_events
        (user_id, event_id, kind, caller, session_id, device_id, outcome, reason, request_id,
        details)
    SELECT user_id, $12, 'token.revoked', $4, $7, $11, 'OK', $3, $13,
        jsonb_build_object('token_id', $2::text)
    FROM alive
)
SELECT count(*) AS done FROM alive
"""

# No session carries an epoch above its user's, but one above that which is seen here when a
# revocation for which this waited has kept it. It is live then, and equality would spare it. As
# above, a session that has just expired gets its fact and counts no more; nor does one whose key is
# revoked, which may have access tokens of an earlier key yet.
_END_SESSION = """
WITH ended AS (
    UPDATE tokenauthority.sessions AS s SET
        ended_at = now(), end_reason = $2,
        sweep_on = tokenauthority.sweep_day_v1(s.last_token_expires_at)
    FROM tokenauthority.users AS u
    WHERE s.session_id = $1 {of_user} AND s.ended_at IS NULL
        AND s.refresh_expires_at + $4::interval > now()
        AND u.user_id = s.user_id AND s.epoch >= u.epoch
    RETURNING s.user_id, s.session_id, s.device_id, s.last_token_expires_at, s.refresh_expires_at,
        s.key_id
), fact AS (
    INSERT INTO tokenauthority.revocations (user_id, kind, target, reason, caller, expires_at)
    SELECT user_id, 'session', session_id, $2, $3, last_token_expires_at + $4::interval FROM ended
    ON CONFLICT (user_id, kind, target) DO NOTHING
), live AS (
    SELECT * FROM ended WHERE refresh_expires_at > now() AND key_id <> ALL (ARRAY(
        SELECT r.target FROM tokenauthority.revocations AS r
        WHERE r.user_id = '' AND r.kind = 'key' AND r.expires_at > now()))
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

END_SESSION_BY_ID = _END_SESSION.format(of_user="")
# By a token: with a stolen key anyone could make one of anybody's session.
END_USERS_SESSION = _END_SESSION.format(
    of_user="""AND s.user_id = $7 AND NOT EXISTS (
            SELECT FROM tokenauthority.revocations AS r
            WHERE r.user_id = '' AND r.kind = 'key' AND r.target = $8 AND r.expires_at > now())"""
)

END_USER_SESSIONS = """
SELECT tokenauthority.end_user_sessions_v2($1, $2, $3, $4, $5, $6, $7) AS done
"""
