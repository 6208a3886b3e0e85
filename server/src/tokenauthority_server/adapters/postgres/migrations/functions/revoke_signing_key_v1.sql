-- Let nothing that the key has signed live on. Where it was the active one, the oldest prepared key
-- of its algorithm signs from the same moment, or else the new one that is brought along. Whoever
-- has stolen a key signs what he likes: p_fact_lifetime is the longest that a verifier accepts. The
-- successor may sign for as long ahead as the key could. Nothing is counted here: that takes time.
CREATE FUNCTION tokenauthority.revoke_signing_key_v1(
    p_key_id text, p_new_kid text, p_new_public_jwk text, p_new_sealed bytea, p_horizon interval,
    p_fact_lifetime interval, p_fact_margin interval, p_caller text, p_call_id text
) RETURNS tokenauthority.key_change_v1 LANGUAGE plpgsql AS $$
DECLARE
    k tokenauthority.signing_keys;
    was text;
    successor text;
    is_new boolean;
    seen_at timestamptz;
BEGIN
    LOCK TABLE tokenauthority.signing_keys IN SHARE ROW EXCLUSIVE MODE;
    seen_at := clock_timestamp();

    SELECT * INTO k FROM tokenauthority.signing_keys WHERE kid = p_key_id;
    IF NOT FOUND THEN
        RETURN tokenauthority.key_change_of_v1('unknown', NULL);
    END IF;
    IF k.state = 'REVOKED' THEN
        RETURN tokenauthority.key_change_of_v1('unchanged', k);
    END IF;

    was := k.state;
    p_horizon := greatest(p_horizon, k.last_expires_at - seen_at);
    UPDATE tokenauthority.signing_keys SET
        state = 'REVOKED', retired_at = coalesce(retired_at, seen_at)
    WHERE kid = p_key_id RETURNING * INTO k;
    IF was = 'ACTIVE' THEN
        SELECT kid INTO successor FROM tokenauthority.signing_keys
        WHERE state = 'PREPARED' AND algorithm = k.algorithm ORDER BY created_at, kid LIMIT 1;
        IF NOT FOUND THEN
            successor := p_new_kid;
            PERFORM tokenauthority.add_signing_key_v1(p_new_kid, k.algorithm, p_new_public_jwk,
                p_new_sealed, seen_at, p_horizon);
        END IF;
        PERFORM tokenauthority.let_key_sign_v1(successor, seen_at, p_horizon);
    END IF;
    is_new := tokenauthority.end_key_v1(p_key_id, seen_at,
        greatest(k.last_expires_at, seen_at + p_fact_lifetime) + p_fact_margin, p_caller);
    PERFORM tokenauthority.audit_key_v1('key.revoked', 'KEY_REVOKED', p_caller, p_call_id,
        jsonb_build_object('key_id', p_key_id, 'algorithm', k.algorithm,
            'successor_key_id', successor));
    RETURN tokenauthority.key_change_of_v1(CASE WHEN is_new THEN 'done' ELSE 'known' END, k);
END
$$
