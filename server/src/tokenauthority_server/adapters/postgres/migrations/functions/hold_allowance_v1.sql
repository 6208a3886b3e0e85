-- Lock the failures of a name, or of a known source at it, and return them as they count now. An
-- attempt that nobody has settled in time has failed: the process that made it is gone. With the end
-- of a lock they begin anew. Their form is p_form as long as no other was tried, else NULL.
CREATE FUNCTION tokenauthority.hold_allowance_v1(
    p_subject bytea, p_form bytea, p_max integer, p_lock interval, p_settled_within interval
) RETURNS tokenauthority.login_failures LANGUAGE plpgsql AS $$
DECLARE
    f tokenauthority.login_failures := tokenauthority.hold_failures_v1(p_subject);
    seen_at timestamptz := clock_timestamp();
BEGIN
    IF f.pending > 0 AND f.changed_at + p_settled_within <= seen_at THEN
        f.failures := f.failures + f.pending;
        f.pending := 0;
    END IF;
    IF f.failures >= p_max THEN
        f.blocked_until := coalesce(f.blocked_until, f.changed_at + p_lock);
    END IF;
    IF f.blocked_until <= seen_at THEN
        f.failures := 0;
        f.blocked_until := NULL;
    END IF;
    IF f.failures + f.pending = 0 THEN
        f.form := p_form;
    ELSIF f.form <> p_form THEN
        f.form := NULL;
    END IF;
    RETURN f;
END
$$
