-- Clear a batch of what tells of a deleted user as a person; return how many rows there were, or NULL
-- when the user is not deleted any more. Of an event's details those stay that are named.
CREATE FUNCTION tokenauthority.clear_person_v1(
    p_user_id text, p_batch integer, p_kept_details text[]
) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    cleared bigint;
    more bigint;
BEGIN
    PERFORM FROM tokenauthority.users WHERE user_id = p_user_id AND status = 'DELETED' FOR UPDATE;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;

    UPDATE tokenauthority.audit_events AS e SET
        device_id = '', user_agent = '', ip_address = '',
        details = (SELECT coalesce(jsonb_object_agg(key, value), '{}') FROM jsonb_each(e.details)
            WHERE key = ANY (p_kept_details))
    WHERE e.user_id = p_user_id AND e.event_id = ANY (ARRAY(
        SELECT event_id FROM tokenauthority.audit_events
        WHERE user_id = p_user_id AND (device_id <> '' OR user_agent <> '' OR ip_address <> ''
            OR details - p_kept_details <> '{}')
        ORDER BY event_id LIMIT p_batch));
    GET DIAGNOSTICS cleared = ROW_COUNT;

    UPDATE tokenauthority.sessions SET device_id = '', user_agent = '', ip_address = ''
    WHERE user_id = p_user_id AND session_id = ANY (ARRAY(
        SELECT session_id FROM tokenauthority.sessions
        WHERE user_id = p_user_id AND (device_id <> '' OR user_agent <> '' OR ip_address <> '')
        ORDER BY session_id LIMIT p_batch));
    GET DIAGNOSTICS more = ROW_COUNT;
    cleared := cleared + more;

    -- What was counted stays counted, but by no device.
    WITH gone AS (
        DELETE FROM tokenauthority.token_metrics
        WHERE user_id = p_user_id AND (day, device_id, metric_type) IN (
            SELECT day, device_id, metric_type FROM tokenauthority.token_metrics
            WHERE user_id = p_user_id AND device_id <> ''
            ORDER BY day, device_id, metric_type LIMIT p_batch)
        RETURNING day, metric_type, count
    ), kept AS (
        INSERT INTO tokenauthority.token_metrics AS m (user_id, day, device_id, metric_type, count)
        SELECT p_user_id, day, '', metric_type, sum(count) FROM gone
        GROUP BY day, metric_type ORDER BY day, metric_type
        ON CONFLICT (user_id, day, device_id, metric_type)
        DO UPDATE SET count = m.count + excluded.count
    )
    SELECT count(*) INTO more FROM gone;
    DELETE FROM tokenauthority.former_profiles WHERE user_id = p_user_id;
    DELETE FROM tokenauthority.login_sources WHERE user_id = p_user_id;
    RETURN cleared + more;
END
$$
