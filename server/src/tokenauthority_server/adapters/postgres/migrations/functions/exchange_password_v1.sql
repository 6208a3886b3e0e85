-- Exchange a user's password and end what was opened with the old one, but for one session where it
-- is given. The user's row is locked first. p_verified is the hash that the old password was checked
-- against, with the epoch that was read with it: as with a login, it takes both to have changed for
-- a refusal. NULL is an administrator's exchange, after which no source is known any more.
-- The failures of p_name are forgotten; where a user asks, as after a login.
CREATE FUNCTION tokenauthority.exchange_password_v1(
    p_user_id text, p_verified text, p_epoch bigint, p_new_hash text, p_except_session_id text,
    p_name bytea, p_form bytea, p_own bytea, p_fact_lifetime interval, p_caller text, p_event_id uuid, p_call_id text
) RETURNS tokenauthority.password_exchange_v1 LANGUAGE plpgsql AS $$
DECLARE
    u tokenauthority.users;
    ended bigint;
BEGIN
    SELECT * INTO u FROM tokenauthority.users WHERE user_id = p_user_id FOR UPDATE;
    IF NOT FOUND OR u.status = 'DELETED' THEN
        RETURN ROW('user_not_found', 0)::tokenauthority.password_exchange_v1;
    END IF;
    IF p_verified IS NOT NULL AND u.password_hash IS DISTINCT FROM p_verified
        AND u.epoch <> p_epoch THEN
        RETURN ROW('credentials_changed', 0)::tokenauthority.password_exchange_v1;
    END IF;

    IF p_verified IS NULL THEN
        DELETE FROM tokenauthority.login_failures WHERE subject = p_name;
        DELETE FROM tokenauthority.login_sources WHERE user_id = p_user_id;
    ELSE
        PERFORM tokenauthority.forget_failures_v1(p_name, p_form, p_own, true);
    END IF;
    UPDATE tokenauthority.users SET password_hash = p_new_hash, updated_at = clock_timestamp()
    WHERE user_id = p_user_id;
    INSERT INTO tokenauthority.audit_events
        (user_id, event_id, kind, caller, session_id, outcome, request_id)
    VALUES (p_user_id, p_event_id,
        CASE WHEN p_verified IS NULL THEN 'user.password_set' ELSE 'user.password_changed' END,
        p_caller, p_except_session_id, 'OK', p_call_id);
    ended := tokenauthority.end_user_sessions_v2(p_user_id, p_except_session_id,
        'PASSWORD_CHANGED', p_fact_lifetime, p_caller, tokenauthority.event_id_v1(), p_call_id);
    RETURN ROW('exchanged', ended)::tokenauthority.password_exchange_v1;
END
$$
