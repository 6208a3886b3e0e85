-- Write down that a user's epoch ends: the fact, and the count of the sessions that were live under
-- it, which is returned. The caller holds the lock of the user's row, and raises its epoch.
CREATE FUNCTION tokenauthority.end_epoch_v2(
    p_user_id text, p_epoch bigint, p_seen_at timestamptz, p_reason text, p_fact_lifetime interval,
    p_caller text
) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    revoked_keys text[] := tokenauthority.revoked_keys_v1(p_seen_at);
    ended bigint;
BEGIN
    SELECT count(*) INTO ended FROM tokenauthority.sessions
    WHERE user_id = p_user_id AND epoch = p_epoch AND ended_at IS NULL
        AND refresh_expires_at > p_seen_at AND key_id <> ALL (revoked_keys);
    INSERT INTO tokenauthority.revocations AS r
        (user_id, kind, target, reason, epoch, caller, expires_at)
    VALUES (p_user_id, 'user', '', p_reason, p_epoch + 1, p_caller, p_seen_at + p_fact_lifetime)
    ON CONFLICT (user_id, kind, target) DO UPDATE SET
        reason = excluded.reason, epoch = excluded.epoch,
        except_session_id = excluded.except_session_id, caller = excluded.caller,
        created_at = excluded.created_at, expires_at = excluded.expires_at;
    IF ended > 0 THEN
        PERFORM tokenauthority.count_v1(p_user_id, '', 'bulk_revoked', ended);
    END IF;
    RETURN ended;
END
$$
