"""Which rows go: every combination of what decides, written down row by row."""

from datetime import timedelta

import pytest
from support.leftovers import KEEP, upkeep_of
from support.postgres import Connection

from tokenauthority_server.domain.upkeep import Leftover

BATCH = 37

# A session's facts matter for five minutes more, a request_id for ten. Its user is at epoch 1.
SESSIONS = """
INSERT INTO tokenauthority.sessions
    (user_id, session_id, epoch, current_fingerprint, rotated_at, access_expires_at,
    refresh_expires_at, last_token_expires_at, key_id, created_at, ends_at, ended_at, sweep_on)
SELECT user_id, concat_ws(' ', user_id, epoch, ended, refresh, token, created, days), epoch, '',
    now(), now(), now() + refresh, now() + token, 'key-1', now() + created, now(),
    CASE WHEN ended THEN now() END, ((now() - interval '10 min') AT TIME ZONE 'UTC')::date + days
FROM unnest(ARRAY['u-1', 'u-nobody']) AS user_id,
    unnest(ARRAY[0, 1, 2]) AS epoch,
    unnest(ARRAY[false, true]) AS ended,
    unnest(ARRAY['-2 d', '-6 min', '-4 min', '3 h']::interval[]) AS refresh,
    unnest(ARRAY['-2 d', '-6 min', '-4 min', '3 h']::interval[]) AS token,
    unnest(ARRAY['-2 d', '-11 min', '-9 min']::interval[]) AS created,
    unnest(ARRAY[-3, 0, 1]) AS days
RETURNING session_id,
    sweep_on > ((now() - interval '10 min') AT TIME ZONE 'UTC')::date
    OR last_token_expires_at > now() - interval '5 min'
    OR created_at > now() - interval '10 min'
    OR (user_id = 'u-1' AND epoch >= 1 AND ended_at IS NULL
        AND refresh_expires_at > now() - interval '5 min') AS matters
"""
# Whatever is beyond doubt, in other words: it must not be only our rule that says so.
LIVE = """
SELECT session_id FROM tokenauthority.sessions AS s JOIN tokenauthority.users AS u USING (user_id)
WHERE s.ended_at IS NULL AND s.epoch >= u.epoch AND s.refresh_expires_at > now()
"""


async def swept(url: str, what: Leftover, keep: timedelta = KEEP) -> int:
    """Sweep until nothing is left; return how many rows went."""
    total = 0
    async with upkeep_of(url) as upkeep:
        for _ in range(200):
            removed = await upkeep.sweep(what, BATCH, keep)
            total += removed
            if removed < BATCH:
                assert await upkeep.sweep(what, BATCH, keep) == 0
                return total
    raise AssertionError("there is no end to it")


async def test_sessions(database: Connection, database_url: str) -> None:
    await database.execute(
        "INSERT INTO tokenauthority.users (user_id, username, epoch) VALUES ('u-1', 'u-1', 1)"
    )
    rows = await database.fetch(SESSIONS)
    live = {row["session_id"] for row in await database.fetch(LIVE)}
    wanted = {row["session_id"] for row in rows if row["matters"]}
    assert 0 < len(live) < len(wanted) < len(rows)
    assert live <= wanted

    assert await swept(database_url, Leftover.SESSIONS) == len(rows) - len(wanted)

    found = await database.fetch("SELECT session_id FROM tokenauthority.sessions")
    assert {row["session_id"] for row in found} == wanted
    # Those whose day had come, and who stay, are not looked at again before another day.
    again = await database.fetchval(
        "SELECT count(*) FROM tokenauthority.sessions"
        " WHERE sweep_on <= ((now() - interval '10 min') AT TIME ZONE 'UTC')::date"
    )
    assert again == 0


@pytest.mark.parametrize("kind", ["token", "session", "user", "profile", "key"])
async def test_facts(database: Connection, database_url: str, kind: str) -> None:
    await database.execute(
        """
        INSERT INTO tokenauthority.revocations (user_id, kind, target, reason, expires_at)
        SELECT 'u-' || n, $1, n::text, 'LOGOUT', now() + (n - 50) * interval '1 min'
        FROM generate_series(1, 100) AS n
        """,
        kind,
    )

    assert await swept(database_url, Leftover.FACTS) == 50

    dead = "SELECT count(*) FROM tokenauthority.revocations WHERE expires_at <= now()"
    assert await database.fetchval(dead) == 0


