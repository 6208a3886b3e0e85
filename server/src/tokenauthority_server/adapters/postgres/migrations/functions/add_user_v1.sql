-- Add a user unless there is one of this id; return whether it was added. Whoever inserts, all then
-- lock the row. The conflict is not narrowed to user_id, or the other's username, which is the same
-- one, would now and then be found taken.
CREATE FUNCTION tokenauthority.add_user_v1(
    p_user_id text, p_username text, p_email text, p_roles text[], p_permissions text[],
    p_profile_bytes integer
) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO tokenauthority.users (user_id, username, email, roles, permissions, profile_bytes)
    VALUES (p_user_id, p_username, p_email, p_roles, p_permissions, p_profile_bytes)
    ON CONFLICT DO NOTHING;
    RETURN FOUND;
END
$$
