-- The least event_id of a time on: event ids begin with their milliseconds (RFC 9562, UUIDv7).
CREATE FUNCTION tokenauthority.audit_bound_v1(at timestamptz) RETURNS uuid
LANGUAGE sql IMMUTABLE AS $$
    SELECT (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || repeat('0', 20))::uuid
$$
