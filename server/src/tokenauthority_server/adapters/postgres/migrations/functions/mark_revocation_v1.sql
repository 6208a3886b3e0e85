-- Write down which transaction has made the fact what it is. It is a trigger, so that no statement of
-- any release can leave it out.
CREATE OR REPLACE FUNCTION tokenauthority.mark_revocation_v1() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.changed_by := pg_current_xact_id();
    RETURN NEW;
END
$$
