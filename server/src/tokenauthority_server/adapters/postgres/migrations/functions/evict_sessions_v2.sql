-- End the oldest of a user's live sessions so that p_room of them remain. The caller holds the lock
-- of the user's row, so that no other session of the user begins meanwhile; one that ends by itself
-- meanwhile is found ended and not replaced by another. All sessions are locked before any count:
-- whoever ends one of them locks in this order too.
CREATE FUNCTION tokenauthority.evict_sessions_v2(
    p_user_id text, p_epoch bigint, p_room bigint, p_seen_at timestamptz, p_fact_margin interval,
    p_caller text, p_successor text, p_call_id text, p_revoked_keys text[]
) RETURNS void LANGUAGE sql AS $$
    WITH ended AS (
        UPDATE tokenauthority.sessions SET
            ended_at = p_seen_at, end_reason = 'SESSION_LIMIT',
            sweep_on = tokenauthority.sweep_day_v1(last_token_expires_at)
        WHERE user_id = p_user_id AND ended_at IS NULL AND session_id = ANY (ARRAY(
            SELECT session_id FROM tokenauthority.sessions
            WHERE user_id = p_user_id AND epoch = p_epoch AND ended_at IS NULL
                AND refresh_expires_at > p_seen_at AND key_id <> ALL (p_revoked_keys)
            ORDER BY created_at DESC, session_id DESC OFFSET p_room))
        RETURNING *
    ), fact AS (
        INSERT INTO tokenauthority.revocations (user_id, kind, target, reason, caller, expires_at)
        SELECT user_id, 'session', session_id, 'SESSION_LIMIT', p_caller,
            last_token_expires_at + p_fact_margin
        FROM ended
        ON CONFLICT (user_id, kind, target) DO NOTHING
    ), counted AS (
        INSERT INTO tokenauthority.token_metrics AS m (user_id, day, device_id, metric_type, count)
        SELECT p_user_id, (now() AT TIME ZONE 'UTC')::date, device_id, 'revoked', count(*)
        FROM ended GROUP BY device_id ORDER BY device_id
        ON CONFLICT (user_id, day, device_id, metric_type)
        DO UPDATE SET count = m.count + excluded.count
    )
    INSERT INTO tokenauthority.audit_events
        (user_id, event_id, kind, caller, session_id, device_id, user_agent, ip_address, outcome,
        reason, request_id, details)
    SELECT user_id, tokenauthority.event_id_v1(), 'session.revoked', p_caller, session_id,
        device_id, user_agent, ip_address, 'OK', 'SESSION_LIMIT', p_call_id,
        jsonb_build_object('replaced_by', p_successor)
    FROM ended
$$
