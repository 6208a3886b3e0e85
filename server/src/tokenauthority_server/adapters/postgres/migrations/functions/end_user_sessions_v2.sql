-- End all of a user's sessions but one. The rows written are the same for one session and for ten
-- thousand: the epoch ends them. The user's row is locked first; the kept session follows it to the
-- new epoch only if it was live under the epoch just left.
CREATE FUNCTION tokenauthority.end_user_sessions_v2(
    p_user_id text, p_except_session_id text, p_reason text, p_fact_lifetime interval,
    p_caller text, p_event_id uuid, p_call_id text
) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    u tokenauthority.users;
    kept text := '';
    ended bigint;
    seen_at timestamptz;
    revoked_keys text[];
BEGIN
    SELECT * INTO u FROM tokenauthority.users WHERE user_id = p_user_id FOR UPDATE;
    IF NOT FOUND THEN
        RETURN 0;
    END IF;
    seen_at := clock_timestamp();
    revoked_keys := tokenauthority.revoked_keys_v1(seen_at);

    IF p_except_session_id <> '' THEN
        UPDATE tokenauthority.sessions SET epoch = u.epoch + 1
        WHERE user_id = p_user_id AND session_id = p_except_session_id AND epoch = u.epoch
            AND ended_at IS NULL AND refresh_expires_at > seen_at AND key_id <> ALL (revoked_keys)
        RETURNING session_id INTO kept;
        kept := coalesce(kept, '');
    END IF;
    SELECT count(*) INTO ended FROM tokenauthority.sessions
    WHERE user_id = p_user_id AND epoch = u.epoch AND ended_at IS NULL
        AND refresh_expires_at > seen_at AND key_id <> ALL (revoked_keys);

    UPDATE tokenauthority.users SET epoch = u.epoch + 1 WHERE user_id = p_user_id;
    INSERT INTO tokenauthority.revocations AS r
        (user_id, kind, target, reason, epoch, except_session_id, caller, expires_at)
    VALUES (p_user_id, 'user', '', p_reason, u.epoch + 1, kept, p_caller, seen_at + p_fact_lifetime)
    ON CONFLICT (user_id, kind, target) DO UPDATE SET
        reason = excluded.reason, epoch = excluded.epoch,
        except_session_id = excluded.except_session_id, caller = excluded.caller,
        created_at = excluded.created_at, expires_at = excluded.expires_at;
    IF ended > 0 THEN
        PERFORM tokenauthority.count_v1(p_user_id, '', 'bulk_revoked', ended);
    END IF;
    INSERT INTO tokenauthority.audit_events
        (user_id, event_id, kind, caller, session_id, outcome, reason, request_id, details)
    VALUES (p_user_id, p_event_id, 'user.sessions_revoked', p_caller, kept, 'OK', p_reason,
        p_call_id, jsonb_build_object('revoked_sessions', ended::text));
    RETURN ended;
END
$$
