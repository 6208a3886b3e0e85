-- Reserve an attempt at a password, before the password is looked at, and return what it is checked
-- against. Of any number of attempts at once no more are reserved than may fail.
-- Whoever comes from a source that has logged in to the account before, or with a session of its
-- user's (p_own without p_source), is judged by an allowance of its own; all others by the name's,
-- and by what their source has failed at elsewhere. Rows are locked in the order source, own, name,
-- here and wherever they are locked.
-- The outcome is begun, busy (as many attempts are under way as may fail), locked, or slowed.
CREATE FUNCTION tokenauthority.begin_login_v1(
    p_username text, p_name bytea, p_form bytea, p_source bytea, p_own bytea, p_max integer,
    p_source_max integer, p_lock interval, p_settled_within interval
) RETURNS tokenauthority.login_v1 LANGUAGE plpgsql AS $$
DECLARE
    u tokenauthority.users;
    s tokenauthority.login_failures;
    f tokenauthority.login_failures;
    is_known boolean;
    seen_at timestamptz;
BEGIN
    is_known := p_own <> '' AND (p_source = '' OR EXISTS (
        SELECT FROM tokenauthority.users JOIN tokenauthority.login_sources USING (user_id)
        WHERE username = p_username AND source = p_source AND expires_at > now()));

    IF p_source <> '' AND NOT is_known THEN
        s := tokenauthority.hold_failures_v1(p_source);
        seen_at := clock_timestamp();
        IF s.blocked_until > seen_at THEN
            RETURN ROW('slowed', s.blocked_until - seen_at, NULL, NULL, NULL, is_known
                )::tokenauthority.login_v1;
        END IF;
        -- They wear off evenly, all that are free within the time of a lock.
        s.failures := 1 + greatest(0, s.failures - p_source_max
            * extract(epoch FROM seen_at - s.changed_at)::float8
            / extract(epoch FROM p_lock)::float8);
    END IF;

    f := tokenauthority.hold_allowance_v1(
        CASE WHEN is_known THEN p_own ELSE p_name END, p_form, p_max, p_lock, p_settled_within);
    seen_at := clock_timestamp();
    IF f.blocked_until > seen_at THEN
        RETURN ROW('locked', f.blocked_until - seen_at, NULL, NULL, NULL, is_known
            )::tokenauthority.login_v1;
    END IF;
    IF f.failures + f.pending >= p_max THEN
        RETURN ROW('busy', NULL, NULL, NULL, NULL, is_known)::tokenauthority.login_v1;
    END IF;
    UPDATE tokenauthority.login_failures SET
        form = f.form, failures = f.failures, pending = f.pending + 1, blocked_until = NULL,
        changed_at = seen_at, expires_at = seen_at + p_lock
    WHERE subject = f.subject;
    IF s.subject IS NOT NULL THEN
        UPDATE tokenauthority.login_failures SET
            failures = s.failures,
            blocked_until = CASE WHEN s.failures > p_source_max THEN seen_at + least(p_lock,
                power(2, least(20, ceil(s.failures - p_source_max) - 1)) * interval '1 s') END,
            changed_at = seen_at,
            expires_at = seen_at + p_lock * greatest(1, s.failures / p_source_max)
        WHERE subject = p_source;
    END IF;

    -- After all waits, and in one reading: a session that this opens is good for this epoch.
    SELECT * INTO u FROM tokenauthority.users WHERE username = p_username;
    RETURN ROW('begun', NULL, u.user_id, u.password_hash, u.epoch, is_known
        )::tokenauthority.login_v1;
END
$$
