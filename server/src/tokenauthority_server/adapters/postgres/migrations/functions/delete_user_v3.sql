-- Make a user a tombstone as delete_user_v2 does, which locks the user's row first, and forget where
-- the user has logged in from: whoever comes back under the id may be somebody else.
CREATE FUNCTION tokenauthority.delete_user_v3(
    p_user_id text, p_fact_lifetime interval, p_caller text, p_event_id uuid, p_call_id text
) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    ended bigint := tokenauthority.delete_user_v2(p_user_id, p_fact_lifetime, p_caller, p_event_id,
        p_call_id);
BEGIN
    DELETE FROM tokenauthority.login_sources WHERE user_id = p_user_id;
    RETURN ended;
END
$$
