-- Supply what an algorithm lacks; return whether it lacked anything. At the very first start it
-- gets an active key and its successor at once: made at one time, so that nobody ever fetches the
-- one without the other. The table is locked first, against other changes and not against readers:
-- of any number of replicas one supplies.
CREATE FUNCTION tokenauthority.supply_signing_keys_v1(
    p_algorithm text, p_kids text[], p_public_jwks text[], p_sealed bytea[], p_horizon interval,
    p_caller text, p_call_id text
) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    seen_at timestamptz;
    signing text;
    prepared integer;
BEGIN
    LOCK TABLE tokenauthority.signing_keys IN SHARE ROW EXCLUSIVE MODE;
    seen_at := clock_timestamp();

    IF EXISTS (SELECT FROM tokenauthority.signing_keys WHERE state = 'ACTIVE') THEN
        IF EXISTS (SELECT FROM tokenauthority.signing_keys
            WHERE state = 'PREPARED' AND algorithm = p_algorithm) THEN
            RETURN false;
        END IF;
        prepared := 1;
    ELSE
        IF NOT EXISTS (SELECT FROM tokenauthority.signing_keys) THEN
            prepared := 2;
        END IF;
        SELECT kid INTO signing FROM tokenauthority.signing_keys
        WHERE state = 'PREPARED' AND algorithm = p_algorithm ORDER BY created_at, kid LIMIT 1;
        IF NOT FOUND THEN
            signing := p_kids[1];
            PERFORM tokenauthority.add_signing_key_v1(p_kids[1], p_algorithm, p_public_jwks[1],
                p_sealed[1], seen_at, p_horizon);
        END IF;
        PERFORM tokenauthority.let_key_sign_v1(signing, seen_at, p_horizon);
        PERFORM tokenauthority.audit_key_v1('key.activated', '', p_caller, p_call_id,
            jsonb_build_object('key_id', signing, 'algorithm', p_algorithm));
    END IF;

    IF prepared <= cardinality(p_kids) THEN
        PERFORM tokenauthority.add_signing_key_v1(p_kids[prepared], p_algorithm,
            p_public_jwks[prepared], p_sealed[prepared], seen_at, p_horizon);
        PERFORM tokenauthority.audit_key_v1('key.prepared', '', p_caller, p_call_id,
            jsonb_build_object('key_id', p_kids[prepared], 'algorithm', p_algorithm));
    END IF;
    RETURN true;
END
$$
