-- An attempt that was reserved has failed. The name's failures count those of known sources too,
-- though these are judged by their own (p_own, else empty). p_user_id is NULL where nobody has the
-- name: that is counted, and leaves no event, since anybody can make up any number of names.
CREATE FUNCTION tokenauthority.fail_login_v1(
    p_user_id text, p_name bytea, p_form bytea, p_own bytea, p_max integer, p_lock interval,
    p_settled_within interval, p_device_id text, p_user_agent text, p_ip_address text,
    p_caller text, p_event_id uuid, p_call_id text
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    own_locks boolean := false;
    name_locks boolean;
BEGIN
    IF p_own <> '' THEN
        own_locks :=
            tokenauthority.add_failure_v1(p_own, p_form, 1, p_max, p_lock, p_settled_within);
    END IF;
    name_locks := tokenauthority.add_failure_v1(
        p_name, p_form, (p_own = '')::integer, p_max, p_lock, p_settled_within);
    IF p_user_id IS NULL THEN
        PERFORM tokenauthority.count_v1('', '', 'failed_logins', 1);
        RETURN;
    END IF;
    PERFORM tokenauthority.count_v1(p_user_id, p_device_id, 'failed_logins', 1);
    INSERT INTO tokenauthority.audit_events
        (user_id, event_id, kind, caller, device_id, user_agent, ip_address, outcome, request_id)
    VALUES (p_user_id, p_event_id, 'login.failed', p_caller, p_device_id, p_user_agent,
        p_ip_address, 'REFUSED', p_call_id);
    IF own_locks OR name_locks THEN
        INSERT INTO tokenauthority.audit_events
            (user_id, event_id, kind, caller, device_id, user_agent, ip_address, outcome,
            request_id, details)
        VALUES (p_user_id, tokenauthority.event_id_v1(), 'login.locked', p_caller, p_device_id,
            p_user_agent, p_ip_address, 'OK', p_call_id, jsonb_build_object(
                'locked_until', tokenauthority.rfc3339_v1(clock_timestamp() + p_lock),
                'for', CASE WHEN name_locks THEN 'all unknown sources' ELSE 'this source' END));
    END IF;
END
$$
