-- Why a refresh token did not win the rotation, decided under the lock of its session's row: a
-- replay of the current pair, a plain refusal, or a reuse, which ends the session here and now.
-- A token that a revoked key signed is none of ours, whatever it says: whoever has stolen the key
-- could end everybody's sessions by tokens that look rotated.
-- p_was_good says that the token was good when the call arrived, and p_arrived_at when that was: if
-- it is not any more, it was overtaken, which is no reuse. A caller who hangs up asks again, gets
-- the pair and uses it, while this, of no use to anyone any more, still waits for its turn.
CREATE FUNCTION tokenauthority.settle_refresh_v3(
    p_user_id text, p_session_id text, p_presented bytea, p_was_good boolean,
    p_device_id text, p_user_agent text, p_ip_address text,
    p_issued_at timestamptz, p_arrived_at timestamptz, p_profile_budget integer,
    p_grace interval, p_fact_margin interval, p_caller text, p_event_id uuid, p_call_id text,
    p_presented_key_id text, p_key_id text
) RETURNS tokenauthority.grant_v1 LANGUAGE plpgsql AS $$
DECLARE
    s tokenauthority.sessions;
    u tokenauthority.users;
    seen_at timestamptz;
    known boolean;
    revoked_keys text[];
BEGIN
    SELECT * INTO s FROM tokenauthority.sessions
    WHERE user_id = p_user_id AND session_id = p_session_id FOR UPDATE;
    known := FOUND;
    seen_at := clock_timestamp();
    revoked_keys := tokenauthority.revoked_keys_v1(seen_at);
    IF p_presented_key_id = ANY (revoked_keys) THEN
        RETURN tokenauthority.refusal_v1('refresh_token_invalid');
    END IF;
    IF NOT known THEN
        RETURN tokenauthority.refusal_v1('session_ended');
    END IF;
    SELECT * INTO u FROM tokenauthority.users WHERE user_id = p_user_id;

    IF s.ended_at IS NOT NULL OR s.epoch <> u.epoch OR s.key_id = ANY (revoked_keys) THEN
        RETURN tokenauthority.refusal_v1('session_ended');
    END IF;
    IF s.refresh_expires_at <= seen_at THEN
        RETURN tokenauthority.refusal_v1('expired');
    END IF;

    IF s.current_fingerprint = p_presented THEN
        IF NOT tokenauthority.allowed_v1(u.status, u.locked_until) THEN
            RETURN tokenauthority.refusal_v1('user_not_allowed');
        END IF;
        IF u.profile_bytes > p_profile_budget THEN
            RETURN tokenauthority.refusal_v1('profile_too_large');
        END IF;
        IF p_key_id = ANY (revoked_keys) THEN
            RETURN tokenauthority.refusal_v1('signing_key_revoked');
        END IF;
        RETURN tokenauthority.refusal_v1('current');
    END IF;

    IF s.parent_fingerprint = p_presented AND p_arrived_at <= s.rotated_at + p_grace
        AND (p_device_id = '' OR s.device_id = '' OR p_device_id = s.device_id) THEN
        IF NOT tokenauthority.allowed_v1(u.status, u.locked_until) THEN
            RETURN tokenauthority.refusal_v1('user_not_allowed');
        END IF;
        RETURN tokenauthority.grant_of_v1('replayed', s, u, seen_at);
    END IF;

    IF p_was_good THEN
        RETURN tokenauthority.refusal_v1('expired');
    END IF;

    UPDATE tokenauthority.sessions SET
        ended_at = seen_at, end_reason = 'REUSE_DETECTED',
        sweep_on = tokenauthority.sweep_day_v1(s.last_token_expires_at)
    WHERE user_id = p_user_id AND session_id = p_session_id;
    INSERT INTO tokenauthority.revocations (user_id, kind, target, reason, caller, expires_at)
    VALUES (p_user_id, 'session', p_session_id, 'REUSE_DETECTED', p_caller,
        s.last_token_expires_at + p_fact_margin)
    ON CONFLICT (user_id, kind, target) DO NOTHING;
    PERFORM tokenauthority.count_v1(p_user_id, s.device_id, 'reuse_detected', 1);
    PERFORM tokenauthority.count_v1(p_user_id, s.device_id, 'revoked', 1);
    INSERT INTO tokenauthority.audit_events
        (user_id, event_id, kind, caller, session_id, device_id, user_agent, ip_address, outcome,
        reason, request_id, details)
    VALUES (p_user_id, p_event_id, 'session.reuse_detected', p_caller, p_session_id, p_device_id,
        p_user_agent, p_ip_address, 'REFUSED', 'REUSE_DETECTED', p_call_id, jsonb_build_object(
            -- No row remembers the generations before the parent's.
            'generation', CASE WHEN s.parent_fingerprint = p_presented
                THEN (s.generation - 1)::text ELSE 'before ' || (s.generation - 1)::text END,
            'issued_at', tokenauthority.rfc3339_v1(p_issued_at),
            'session_device_id', s.device_id, 'session_user_agent', s.user_agent,
            'session_ip_address', s.ip_address, 'session_generation', s.generation::text,
            'session_rotated_at', tokenauthority.rfc3339_v1(s.rotated_at)));
    RETURN tokenauthority.refusal_v1('reused');
END
$$
