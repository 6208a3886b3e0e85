-- What became of a change, and the key as it is after it.
CREATE FUNCTION tokenauthority.key_change_of_v1(
    p_outcome text, k tokenauthority.signing_keys
) RETURNS tokenauthority.key_change_v1 LANGUAGE sql IMMUTABLE AS $$
    SELECT ROW(
        p_outcome, k.kid, k.algorithm, k.state, k.created_at, k.activated_at, k.retired_at,
        k.last_expires_at
    )::tokenauthority.key_change_v1
$$
