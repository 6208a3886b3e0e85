-- The grant of a session: with the profile that its current pair was first signed from, though the
-- directory's may have changed since.
CREATE FUNCTION tokenauthority.grant_of_v1(
    outcome text, s tokenauthority.sessions, u tokenauthority.users, seen_at timestamptz
) RETURNS tokenauthority.grant_v1 LANGUAGE plpgsql STABLE AS $$
DECLARE
    p tokenauthority.former_profiles;
BEGIN
    IF s.profile_version <> u.profile_version THEN
        SELECT * INTO p FROM tokenauthority.former_profiles AS f
        WHERE f.user_id = s.user_id AND f.profile_version = s.profile_version;
        u.username := p.username;
        u.email := p.email;
        u.roles := p.roles;
        u.permissions := p.permissions;
        u.profile_epoch := p.profile_epoch;
    END IF;
    RETURN ROW(
        outcome, s.user_id, u.username, u.email, u.roles, u.permissions, u.profile_epoch,
        s.session_id, s.device_id, s.scope, s.epoch, s.generation, s.current_fingerprint, s.key_id,
        date_trunc('second', s.rotated_at), s.access_expires_at, s.refresh_expires_at, seen_at
    )::tokenauthority.grant_v1;
END
$$