# A key is needed for five minutes more than its tokens, and always while it may sign.
KEYS = """
INSERT INTO tokenauthority.signing_keys
    (kid, algorithm, public_jwk, sealed_private_key, state, created_at, last_expires_at)
SELECT concat_ws(' ', state, last), state || last, '', '', state, now() - interval '1 year',
    now() + last
FROM unnest(ARRAY['PREPARED', 'ACTIVE', 'RETIRED', 'REVOKED']) AS state,
    unnest(ARRAY['-60 d', '-6 min', '-4 min', '3 h']::interval[]) AS last
RETURNING kid,
    state IN ('RETIRED', 'REVOKED') AND last_expires_at < now() - interval '5 min' AS past
"""


async def test_signing_keys(database: Connection, database_url: str) -> None:
    rows = await database.fetch(KEYS)
    past = {row["kid"] for row in rows if row["past"]}
    assert len(past) == 4

    assert await swept(database_url, Leftover.SIGNING_KEYS) == 4

    found = await database.fetch("SELECT kid FROM tokenauthority.signing_keys")
    assert {row["kid"] for row in found} == {row["kid"] for row in rows} - past
    events = await database.fetch(
        "SELECT user_id, kind, details ->> 'key_id' AS kid FROM tokenauthority.audit_events"
    )
    assert {tuple(row) for row in events} == {("", "key.deleted", kid) for kid in past}


async def test_former_profiles(database: Connection, database_url: str) -> None:
    await database.execute(
        """
        INSERT INTO tokenauthority.former_profiles (user_id, profile_version, replaced_at)
        SELECT 'u-1', n, now() - n * interval '1 min' - interval '1 s'
        FROM generate_series(0, 119) AS n
        """
    )

    assert await swept(database_url, Leftover.FORMER_PROFILES) == 60

    # A replay may need what was replaced in the last ten minutes.
    assert (
        await database.fetchval("SELECT max(profile_version) FROM tokenauthority.former_profiles")
        == 59
    )


async def test_counts_go_by_days_that_are_added_up(database: Connection, database_url: str) -> None:
    await database.execute(
        """
        INSERT INTO tokenauthority.token_metrics (user_id, day, device_id, metric_type, count)
        SELECT 'u-' || n, (now() AT TIME ZONE 'UTC')::date - 360 - n % 10, '', 'created', 1
        FROM generate_series(0, 999) AS n
        """
    )
    await database.execute(
        """
        INSERT INTO tokenauthority.token_totals (day, metric_type, count)
        SELECT (now() AT TIME ZONE 'UTC')::date - 360 - n, kind, 100
        FROM unnest(ARRAY[0, 5, 6, 8]) AS n, unnest(ARRAY['created', 'refreshed']) AS kind
        """
    )

    # 365 days ago is kept; of those before it, 366 and 368 are added up.
    assert await swept(database_url, Leftover.TOKEN_METRICS) == 200

    ages = await database.fetch(
        """
        SELECT DISTINCT (now() AT TIME ZONE 'UTC')::date - day AS age
        FROM tokenauthority.token_metrics ORDER BY age
        """
    )
    assert [row["age"] for row in ages] == [360, 361, 362, 363, 364, 365, 367, 369]


async def test_audit_events_of_all_partitions(database: Connection, database_url: str) -> None:
    # Five days of this month and of the rest, four events each.
    await database.execute(
        """
        INSERT INTO tokenauthority.audit_events (user_id, event_id, kind)
        SELECT 'u-' || n, (left(tokenauthority.audit_bound_v1(now() - day * interval '1 day'
            + interval '1 h')::text, 18) || right(gen_random_uuid()::text, 18))::uuid, 'k'
        FROM generate_series(1, 4) AS n, unnest(ARRAY[0, 1, 2, 60, 61]) AS day
        """
    )

    assert await swept(database_url, Leftover.AUDIT_EVENTS, timedelta(days=60)) == 4
    assert await swept(database_url, Leftover.AUDIT_EVENTS, timedelta(days=1)) == 8

    # One hour short of a day, and an hour ahead of the clock.
    assert await database.fetchval("SELECT count(*) FROM tokenauthority.audit_events") == 8
