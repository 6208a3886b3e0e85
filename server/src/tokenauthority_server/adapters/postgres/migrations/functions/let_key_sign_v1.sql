-- Make a prepared key the active one of its algorithm. The caller holds the lock of the table, and
-- has let the former one go.
CREATE FUNCTION tokenauthority.let_key_sign_v1(
    p_kid text, p_seen_at timestamptz, p_horizon interval
) RETURNS tokenauthority.signing_keys LANGUAGE sql AS $$
    UPDATE tokenauthority.signing_keys SET
        state = 'ACTIVE', activated_at = p_seen_at,
        last_expires_at = greatest(last_expires_at, p_seen_at + p_horizon)
    WHERE kid = p_kid RETURNING *
$$
