-- Count a change, in the transaction that makes it.
CREATE FUNCTION tokenauthority.count_v1(
    p_user_id text, p_device_id text, p_metric_type text, p_count bigint
) RETURNS void LANGUAGE sql AS $$
    INSERT INTO tokenauthority.token_metrics AS m (user_id, day, device_id, metric_type, count)
    VALUES (p_user_id, (now() AT TIME ZONE 'UTC')::date, p_device_id, p_metric_type, p_count)
    ON CONFLICT (user_id, day, device_id, metric_type)
    DO UPDATE SET count = m.count + excluded.count
$$
