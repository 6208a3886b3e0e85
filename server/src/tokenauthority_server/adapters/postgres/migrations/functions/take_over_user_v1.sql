-- Take a user over from another system; return what became of it (domain/imports.py). What was
-- taken over before may be taken over anew. A password that was set or hashed here is kept, unless
-- p_replace_password; only a bcrypt hash can have come from there. Nobody who is kept out here is let
-- in by it, and no tombstone comes back.
CREATE FUNCTION tokenauthority.take_over_user_v1(
    p_user_id text, p_username text, p_email text, p_roles text[], p_permissions text[],
    p_profile_bytes integer, p_password_hash text, p_active boolean, p_replace_password boolean,
    p_fact_lifetime interval, p_caller text, p_call_id text
) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    u tokenauthority.users;
    before tokenauthority.users;
    seen_at timestamptz;
    is_new boolean := false;
    keeps boolean;
    sets boolean;
    disables boolean;
    reason text;
    ended bigint := 0;
BEGIN
    SELECT * INTO u FROM tokenauthority.users WHERE user_id = p_user_id FOR UPDATE;
    IF NOT FOUND THEN
        is_new := tokenauthority.add_user_v1(p_user_id, p_username, p_email, p_roles,
            p_permissions, p_profile_bytes);
        SELECT * INTO u FROM tokenauthority.users WHERE user_id = p_user_id FOR UPDATE;
        IF NOT FOUND THEN
            RETURN 'username_taken';
        END IF;
    END IF;
    IF u.status = 'DELETED' THEN
        RETURN 'user_deleted';
    END IF;
    before := u;
    seen_at := clock_timestamp();
    u := tokenauthority.put_profile_v1(u, p_username, p_email, p_roles, p_permissions,
        p_profile_bytes, seen_at, p_fact_lifetime, is_new, p_caller, p_call_id);

    keeps := p_password_hash <> '' AND u.password_hash NOT LIKE '$2%' AND NOT p_replace_password;
    keeps := coalesce(keeps, false);
    sets := p_password_hash <> '' AND NOT keeps AND u.password_hash IS DISTINCT FROM p_password_hash;
    -- A lock that ends would let the user in by itself.
    disables := NOT p_active AND (u.status = 'ACTIVE' OR u.locked_until IS NOT NULL);
    -- Whoever had the password that goes, or is kept out, has no session any more.
    reason := CASE WHEN disables THEN 'USER_DISABLED'
        WHEN sets AND u.password_hash IS NOT NULL THEN 'PASSWORD_CHANGED' END;
    IF reason IS NOT NULL AND NOT is_new THEN
        ended := tokenauthority.end_epoch_v2(p_user_id, u.epoch, seen_at, reason, p_fact_lifetime,
            p_caller);
    END IF;
    IF sets OR disables THEN
        UPDATE tokenauthority.users SET
            password_hash = CASE WHEN sets THEN p_password_hash ELSE password_hash END,
            status = CASE WHEN disables THEN 'DISABLED' ELSE status END,
            locked_until = CASE WHEN NOT disables THEN locked_until END,
            epoch = epoch + (reason IS NOT NULL AND NOT is_new)::integer, updated_at = seen_at
        WHERE user_id = p_user_id;
    END IF;
    IF sets THEN
        DELETE FROM tokenauthority.login_sources WHERE user_id = p_user_id;
        INSERT INTO tokenauthority.audit_events
            (user_id, event_id, kind, caller, outcome, reason, request_id, details)
        VALUES (p_user_id, tokenauthority.event_id_v1(), 'user.password_imported', p_caller, 'OK',
            CASE WHEN before.password_hash IS NULL THEN '' ELSE 'PASSWORD_CHANGED' END, p_call_id,
            jsonb_build_object('revoked_sessions', ended::text));
    END IF;
    IF disables THEN
        INSERT INTO tokenauthority.audit_events
            (user_id, event_id, kind, caller, outcome, reason, request_id, details)
        VALUES (p_user_id, tokenauthority.event_id_v1(), 'user.status_changed', p_caller, 'OK',
            'USER_DISABLED', p_call_id,
            jsonb_build_object('status', 'DISABLED', 'revoked_sessions', ended::text));
    END IF;
    RETURN CASE
        WHEN is_new THEN 'created'
        WHEN sets OR disables OR u.profile_version <> before.profile_version THEN 'changed'
        WHEN keeps THEN 'password_kept'
        ELSE 'unchanged' END;
EXCEPTION WHEN unique_violation THEN
    RETURN 'username_taken';
END
$$
