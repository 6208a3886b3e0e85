-- Write the fact that a key is revoked; return whether it is new. One that is known already may be
-- made to matter for longer. The caller holds the lock of the signing keys.
CREATE FUNCTION tokenauthority.end_key_v1(
    p_key_id text, p_seen_at timestamptz, p_expires_at timestamptz, p_caller text
) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    is_new boolean := p_key_id <> ALL (tokenauthority.revoked_keys_v1(p_seen_at));
BEGIN
    INSERT INTO tokenauthority.revocations AS r
        (user_id, kind, target, reason, caller, created_at, expires_at)
    VALUES ('', 'key', p_key_id, 'KEY_REVOKED', p_caller, p_seen_at, p_expires_at)
    ON CONFLICT (user_id, kind, target) DO UPDATE SET
        caller = excluded.caller, created_at = excluded.created_at,
        expires_at = greatest(r.expires_at, excluded.expires_at);
    RETURN is_new;
END
$$
