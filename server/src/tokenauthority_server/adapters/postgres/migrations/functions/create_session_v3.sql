-- Open a session. The user's row is locked first, so that all that is read after it is the truth:
-- the epoch, the profile, and whether the request_id has been used. Only its own key is looked at
-- before, when nothing has been written yet: one that is revoked meanwhile leaves a session that is
-- not live.
-- p_username is NULL when the user is named by user_id alone. p_max_sessions is 0 for no cap.
CREATE FUNCTION tokenauthority.create_session_v3(
    p_user_id text, p_username text, p_email text, p_roles text[], p_permissions text[],
    p_profile_bytes integer, p_profile_budget integer,
    p_session_id text, p_device_id text, p_user_agent text, p_ip_address text, p_scope text[],
    p_fingerprint bytea, p_key_id text,
    p_access interval, p_refresh interval, p_session interval,
    p_caller text, p_request_id text, p_request_digest bytea, p_request_window interval,
    p_fact_lifetime interval, p_event_id uuid, p_call_id text,
    p_max_sessions integer, p_evict boolean, p_fact_margin interval
) RETURNS tokenauthority.grant_v1 LANGUAGE plpgsql AS $$
DECLARE
    u tokenauthority.users;
    s tokenauthority.sessions;
    seen_at timestamptz;
    revoked_keys text[];
    issued_at timestamptz;
    lost_rights boolean;
    is_new boolean := false;
    former_version bigint;
