-- The password of an attempt was right: forget the failures of the name, and of the allowance of its
-- own. p_known says that this judged the attempt: then a lock of the name that others have brought
-- about stays. What was tried at another form of the name stays too, and the attempt alone is given
-- back: else whoever has that form would undo by each login of his what he has failed at here.
CREATE FUNCTION tokenauthority.forget_failures_v1(
    p_name bytea, p_form bytea, p_own bytea, p_known boolean
) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM tokenauthority.login_failures WHERE subject = p_own;
    DELETE FROM tokenauthority.login_failures WHERE subject = p_name AND form = p_form
        AND (NOT p_known OR coalesce(blocked_until <= clock_timestamp(), true));
    IF NOT FOUND AND NOT p_known THEN
        UPDATE tokenauthority.login_failures SET pending = greatest(0, pending - 1)
        WHERE subject = p_name;
    END IF;
END
$$
