-- An address from its text; NULL for anything else, which must not break off a search among many.
CREATE FUNCTION tokenauthority.address_v1(p_text text) RETURNS inet
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RETURN nullif(p_text, '')::inet;
EXCEPTION WHEN invalid_text_representation THEN
    RETURN NULL;
END
$$
