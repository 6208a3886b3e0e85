-- Look at the next p_length sessions in the order of their keys, and find those of them that meet
-- all criteria; an empty one or NULL asks nothing. `found` names, of those, the ones that can be
-- ended: live ones, and those that have just expired or whose key is revoked, since a verifier may
-- accept an access token of theirs yet; at most p_most. Only live ones are `matched`. `last` is where
-- the next stretch begins after: the last one looked at, or the last one found where there were as
-- many as there may be; NULL where no session is left.
CREATE FUNCTION tokenauthority.find_sessions_v1(
    p_user_id text, p_device_id text, p_ip_range text, p_user_agent text, p_before timestamptz,
    p_key_id text, p_length integer, p_most integer, p_after_user text, p_after_session text,
    p_fact_margin interval, OUT matched bigint, OUT found_users text[], OUT found_sessions text[],
    OUT last_user text, OUT last_session text
) LANGUAGE plpgsql STABLE AS $$
DECLARE
    revoked_keys text[] := tokenauthority.revoked_keys_v1(now());
    ip_range inet := nullif(p_ip_range, '')::inet;
    -- Beyond every user_id there may be.
    end_user text := coalesce(nullif(p_user_id, ''), repeat(chr(1114111), 33));
    seen bigint;
BEGIN
    -- Where the key is entered is told by the one comparison of rows, whatever else is asked of it.
    IF p_user_id <> '' AND p_after_user <> p_user_id THEN
        p_after_user := p_user_id;
        p_after_session := '';
    END IF;
    WITH looked_at AS MATERIALIZED (
        SELECT s.user_id, s.session_id, s.epoch, s.ended_at, s.refresh_expires_at, s.key_id,
            s.device_id, s.user_agent, s.ip_address, s.created_at
        FROM tokenauthority.sessions AS s
        WHERE (s.user_id, s.session_id) > (p_after_user, p_after_session)
            AND s.user_id <= end_user
        ORDER BY s.user_id, s.session_id
        LIMIT p_length
    ), met AS (
        SELECT s.user_id, s.session_id, s.epoch = u.epoch AND s.refresh_expires_at > now()
            AND s.key_id <> ALL (revoked_keys) AS is_live
        FROM looked_at AS s
        -- One by one, by the key: a stretch must not read all users.
        CROSS JOIN LATERAL (SELECT epoch FROM tokenauthority.users WHERE user_id = s.user_id
            LIMIT 1) AS u
        WHERE s.ended_at IS NULL AND s.epoch >= u.epoch
            AND s.refresh_expires_at + p_fact_margin > now()
            AND (p_device_id = '' OR s.device_id = p_device_id)
            AND (p_user_agent = '' OR strpos(s.user_agent, p_user_agent) > 0)
            AND (p_before IS NULL OR s.created_at < p_before)
            AND (p_key_id = '' OR s.key_id = p_key_id)
            AND CASE WHEN ip_range IS NULL THEN true
                ELSE tokenauthority.address_v1(s.ip_address) <<= ip_range END
        ORDER BY s.user_id, s.session_id
        LIMIT p_most
    ), last AS (
        SELECT user_id, session_id FROM looked_at ORDER BY user_id DESC, session_id DESC LIMIT 1
    )
    SELECT (SELECT count(*) FROM looked_at),
        (SELECT count(*) FROM met WHERE is_live),
        ARRAY(SELECT user_id FROM met ORDER BY user_id, session_id),
        ARRAY(SELECT session_id FROM met ORDER BY user_id, session_id),
        (SELECT user_id FROM last), (SELECT session_id FROM last)
    INTO seen, matched, found_users, found_sessions, last_user, last_session;
    IF cardinality(found_users) = p_most THEN
        last_user := found_users[p_most];
        last_session := found_sessions[p_most];
    ELSIF seen < p_length THEN
        last_user := NULL;
        last_session := NULL;
    END IF;
END
$$
