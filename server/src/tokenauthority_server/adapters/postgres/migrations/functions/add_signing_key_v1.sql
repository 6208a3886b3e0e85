-- Add a prepared key. The caller holds the lock of the table. How long its tokens may live is moved
-- on when it begins to sign.
CREATE FUNCTION tokenauthority.add_signing_key_v1(
    p_kid text, p_algorithm text, p_public_jwk text, p_sealed bytea, p_seen_at timestamptz,
    p_horizon interval
) RETURNS tokenauthority.signing_keys LANGUAGE sql AS $$
    INSERT INTO tokenauthority.signing_keys
        (kid, algorithm, public_jwk, sealed_private_key, state, created_at, last_expires_at)
    VALUES (p_kid, p_algorithm, p_public_jwk, p_sealed, 'PREPARED', p_seen_at,
        p_seen_at + p_horizon)
    RETURNING *
$$
