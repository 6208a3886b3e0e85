-- Open the session of a password that was right. The user's row is locked first; a password that was
-- exchanged since it was read opens nothing. Whoever exchanges one raises the epoch too, and a hash
-- that is merely renewed, by a login beside this one, leaves it: so it takes both to be refused.
-- p_known says whether the attempt was judged by p_own rather than by the name's failures and those
-- of its source, of which it is then none.
CREATE FUNCTION tokenauthority.open_login_v1(
    p_user_id text, p_password_hash text, p_epoch bigint, p_new_hash text, p_name bytea,
    p_form bytea, p_source bytea, p_own bytea, p_known boolean, p_source_max integer, p_sources integer,
    p_source_lifetime interval, p_profile_budget integer, p_session_id text, p_device_id text,
    p_user_agent text, p_ip_address text, p_scope text[], p_fingerprint bytea, p_key_id text,
    p_access interval, p_refresh interval, p_session interval, p_caller text,
    p_request_digest bytea, p_request_window interval, p_fact_lifetime interval, p_event_id uuid,
    p_call_id text, p_max_sessions integer, p_evict boolean, p_fact_margin interval
) RETURNS tokenauthority.grant_v1 LANGUAGE plpgsql AS $$
DECLARE
    u tokenauthority.users;
    g tokenauthority.grant_v1;
    seen_at timestamptz;
BEGIN
    SELECT * INTO u FROM tokenauthority.users WHERE user_id = p_user_id FOR UPDATE;
    IF u.user_id IS NULL
        OR (u.epoch <> p_epoch AND u.password_hash IS DISTINCT FROM p_password_hash) THEN
        RETURN tokenauthority.refusal_v1('credentials_changed');
    END IF;
    seen_at := clock_timestamp();

    IF NOT p_known THEN
        UPDATE tokenauthority.login_failures SET
            failures = greatest(0, failures - 1),
            blocked_until = CASE WHEN failures - 1 > p_source_max THEN blocked_until END
        WHERE subject = p_source;
    END IF;
    PERFORM tokenauthority.forget_failures_v1(p_name, p_form, p_own, p_known);

    g := tokenauthority.create_session_v3(
        p_user_id, NULL, NULL, NULL, NULL, 0, p_profile_budget, p_session_id, p_device_id,
        p_user_agent, p_ip_address, p_scope, p_fingerprint, p_key_id, p_access, p_refresh,
        p_session, p_caller, '', p_request_digest, p_request_window, p_fact_lifetime, p_event_id,
        p_call_id, p_max_sessions, p_evict, p_fact_margin);
    IF g.outcome = 'user_not_allowed' THEN
        -- Somebody knows the password of a user who must not be here.
        PERFORM tokenauthority.count_v1(p_user_id, p_device_id, 'failed_logins', 1);
        INSERT INTO tokenauthority.audit_events
            (user_id, event_id, kind, caller, device_id, user_agent, ip_address, outcome,
            request_id, details)
        VALUES (p_user_id, p_event_id, 'login.failed', p_caller, p_device_id, p_user_agent,
            p_ip_address, 'REFUSED', p_call_id, jsonb_build_object('because', 'ACCOUNT_DISABLED'));
    END IF;
    IF g.outcome <> 'granted' THEN
        RETURN g;
    END IF;

    UPDATE tokenauthority.users SET
        last_login_at = seen_at,
        password_hash = CASE WHEN password_hash = p_password_hash
            THEN coalesce(p_new_hash, password_hash) ELSE password_hash END
    WHERE user_id = p_user_id;
    IF p_source <> '' THEN
        INSERT INTO tokenauthority.login_sources AS l (user_id, source, expires_at)
        VALUES (p_user_id, p_source, seen_at + p_source_lifetime)
        ON CONFLICT (user_id, source) DO UPDATE SET expires_at = excluded.expires_at;
        DELETE FROM tokenauthority.login_sources WHERE user_id = p_user_id AND source IN (
            SELECT source FROM tokenauthority.login_sources WHERE user_id = p_user_id
            ORDER BY expires_at DESC, source OFFSET p_sources);
    END IF;
    PERFORM tokenauthority.count_v1(p_user_id, p_device_id, 'logins', 1);
    INSERT INTO tokenauthority.audit_events
        (user_id, event_id, kind, caller, session_id, device_id, user_agent, ip_address, outcome,
        request_id)
    VALUES (p_user_id, tokenauthority.event_id_v1(), 'login.succeeded', p_caller, p_session_id,
        p_device_id, p_user_agent, p_ip_address, 'OK', p_call_id);
    RETURN g;
END
$$
