-- How many sessions hang on a revoked key: live ones, but for the key itself. It may take seconds, so
-- it is asked when the revocation has been done; where that was new, the number is written down.
CREATE FUNCTION tokenauthority.count_sessions_of_key_v1(
    p_key_id text, p_is_new boolean, p_caller text, p_call_id text
) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    ended bigint;
BEGIN
    SELECT count(*) INTO ended FROM tokenauthority.sessions AS s
    JOIN tokenauthority.users AS u ON u.user_id = s.user_id AND u.epoch = s.epoch
    WHERE s.key_id = p_key_id AND s.ended_at IS NULL AND s.refresh_expires_at > now();
    IF p_is_new AND ended > 0 THEN
        PERFORM tokenauthority.count_v1('', '', 'bulk_revoked', ended);
        PERFORM tokenauthority.audit_key_v1('key.sessions_revoked', 'KEY_REVOKED', p_caller,
            p_call_id,
            jsonb_build_object('key_id', p_key_id, 'revoked_sessions', ended::text));
    END IF;
    RETURN ended;
END
$$
