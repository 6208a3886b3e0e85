-- Replace a user's profile, with what follows from it: the former one is kept for replays, a right
-- that is taken away becomes a fact, and an event tells of it. The caller has just locked the user's
-- row and read it. A tombstone becomes a user again, without a password, under the epochs that it
-- kept. Returns the row as it is then; a profile that is there already changes nothing.
CREATE FUNCTION tokenauthority.put_profile_v1(
    u tokenauthority.users, p_username text, p_email text, p_roles text[], p_permissions text[],
    p_profile_bytes integer, p_seen_at timestamptz, p_fact_lifetime interval, p_is_new boolean,
    p_caller text, p_call_id text
) RETURNS tokenauthority.users LANGUAGE plpgsql AS $$
DECLARE
    was_deleted boolean := u.status = 'DELETED';
    lost_rights boolean := NOT (u.roles <@ p_roles AND u.permissions <@ p_permissions);
    changed boolean := (u.username, u.email, u.roles, u.permissions)
        IS DISTINCT FROM (p_username, p_email, p_roles, p_permissions);
BEGIN
    IF changed THEN
        IF NOT was_deleted THEN
            INSERT INTO tokenauthority.former_profiles
                (user_id, profile_version, username, email, roles, permissions, profile_epoch)
            VALUES (u.user_id, u.profile_version, u.username, u.email, u.roles, u.permissions,
                u.profile_epoch);
        END IF;
        UPDATE tokenauthority.users SET
            username = p_username, email = p_email, roles = p_roles, permissions = p_permissions,
            profile_bytes = p_profile_bytes, profile_version = profile_version + 1,
            profile_epoch = profile_epoch + lost_rights::integer,
            status = CASE WHEN was_deleted THEN 'ACTIVE' ELSE status END, updated_at = p_seen_at
        WHERE user_id = u.user_id RETURNING * INTO u;
        IF lost_rights THEN
            INSERT INTO tokenauthority.revocations AS r
                (user_id, kind, target, reason, epoch, caller, expires_at)
            VALUES (u.user_id, 'profile', '', 'PROFILE_CHANGED', u.profile_epoch, p_caller,
                p_seen_at + p_fact_lifetime)
            ON CONFLICT (user_id, kind, target) DO UPDATE SET
                reason = excluded.reason, epoch = excluded.epoch, caller = excluded.caller,
                created_at = excluded.created_at, expires_at = excluded.expires_at;
        END IF;
    END IF;
    IF p_is_new OR changed THEN
        INSERT INTO tokenauthority.audit_events
            (user_id, event_id, kind, caller, outcome, request_id, details)
        VALUES (u.user_id, tokenauthority.event_id_v1(),
            CASE WHEN p_is_new THEN 'user.created' WHEN was_deleted THEN 'user.restored'
                ELSE 'user.profile_changed' END, p_caller, 'OK', p_call_id,
            jsonb_build_object('profile_version', u.profile_version::text,
                'profile_epoch', u.profile_epoch::text));
    END IF;
    RETURN u;
END
$$
