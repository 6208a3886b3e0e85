-- Let a key sign no more. The active one of an algorithm that is in use stays: activating another
-- retires it. So does the only active one, which goes on until one of a new algorithm may sign. A
-- key that was only prepared has signed nothing, and so is not needed any more.
CREATE FUNCTION tokenauthority.retire_signing_key_v1(
    p_key_id text, p_in_use text[], p_caller text, p_call_id text
) RETURNS tokenauthority.key_change_v1 LANGUAGE plpgsql AS $$
DECLARE
    k tokenauthority.signing_keys;
    seen_at timestamptz;
BEGIN
    LOCK TABLE tokenauthority.signing_keys IN SHARE ROW EXCLUSIVE MODE;
    seen_at := clock_timestamp();

    SELECT * INTO k FROM tokenauthority.signing_keys WHERE kid = p_key_id;
    IF NOT FOUND THEN
        RETURN tokenauthority.key_change_of_v1('unknown', NULL);
    END IF;
    IF k.state = 'RETIRED' THEN
        RETURN tokenauthority.key_change_of_v1('unchanged', k);
    END IF;
    IF k.state = 'REVOKED' THEN
        RETURN tokenauthority.key_change_of_v1('revoked', k);
    END IF;
    IF k.state = 'ACTIVE' AND (k.algorithm = ANY (p_in_use) OR (p_in_use <> '{}' AND NOT EXISTS (
        SELECT FROM tokenauthority.signing_keys WHERE state = 'ACTIVE' AND kid <> p_key_id))) THEN
        RETURN tokenauthority.key_change_of_v1('in_use', k);
    END IF;

    UPDATE tokenauthority.signing_keys SET
        state = 'RETIRED', retired_at = seen_at,
        last_expires_at = CASE WHEN state = 'PREPARED' THEN seen_at ELSE last_expires_at END
    WHERE kid = p_key_id RETURNING * INTO k;
    PERFORM tokenauthority.audit_key_v1('key.retired', '', p_caller, p_call_id,
        jsonb_build_object('key_id', k.kid, 'algorithm', k.algorithm));
    RETURN tokenauthority.key_change_of_v1('done', k);
END
$$
