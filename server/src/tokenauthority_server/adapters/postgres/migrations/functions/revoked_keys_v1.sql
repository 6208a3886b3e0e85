-- The ids of the keys that are revoked at this time. A session is not live while the key that
-- signed its current refresh token is one of them. They are few, and read by the primary key.
CREATE FUNCTION tokenauthority.revoked_keys_v1(p_at timestamptz) RETURNS text[]
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN ARRAY(SELECT target FROM tokenauthority.revocations
        WHERE user_id = '' AND kind = 'key' AND expires_at > p_at);
END
$$
