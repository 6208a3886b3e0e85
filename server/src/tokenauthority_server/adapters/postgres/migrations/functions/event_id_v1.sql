-- An event_id (RFC 9562, UUIDv7) for events whose number only the change itself knows. All others
-- are made by the application.
CREATE FUNCTION tokenauthority.event_id_v1() RETURNS uuid LANGUAGE sql VOLATILE AS $$
    SELECT (left(replace(tokenauthority.audit_bound_v1(clock_timestamp())::text, '-', ''), 12)
        || '7' || substr(replace(gen_random_uuid()::text, '-', ''), 14))::uuid
$$
