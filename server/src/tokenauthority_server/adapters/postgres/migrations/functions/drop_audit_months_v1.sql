-- Drop the oldest partition of the audit trail whose month has ended more than p_keep ago and that
-- nobody holds; return 1, or 0 when there is none, or when dropping would keep writers waiting: it
-- locks the whole trail, for a moment. One at a time, so that the moment stays short.
CREATE FUNCTION tokenauthority.drop_audit_months_v1(p_keep interval) RETURNS integer
LANGUAGE plpgsql SET lock_timeout = '100ms' AS $$
DECLARE
    name text;
BEGIN
    IF NOT pg_try_advisory_xact_lock(hashtext('tokenauthority.audit_months')) THEN
        RETURN 0;
    END IF;
    FOR name IN
        SELECT c.relname FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
        WHERE i.inhparent = 'tokenauthority.audit_events'::regclass
            AND c.relname ~ '^audit_events_[0-9]{4}_[0-9]{2}$'
            AND (to_date(right(c.relname, 7), 'YYYY_MM') + interval '1 month')
                <= (now() - p_keep) AT TIME ZONE 'UTC'
        ORDER BY c.relname
    LOOP
        -- First the month itself, which nobody writes to: a long reader of the trail holds it too,
        -- and shows here, before anyone has to wait behind this.
        BEGIN
            EXECUTE format(
                'LOCK TABLE ONLY tokenauthority.%I IN ACCESS EXCLUSIVE MODE NOWAIT', name);
        EXCEPTION WHEN lock_not_available THEN
            CONTINUE;
        END;
        EXECUTE format('DROP TABLE tokenauthority.%I', name);
        RETURN 1;
    END LOOP;
    RETURN 0;
EXCEPTION WHEN lock_not_available OR insufficient_privilege THEN
    RETURN 0;
END
$$
