-- Whether the user may hold sessions: a lock ends by itself when its time has come.
CREATE FUNCTION tokenauthority.allowed_v1(status text, locked_until timestamptz) RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT status = 'ACTIVE' OR (status = 'LOCKED' AND coalesce(locked_until <= now(), false))
$$
