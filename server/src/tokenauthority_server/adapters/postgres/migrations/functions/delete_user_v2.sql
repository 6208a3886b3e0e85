-- Make a user a tombstone: what it was goes, and only that it was stays, with the epochs. Returns
-- how many live sessions that ended, or NULL where there never was such a user.
CREATE FUNCTION tokenauthority.delete_user_v2(
    p_user_id text, p_fact_lifetime interval, p_caller text, p_event_id uuid, p_call_id text
) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    u tokenauthority.users;
    seen_at timestamptz;
    ended bigint;
BEGIN
    SELECT * INTO u FROM tokenauthority.users WHERE user_id = p_user_id FOR UPDATE;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    IF u.status = 'DELETED' THEN
        RETURN 0;
    END IF;
    seen_at := clock_timestamp();

    ended := tokenauthority.end_epoch_v2(p_user_id, u.epoch, seen_at, 'USER_DELETED',
        p_fact_lifetime, p_caller);
    -- No replay needs them any more: it would be of a session that has just ended.
    DELETE FROM tokenauthority.former_profiles WHERE user_id = p_user_id;
    UPDATE tokenauthority.users SET
        username = NULL, email = '', roles = '{}', permissions = '{}', profile_bytes = 0,
        profile_version = profile_version + 1, profile_epoch = profile_epoch + 1,
        epoch = u.epoch + 1, status = 'DELETED', locked_until = NULL, password_hash = NULL,
        failed_logins = 0, last_login_at = NULL, updated_at = seen_at
    WHERE user_id = p_user_id;
    INSERT INTO tokenauthority.audit_events
        (user_id, event_id, kind, caller, outcome, reason, request_id, details)
    VALUES (p_user_id, p_event_id, 'user.deleted', p_caller, 'OK', 'USER_DELETED', p_call_id,
        jsonb_build_object('revoked_sessions', ended::text));
    RETURN ended;
END
$$
