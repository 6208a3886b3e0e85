-- Set a user's status; return how many live sessions that ended, or NULL where there is no such
-- user, or only a tombstone. The user's row is locked first, as a creation does: whatever session
-- was opened before is found here, and none is opened under the epoch that ends.
CREATE FUNCTION tokenauthority.set_user_status_v2(
    p_user_id text, p_status text, p_locked_until timestamptz, p_fact_lifetime interval,
    p_caller text, p_event_id uuid, p_call_id text
) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    u tokenauthority.users;
    until timestamptz := CASE WHEN p_status = 'LOCKED' THEN p_locked_until END;
    seen_at timestamptz;
    ends boolean;
    ended bigint := 0;
BEGIN
    SELECT * INTO u FROM tokenauthority.users WHERE user_id = p_user_id FOR UPDATE;
    IF NOT FOUND OR u.status = 'DELETED' THEN
        RETURN NULL;
    END IF;
    IF u.status = p_status AND u.locked_until IS NOT DISTINCT FROM until THEN
        RETURN 0;
    END IF;
    -- Not now(), nor allowed_v1, which asks it: a lock may have run out, and a session begun, while
    -- this waited.
    seen_at := clock_timestamp();

    -- Who was kept out already has no session, and a repeated lock is no second revocation.
    ends := p_status <> 'ACTIVE' AND (u.status = 'ACTIVE'
        OR (u.status = 'LOCKED' AND coalesce(u.locked_until <= seen_at, false)));
    IF ends THEN
        ended := tokenauthority.end_epoch_v2(p_user_id, u.epoch, seen_at, 'USER_DISABLED',
            p_fact_lifetime, p_caller);
    END IF;
    UPDATE tokenauthority.users SET
        status = p_status, locked_until = until, epoch = u.epoch + ends::integer,
        updated_at = seen_at
    WHERE user_id = p_user_id;
    INSERT INTO tokenauthority.audit_events
        (user_id, event_id, kind, caller, outcome, reason, request_id, details)
    VALUES (p_user_id, p_event_id, 'user.status_changed', p_caller, 'OK',
        CASE WHEN ends THEN 'USER_DISABLED' ELSE '' END, p_call_id,
        jsonb_strip_nulls(jsonb_build_object('status', p_status,
            'locked_until', tokenauthority.rfc3339_v1(until), 'revoked_sessions', ended::text)));
    RETURN ended;
END
$$
