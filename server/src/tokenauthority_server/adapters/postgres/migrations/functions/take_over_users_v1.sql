-- Take over many users, one after the other, and return what became of each, in order. Those who do
-- so at once take turns, so that they do not wait for each other's rows crosswise. A dry run does it
-- all and takes it back: variables keep what they hold when a block is undone.
CREATE FUNCTION tokenauthority.take_over_users_v1(
    p_users jsonb, p_replace_passwords boolean, p_dry_run boolean, p_fact_lifetime interval,
    p_caller text, p_call_id text
) RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE
    one record;
    outcomes text[] := '{}';
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('tokenauthority.take_over_users'));
    BEGIN
        FOR one IN
            SELECT * FROM jsonb_to_recordset(p_users) AS t(
                user_id text, username text, email text, roles text[], permissions text[],
                profile_bytes integer, password_hash text, active boolean)
        LOOP
            outcomes := outcomes || tokenauthority.take_over_user_v1(one.user_id, one.username,
                one.email, one.roles, one.permissions, one.profile_bytes, one.password_hash,
                one.active, p_replace_passwords, p_fact_lifetime, p_caller, p_call_id);
        END LOOP;
        IF p_dry_run THEN
            RAISE EXCEPTION USING ERRCODE = 'TA001', MESSAGE = 'a dry run';
        END IF;
    EXCEPTION WHEN SQLSTATE 'TA001' THEN
        NULL;
    END;
    RETURN outcomes;
END
$$
