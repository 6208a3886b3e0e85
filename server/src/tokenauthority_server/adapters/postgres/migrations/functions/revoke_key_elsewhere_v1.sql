-- Let nothing live on that a key has signed which is kept elsewhere; return whether that is new. The
-- lock makes those who do it at once take turns, so that it is new to one of them.
CREATE FUNCTION tokenauthority.revoke_key_elsewhere_v1(
    p_key_id text, p_fact_lifetime interval, p_caller text, p_call_id text
) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    is_new boolean;
    seen_at timestamptz;
BEGIN
    LOCK TABLE tokenauthority.signing_keys IN SHARE ROW EXCLUSIVE MODE;
    seen_at := clock_timestamp();
    is_new := tokenauthority.end_key_v1(p_key_id, seen_at, seen_at + p_fact_lifetime, p_caller);
    IF is_new THEN
        PERFORM tokenauthority.audit_key_v1('key.revoked', 'KEY_REVOKED', p_caller, p_call_id,
            jsonb_build_object('key_id', p_key_id));
    END IF;
    RETURN is_new;
END
$$
