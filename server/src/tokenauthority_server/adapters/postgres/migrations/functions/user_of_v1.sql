-- A user as administrators see one, with what became of the call.
CREATE FUNCTION tokenauthority.user_of_v1(p_outcome text, u tokenauthority.users)
RETURNS tokenauthority.user_v1 LANGUAGE sql IMMUTABLE AS $$
    SELECT ROW(
        p_outcome, u.user_id, u.username, u.email, u.roles, u.permissions, u.status,
        u.locked_until, u.last_login_at, u.created_at, u.updated_at
    )::tokenauthority.user_v1
$$
