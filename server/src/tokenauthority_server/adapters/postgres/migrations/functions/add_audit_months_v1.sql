-- Make the partitions of the audit trail from this month to p_ahead months from now; return how many
-- were made. A month whose events have already gone to the rest stays there: moving them would hold
-- up whoever writes. Attaching, unlike CREATE TABLE ... PARTITION OF, lets writers go on; only the
-- rest is locked, while it is found to hold nothing of the month. What cannot be made now (the rest
-- is read for long, or this role may make no tables) is not made: its events go to the rest.
CREATE FUNCTION tokenauthority.add_audit_months_v1(p_ahead integer) RETURNS integer
LANGUAGE plpgsql SET lock_timeout = '100ms' AS $$
DECLARE
    this_month timestamp := date_trunc('month', now() AT TIME ZONE 'UTC');
    month timestamp;
    name text;
    low uuid;
    high uuid;
    added integer := 0;
BEGIN
    -- Of replicas that come at once one does it.
    IF NOT pg_try_advisory_xact_lock(hashtext('tokenauthority.audit_months')) THEN
        RETURN 0;
    END IF;
    FOR month IN
        SELECT generate_series(this_month, this_month + make_interval(months => p_ahead), '1 month')
    LOOP
        name := 'audit_events_' || to_char(month, 'YYYY_MM');
        low := tokenauthority.audit_bound_v1(month AT TIME ZONE 'UTC');
        high := tokenauthority.audit_bound_v1((month + interval '1 month') AT TIME ZONE 'UTC');
        CONTINUE WHEN to_regclass('tokenauthority.' || name) IS NOT NULL;
        BEGIN
            CONTINUE WHEN EXISTS (SELECT FROM tokenauthority.audit_events_rest
                WHERE event_id >= low AND event_id < high);
            EXECUTE format(
                'CREATE TABLE tokenauthority.%I '
                '(LIKE tokenauthority.audit_events INCLUDING DEFAULTS)', name);
            EXECUTE format(
                'ALTER TABLE tokenauthority.audit_events ATTACH PARTITION tokenauthority.%I '
                'FOR VALUES FROM (%L) TO (%L)', name, low, high);
            added := added + 1;
        EXCEPTION
            -- The last one: an event of the month has come to the rest since it was looked into.
            WHEN lock_not_available OR insufficient_privilege OR check_violation THEN
                RETURN added;
        END;
    END LOOP;
    RETURN added;
END
$$
