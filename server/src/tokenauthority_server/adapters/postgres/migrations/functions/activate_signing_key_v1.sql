-- Let a prepared key sign, and retire the one of its algorithm that did. p_key_id is NULL for the
-- oldest prepared one of p_algorithm. p_rotate_after is NULL by hand; else this is done only when
-- the active key has signed for so long. The table is locked first, against other changes and not
-- against readers: of any number of replicas one rotates.
CREATE FUNCTION tokenauthority.activate_signing_key_v1(
    p_algorithm text, p_key_id text, p_rotate_after interval, p_published_for interval,
    p_horizon interval, p_caller text, p_call_id text
) RETURNS tokenauthority.key_change_v1 LANGUAGE plpgsql AS $$
DECLARE
    k tokenauthority.signing_keys;
    former tokenauthority.signing_keys;
    seen_at timestamptz;
BEGIN
    LOCK TABLE tokenauthority.signing_keys IN SHARE ROW EXCLUSIVE MODE;
    -- Not now(): that is from before the wait for the lock.
    seen_at := clock_timestamp();

    SELECT * INTO k FROM tokenauthority.signing_keys
    WHERE kid = p_key_id
        OR (p_key_id IS NULL AND algorithm = p_algorithm AND state = 'PREPARED')
    ORDER BY created_at, kid LIMIT 1;
    IF NOT FOUND THEN
        RETURN tokenauthority.key_change_of_v1('unknown', NULL);
    END IF;
    IF k.state = 'ACTIVE' THEN
        RETURN tokenauthority.key_change_of_v1('unchanged', k);
    END IF;
    IF k.state <> 'PREPARED' THEN
        RETURN tokenauthority.key_change_of_v1('not_prepared', k);
    END IF;
    SELECT * INTO former FROM tokenauthority.signing_keys
    WHERE algorithm = k.algorithm AND state = 'ACTIVE';
    IF former.activated_at > seen_at - p_rotate_after THEN
        RETURN tokenauthority.key_change_of_v1('not_due', former);
    END IF;
    -- One that is as old as the oldest of all was in every set of keys that anyone has fetched.
    IF k.created_at > seen_at - p_published_for
        AND k.created_at > (SELECT min(created_at) FROM tokenauthority.signing_keys) THEN
        RETURN tokenauthority.key_change_of_v1('too_young', k);
    END IF;

    UPDATE tokenauthority.signing_keys SET state = 'RETIRED', retired_at = seen_at
    WHERE kid = former.kid;
    k := tokenauthority.let_key_sign_v1(k.kid, seen_at, p_horizon);
    PERFORM tokenauthority.audit_key_v1('key.activated', '', p_caller, p_call_id,
        jsonb_build_object('key_id', k.kid, 'algorithm', k.algorithm,
            'retired_key_id', former.kid));
    RETURN tokenauthority.key_change_of_v1('done', k);
END
$$
