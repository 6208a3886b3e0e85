-- Create a user or replace the profile; return the user as it is then. The user's row is locked
-- first, so that of several who put at once each sees what the one before has left. Whoever has the
-- username is locked too, by one order for all: two who exchange names would wait for each other
-- until the server looks for deadlocks, which is later than anybody waits for it.
CREATE FUNCTION tokenauthority.put_user_v1(
    p_user_id text, p_username text, p_email text, p_roles text[], p_permissions text[],
    p_profile_bytes integer, p_fact_lifetime interval, p_caller text, p_call_id text
) RETURNS tokenauthority.user_v1 LANGUAGE plpgsql AS $$
DECLARE
    u tokenauthority.users;
    is_new boolean := false;
BEGIN
    PERFORM FROM tokenauthority.users WHERE user_id = p_user_id OR username = p_username
        ORDER BY user_id FOR UPDATE;
    SELECT * INTO u FROM tokenauthority.users WHERE user_id = p_user_id FOR UPDATE;
    IF NOT FOUND THEN
        is_new := tokenauthority.add_user_v1(p_user_id, p_username, p_email, p_roles,
            p_permissions, p_profile_bytes);
        SELECT * INTO u FROM tokenauthority.users WHERE user_id = p_user_id FOR UPDATE;
        IF NOT FOUND THEN
            RETURN tokenauthority.user_of_v1('username_taken', NULL);
        END IF;
    END IF;
    u := tokenauthority.put_profile_v1(u, p_username, p_email, p_roles, p_permissions,
        p_profile_bytes, clock_timestamp(), p_fact_lifetime, is_new, p_caller, p_call_id);
    RETURN tokenauthority.user_of_v1('done', u);
END
$$
