-- Count a failure; return whether it is the one that locks. `p_settles` is the number of attempts
-- that were reserved for it.
CREATE FUNCTION tokenauthority.add_failure_v1(
    p_subject bytea, p_form bytea, p_settles integer, p_max integer, p_lock interval,
    p_settled_within interval
) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    f tokenauthority.login_failures :=
        tokenauthority.hold_allowance_v1(p_subject, p_form, p_max, p_lock, p_settled_within);
    seen_at timestamptz := clock_timestamp();
    locks boolean;
BEGIN
    IF f.blocked_until > seen_at THEN
        RETURN false;
    END IF;
    locks := f.failures + 1 >= p_max;
    UPDATE tokenauthority.login_failures SET
        form = f.form, failures = f.failures + 1, pending = greatest(0, f.pending - p_settles),
        blocked_until = CASE WHEN locks THEN seen_at + p_lock END, changed_at = seen_at,
        expires_at = seen_at + p_lock
    WHERE subject = p_subject;
    RETURN locks;
END
$$
