-- End those of the next p_length sessions that meet the criteria of find_sessions_v1, at most p_most.
-- What was found ends, though it be refreshed meanwhile from another address or by another key:
-- whoever is to go must not get away by a refresh. The rows are locked in the order of their keys, and
-- counted after that, as evict_sessions_v2 does. `dead` are all that were found: whoever has ended them.
CREATE FUNCTION tokenauthority.end_sessions_v1(
    p_user_id text, p_device_id text, p_ip_range text, p_user_agent text, p_before timestamptz,
    p_key_id text, p_length integer, p_most integer, p_after_user text, p_after_session text,
    p_fact_margin interval, p_reason text, p_caller text, p_call_id text,
    OUT matched bigint, OUT ended bigint, OUT last_user text, OUT last_session text,
    OUT dead_users text[], OUT dead_sessions text[]
) LANGUAGE plpgsql AS $$
DECLARE
    f record;
    revoked_keys text[];
    seen_at timestamptz;
BEGIN
    f := tokenauthority.find_sessions_v1(p_user_id, p_device_id, p_ip_range, p_user_agent,
        p_before, p_key_id, p_length, p_most, p_after_user, p_after_session, p_fact_margin);
    matched := f.matched;
    last_user := f.last_user;
    last_session := f.last_session;
    dead_users := f.found_users;
    dead_sessions := f.found_sessions;

    PERFORM FROM tokenauthority.sessions AS s
    JOIN unnest(f.found_users, f.found_sessions) AS t(user_id, session_id) USING (user_id, session_id)
    ORDER BY s.user_id, s.session_id
    FOR UPDATE OF s;
    -- A new statement, so that it sees what those left who were waited for.
    seen_at := clock_timestamp();
    revoked_keys := tokenauthority.revoked_keys_v1(seen_at);

    WITH done AS (
        UPDATE tokenauthority.sessions AS s SET
            ended_at = seen_at, end_reason = p_reason,
            sweep_on = tokenauthority.sweep_day_v1(s.last_token_expires_at)
        FROM unnest(f.found_users, f.found_sessions) AS t(user_id, session_id)
        JOIN tokenauthority.users AS u ON u.user_id = t.user_id
        WHERE s.user_id = t.user_id AND s.session_id = t.session_id AND s.ended_at IS NULL
            AND s.epoch >= u.epoch AND s.refresh_expires_at + p_fact_margin > seen_at
        RETURNING s.*
    ), fact AS (
        INSERT INTO tokenauthority.revocations (user_id, kind, target, reason, caller, expires_at)
        SELECT user_id, 'session', session_id, p_reason, p_caller,
            last_token_expires_at + p_fact_margin
        FROM done
        ON CONFLICT (user_id, kind, target) DO NOTHING
    ), live AS (
        SELECT * FROM done WHERE refresh_expires_at > seen_at AND key_id <> ALL (revoked_keys)
    ), counted AS (
        INSERT INTO tokenauthority.token_metrics AS m (user_id, day, device_id, metric_type, count)
        SELECT user_id, (now() AT TIME ZONE 'UTC')::date, device_id, 'revoked', count(*)
        FROM live GROUP BY user_id, device_id ORDER BY user_id, device_id
        ON CONFLICT (user_id, day, device_id, metric_type)
        DO UPDATE SET count = m.count + excluded.count
    ), audited AS (
        INSERT INTO tokenauthority.audit_events
            (user_id, event_id, kind, caller, session_id, device_id, user_agent, ip_address,
            outcome, reason, request_id)
        SELECT user_id, tokenauthority.event_id_v1(), 'session.revoked', p_caller, session_id,
            device_id, user_agent, ip_address, 'OK', p_reason, p_call_id
        FROM live
    )
    SELECT count(*) INTO ended FROM live;
END
$$
