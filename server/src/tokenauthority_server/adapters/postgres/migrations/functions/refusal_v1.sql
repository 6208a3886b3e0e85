-- A grant that is none: only why.
CREATE FUNCTION tokenauthority.refusal_v1(why text) RETURNS tokenauthority.grant_v1
LANGUAGE sql IMMUTABLE AS $$
    SELECT ROW(
        why, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
        NULL, NULL, NULL
    )::tokenauthority.grant_v1
$$
