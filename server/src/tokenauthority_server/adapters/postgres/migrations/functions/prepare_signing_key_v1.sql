-- Add a key that is published and does not sign yet; return it.
CREATE FUNCTION tokenauthority.prepare_signing_key_v1(
    p_kid text, p_algorithm text, p_public_jwk text, p_sealed bytea, p_horizon interval,
    p_caller text, p_call_id text
) RETURNS tokenauthority.key_change_v1 LANGUAGE plpgsql AS $$
DECLARE
    k tokenauthority.signing_keys;
BEGIN
    LOCK TABLE tokenauthority.signing_keys IN SHARE ROW EXCLUSIVE MODE;
    k := tokenauthority.add_signing_key_v1(p_kid, p_algorithm, p_public_jwk, p_sealed,
        clock_timestamp(), p_horizon);
    PERFORM tokenauthority.audit_key_v1('key.prepared', '', p_caller, p_call_id,
        jsonb_build_object('key_id', k.kid, 'algorithm', k.algorithm));
    RETURN tokenauthority.key_change_of_v1('done', k);
END
$$
