-- Lock the failures of a subject, making the row where there is none, and return them as they count
-- now: those that have expired count no more.
CREATE FUNCTION tokenauthority.hold_failures_v1(p_subject bytea)
RETURNS tokenauthority.login_failures LANGUAGE plpgsql AS $$
DECLARE
    f tokenauthority.login_failures;
BEGIN
    INSERT INTO tokenauthority.login_failures AS held (subject, changed_at, expires_at)
    VALUES (p_subject, now(), now())
    ON CONFLICT (subject) DO UPDATE SET subject = excluded.subject RETURNING * INTO f;
    IF f.expires_at <= clock_timestamp() THEN
        f.failures := 0;
        f.pending := 0;
        f.blocked_until := NULL;
    END IF;
    RETURN f;
END
$$
