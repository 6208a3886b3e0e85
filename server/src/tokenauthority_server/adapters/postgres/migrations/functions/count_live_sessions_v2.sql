-- Count the live sessions into their gauge, unless that was done this recently; return whether it
-- was done. Whoever holds the gauge's row counts, and nobody waits for it. When the counting breaks
-- off, its claim goes with it.
CREATE FUNCTION tokenauthority.count_live_sessions_v2(p_at_most_every interval) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
    seen_at timestamptz;
    live bigint;
    revoked_keys text[];
BEGIN
    IF NOT EXISTS (SELECT FROM tokenauthority.token_gauges WHERE name = 'live_sessions') THEN
        INSERT INTO tokenauthority.token_gauges (name, as_of) VALUES ('live_sessions', '-infinity')
        ON CONFLICT (name) DO NOTHING;
    END IF;
    -- now(), not clock_timestamp(): a count that was made since this began will do.
    PERFORM FROM tokenauthority.token_gauges
    WHERE name = 'live_sessions' AND as_of <= now() - p_at_most_every
    FOR UPDATE SKIP LOCKED;
    IF NOT FOUND THEN
        RETURN false;
    END IF;

    seen_at := clock_timestamp();
    revoked_keys := tokenauthority.revoked_keys_v1(seen_at);
    SELECT count(*) INTO live
    FROM tokenauthority.sessions AS s
    JOIN tokenauthority.users AS u ON u.user_id = s.user_id AND u.epoch = s.epoch
    WHERE s.ended_at IS NULL AND s.refresh_expires_at > seen_at
        -- Of <> ALL the planner would believe that it leaves no session, as they all have one key
        -- or two, and then look for each one's user by itself.
        AND NOT ARRAY[s.key_id] && revoked_keys;
    UPDATE tokenauthority.token_gauges SET value = live, as_of = seen_at
    WHERE name = 'live_sessions';
    RETURN true;
END
$$
