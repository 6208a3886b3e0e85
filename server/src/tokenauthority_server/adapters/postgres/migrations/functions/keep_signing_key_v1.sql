-- Refuse to delete a signing key that tokens may need: nobody could verify them any more. Not even
-- a hand in psql gets past this.
CREATE FUNCTION tokenauthority.keep_signing_key_v1() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'TRUNCATE' THEN
        RAISE restrict_violation USING
            MESSAGE = 'signing keys are not deleted all at once',
            HINT = 'Delete them one by one: those that live tokens need will stay.';
    END IF;
    IF OLD.state IN ('PREPARED', 'ACTIVE') THEN
        RAISE restrict_violation USING
            MESSAGE = format('the signing key %s is %s, and such a key is not deleted',
                OLD.kid, OLD.state),
            HINT = 'Retire or revoke it first (tokenauthority keys); the janitor deletes it when '
                'it is not needed any more.';
    END IF;
    IF OLD.last_expires_at > now() THEN
        RAISE restrict_violation USING
            MESSAGE = format('the signing key %s is needed until %s: tokens that it has signed may '
                'live until then', OLD.kid, tokenauthority.rfc3339_v1(OLD.last_expires_at)),
            HINT = 'The janitor deletes it by itself some minutes later.';
    END IF;
    RETURN OLD;
END
$$
