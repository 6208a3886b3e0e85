-- The day from which a session may be swept that has ended, and whose last token expires then.
CREATE FUNCTION tokenauthority.sweep_day_v1(last_token_expires_at timestamptz) RETURNS date
LANGUAGE sql IMMUTABLE AS $$
    SELECT (last_token_expires_at AT TIME ZONE 'UTC')::date + 1
$$