BEGIN
    IF p_username IS NOT NULL AND p_profile_bytes > p_profile_budget THEN
        RETURN tokenauthority.refusal_v1('profile_too_large');
    END IF;
    IF EXISTS (SELECT FROM tokenauthority.revocations
        WHERE user_id = '' AND kind = 'key' AND target = p_key_id AND expires_at > now()) THEN
        RETURN tokenauthority.refusal_v1('signing_key_revoked');
    END IF;

    SELECT * INTO u FROM tokenauthority.users WHERE user_id = p_user_id FOR UPDATE;
    IF NOT FOUND AND p_username IS NOT NULL THEN
        -- Another first creation may be ahead of this one: whoever inserts, both then lock the row.
        -- The conflict is not narrowed to user_id, or the other's username, which is the same one,
        -- would now and then be found taken.
        INSERT INTO tokenauthority.users
            (user_id, username, email, roles, permissions, profile_bytes)
        VALUES (p_user_id, p_username, p_email, p_roles, p_permissions, p_profile_bytes)
        ON CONFLICT DO NOTHING;
        is_new := FOUND;
        SELECT * INTO u FROM tokenauthority.users WHERE user_id = p_user_id FOR UPDATE;
        IF NOT FOUND THEN
            RETURN tokenauthority.refusal_v1('username_taken');
        END IF;
    END IF;
    IF u.user_id IS NULL THEN
        RETURN tokenauthority.refusal_v1('user_not_found');
    END IF;
    IF NOT tokenauthority.allowed_v1(u.status, u.locked_until) THEN
        RETURN tokenauthority.refusal_v1('user_not_allowed');
    END IF;

    former_version := u.profile_version;
    -- Not now(): that is from before the wait for the lock.
    seen_at := clock_timestamp();
    issued_at := date_trunc('second', seen_at);

    IF p_request_id <> '' THEN
        SELECT * INTO s FROM tokenauthority.sessions
        WHERE user_id = p_user_id AND caller = p_caller AND request_id = p_request_id
            AND created_at > seen_at - p_request_window
        ORDER BY created_at DESC LIMIT 1;
        IF FOUND THEN
            IF s.request_digest <> p_request_digest THEN
                RETURN tokenauthority.refusal_v1('request_id_reused');
            END IF;
            IF s.generation > 0 OR s.ended_at IS NOT NULL OR s.epoch <> u.epoch
                OR s.refresh_expires_at <= seen_at
                OR s.key_id = ANY (tokenauthority.revoked_keys_v1(seen_at)) THEN
                RETURN tokenauthority.refusal_v1('request_id_spent');
            END IF;
            RETURN tokenauthority.grant_of_v1('replayed', s, u, seen_at);
        END IF;
    END IF;

    IF p_max_sessions > 0 THEN
        revoked_keys := tokenauthority.revoked_keys_v1(seen_at);
    END IF;
    -- No session of the user's begins while the row is locked, so that what is counted here holds.
    IF p_max_sessions > 0 AND NOT p_evict AND p_max_sessions <= (
        SELECT count(*) FROM tokenauthority.sessions
        WHERE user_id = p_user_id AND epoch = u.epoch AND ended_at IS NULL
            AND refresh_expires_at > seen_at AND key_id <> ALL (revoked_keys)) THEN
        RETURN tokenauthority.refusal_v1('session_limit_reached');
    END IF;

    IF p_username IS NULL THEN
        IF u.profile_bytes > p_profile_budget THEN
            RETURN tokenauthority.refusal_v1('profile_too_large');
        END IF;
    ELSIF (u.username, u.email, u.roles, u.permissions)
        IS DISTINCT FROM (p_username, p_email, p_roles, p_permissions) THEN
        lost_rights := NOT (u.roles <@ p_roles AND u.permissions <@ p_permissions);
        INSERT INTO tokenauthority.former_profiles
            (user_id, profile_version, username, email, roles, permissions, profile_epoch)
        VALUES (u.user_id, u.profile_version, u.username, u.email, u.roles, u.permissions,
            u.profile_epoch);
        UPDATE tokenauthority.users SET
            username = p_username, email = p_email, roles = p_roles, permissions = p_permissions,
            profile_bytes = p_profile_bytes, profile_version = profile_version + 1,
            profile_epoch = profile_epoch + lost_rights::integer, updated_at = seen_at
        WHERE user_id = p_user_id RETURNING * INTO u;
        IF lost_rights THEN
            INSERT INTO tokenauthority.revocations AS r
                (user_id, kind, target, reason, epoch, caller, expires_at)
            VALUES (p_user_id, 'profile', '', 'PROFILE_CHANGED', u.profile_epoch, p_caller,
                seen_at + p_fact_lifetime)
            ON CONFLICT (user_id, kind, target) DO UPDATE SET
                reason = excluded.reason, epoch = excluded.epoch, caller = excluded.caller,
                created_at = excluded.created_at, expires_at = excluded.expires_at;
        END IF;
    END IF;
    IF is_new OR u.profile_version <> former_version THEN
        INSERT INTO tokenauthority.audit_events
            (user_id, event_id, kind, caller, outcome, request_id, details)
        VALUES (p_user_id, tokenauthority.event_id_v1(),
            CASE WHEN is_new THEN 'user.created' ELSE 'user.profile_changed' END, p_caller, 'OK',
            p_call_id, jsonb_build_object('profile_version', u.profile_version::text,
                'profile_epoch', u.profile_epoch::text));
    END IF;

    IF p_max_sessions > 0 THEN
        PERFORM tokenauthority.evict_sessions_v2(p_user_id, u.epoch, p_max_sessions - 1, seen_at,
            p_fact_margin, p_caller, p_session_id, p_call_id, revoked_keys);
    END IF;

    INSERT INTO tokenauthority.sessions (
        user_id, session_id, epoch, current_fingerprint, rotated_at, access_expires_at,
        refresh_expires_at, last_token_expires_at, key_id, profile_version, device_id, user_agent,
        ip_address, scope, created_at, ends_at, caller, request_id, request_digest, sweep_on
    ) VALUES (
        p_user_id, p_session_id, u.epoch, p_fingerprint, seen_at,
        issued_at + least(p_access, p_refresh, p_session), issued_at + least(p_refresh, p_session),
        issued_at + least(p_access, p_refresh, p_session), p_key_id, u.profile_version, p_device_id,
        p_user_agent, p_ip_address, p_scope, seen_at, issued_at + p_session, p_caller, p_request_id,
        p_request_digest, ((issued_at + least(p_refresh, p_session)) AT TIME ZONE 'UTC')::date + 1
    ) RETURNING * INTO s;
    PERFORM tokenauthority.count_v1(p_user_id, p_device_id, 'created', 1);
    INSERT INTO tokenauthority.audit_events
        (user_id, event_id, kind, caller, session_id, device_id, user_agent, ip_address, outcome,
        request_id)
    VALUES (p_user_id, p_event_id, 'session.created', p_caller, p_session_id, p_device_id,
        p_user_agent, p_ip_address, 'OK', p_call_id);
    RETURN tokenauthority.grant_of_v1('granted', s, u, seen_at);
END
$$
