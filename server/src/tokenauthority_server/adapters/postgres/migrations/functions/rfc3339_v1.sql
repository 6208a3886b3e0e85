-- A time as text that reads the same whatever the time zone of the connection is.
CREATE FUNCTION tokenauthority.rfc3339_v1(at timestamptz) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
$$
