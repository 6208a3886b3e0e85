"""The statements of the hot paths stay quick however many sessions there are."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from uuid import uuid4

import asyncpg
import pytest
from support.authority import Served, serving
from support.callers import ANN, LAPTOP
from support.plans import nodes, performed
from support.postgres import Connection, Databases
from support.waiting import eventually

from tokenauthority_client import RefreshTokenReusedError, TokenType
from tokenauthority_server.adapters.postgres import statements

FILL = """
INSERT INTO tokenauthority.users (user_id, username)
SELECT 'u-' || n, 'u-' || n FROM generate_series(0, 8000) AS n;

INSERT INTO tokenauthority.sessions
    (user_id, session_id, current_fingerprint, rotated_at, access_expires_at, refresh_expires_at,
    last_token_expires_at, key_id, created_at, ends_at, sweep_on)
SELECT 'u-' || greatest(n, 0), 'sess_' || n, sha256(n::text::bytea), now(),
    now() + interval '30 min', now() + interval '7 days', now() + interval '30 min', 'key-1',
    now() - abs(n) * interval '1 s', now() + interval '30 days', current_date + 8
FROM generate_series(-2000, 8000) AS n;

INSERT INTO tokenauthority.revocations (user_id, kind, target, reason, expires_at)
SELECT 'u-' || n, 'token', 'jti-' || n, 'LOGOUT', now() + interval '30 min'
FROM generate_series(1, 8000) AS n;

ANALYZE tokenauthority.users, tokenauthority.sessions, tokenauthority.revocations;
"""
"""Thousands of sessions and facts: two thousand sessions of u-0, and one of each other user."""
BIG = ("users", "sessions", "revocations")
FEW = 60
"""Pages, most of them of what is written too. A table has hundreds, and an index seventy."""
EVICTION = 20
"""Pages more for the session that has to go."""
EVICTING = {"CREATE with a cap"}
ASKED = 20
"""Tokens in a question about many."""
ABOUT_MANY = {"REFRESH_TOKENS", "FACTS"}

WEEK = timedelta(days=7)
SECOND = timedelta(seconds=1)
NOW = datetime.now(UTC)
NEVER = datetime(9999, 1, 1, tzinfo=UTC)
FINGERPRINT = sha256(b"7").digest()
END = ("sess_7", "LOGOUT", "", WEEK, uuid4(), "r")
USERS = [f"u-{number}" for number in range(1, ASKED + 1)]
SESSIONS = [f"sess_{number}" for number in range(1, ASKED + 1)]
STATEMENTS: dict[str, tuple[str, Sequence[object]]] = {
    "CREATE": (
        statements.CREATE,
        (
            *("u-0", None, None, None, None, 0, 6000, "sess_new", "", "", "", [], b"8", "key-1"),
            *(WEEK, WEEK, WEEK, "", "r-1", b"digest", SECOND, WEEK, uuid4(), "r", 0, True, WEEK),
        ),
    ),
    "CREATE with a cap": (
        statements.CREATE,
        (
            *("u-7", None, None, None, None, 0, 6000, "sess_new", "", "", "", [], b"8", "key-1"),
            *(WEEK, WEEK, WEEK, "", "r-1", b"digest", SECOND, WEEK, uuid4(), "r", 1, True, WEEK),
        ),
    ),
    "ROTATE": (
        statements.ROTATE,
        (
            *("u-7", "sess_7", FINGERPRINT, b"8", WEEK, WEEK, "key-1", "", "", 6000, SECOND, ""),
            "key-1",
        ),
    ),
    "SETTLE": (
        statements.SETTLE,
        (
            *("u-7", "sess_7", b"reused", False, "", "", "", NOW, NOW, 6000, SECOND, SECOND),
            *("", uuid4(), "r", "key-1", "key-1"),
        ),
    ),
    "REFRESH_TOKENS": (statements.REFRESH_TOKENS, (USERS, SESSIONS, ["key-1"] * ASKED)),
    "PAGE": (statements.PAGE, ("u-0", NEVER, "", 11)),
    "FACTS": (statements.FACTS, (USERS, ["token"] * ASKED, ["jti-7"] * ASKED)),
    "KILL": (
        statements.KILL,
        ("u-7", "jti", "LOGOUT", "", 9e9, WEEK, "sess_7", "key-1", 0, 0, "", uuid4(), "r"),
    ),
    "END_SESSION_BY_ID": (statements.END_SESSION_BY_ID, END),
    "END_USERS_SESSION": (statements.END_USERS_SESSION, (*END, "u-7", "key-1")),
    "END_USER_SESSIONS": (
        statements.END_USER_SESSIONS,
        ("u-7", "", "LOGOUT", WEEK, "", uuid4(), "r"),
    ),
}

COUNTED = """
INSERT INTO tokenauthority.token_gauges (name, value, as_of) VALUES ('live_sessions', 0, now())
ON CONFLICT (name) DO UPDATE SET as_of = now()
"""


@pytest.fixture(scope="module")
async def full(databases: Databases) -> AsyncIterator[str]:
    async with databases.fresh() as url:
        connection = await asyncpg.connect(url)
        await connection.execute(FILL)
        await connection.close()
        yield url


@pytest.mark.parametrize("name", STATEMENTS)
async def test_a_statement_touches_few_pages(full: str, name: str) -> None:
    connection = await asyncpg.connect(full)
    # The first time the catalogs are read too.
    for _ in range(2):
        plan = await performed(connection, *STATEMENTS[name])
    await connection.close()

    pages = plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]
    limit = 10 * ASKED if name in ABOUT_MANY else FEW + EVICTION * (name in EVICTING)
    assert 0 < pages <= limit
    assert "Seq Scan" not in [node["Node Type"] for node in nodes(plan)]


async def test_no_call_reads_a_whole_table(full: str, redis_url: str) -> None:
    # Whatever the plan was: also inside of functions, where a plan is kept after five calls.
    connection = await asyncpg.connect(full)
    # Counting all live sessions does, every few minutes; it is no call, and not due now.
    await connection.execute(COUNTED)
    before = await counts(connection, "seq_scan")
    async with serving(full, redis_url) as authority:
        for _ in range(8):
            await everything(authority)
    await disconnected(connection)

    after = await counts(connection, "seq_scan")
    # A server reads all facts once, when it starts.
    assert after.pop("revocations") - before.pop("revocations") <= 1
    assert after == before
    await connection.close()


async def everything(authority: Served) -> None:
    client = authority.client
    pairs = [await client.create_pair(ANN, device=LAPTOP) for _ in range(4)]
    asked = await client.create_pair(ANN, request_id=pairs[0].session_id)
    await client.create_pair(ANN, request_id=pairs[0].session_id)
    second = (await client.refresh(pairs[0].refresh_token)).pair
    await client.refresh(pairs[0].refresh_token)
    await client.refresh(second.refresh_token)
    with pytest.raises(RefreshTokenReusedError):
        await client.refresh(pairs[0].refresh_token)
    await client.validate(asked.access_token)
    await client.validate(asked.refresh_token, expected_type=TokenType.REFRESH)
    await client.list_sessions(ANN.user_id)
    await client.revoke_token(asked.access_token)
    await client.revoke_token(asked.refresh_token)
    await client.revoke_session(pairs[1].session_id)
    await client.revoke_user(ANN.user_id, except_session_id=pairs[2].session_id)
    await client.revoke_user(ANN.user_id)


async def test_refreshes_touch_no_index(
    database: Connection, database_url: str, redis_url: str
) -> None:
    # A heap-only update (HOT) writes no index and leaves nothing for VACUUM to find.
    sessions, turns = 20, 15
    async with serving(database_url, redis_url) as authority:
        pairs = [await authority.client.create_pair(ANN) for _ in range(sessions)]
        for _ in range(turns):
            results = await asyncio.gather(
                *(authority.client.refresh(pair.refresh_token) for pair in pairs)
            )
            pairs = [result.pair for result in results]
    await disconnected(database)

    updates = (await counts(database, "n_tup_upd"))["sessions"]
    heap_only = (await counts(database, "n_tup_hot_upd"))["sessions"]

    assert updates == sessions * turns
    assert heap_only >= 0.9 * updates


async def disconnected(database: Connection) -> None:
    """Return when nobody else is connected: then everybody's counts are in."""

    async def alone() -> bool:
        others = await database.fetchval(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        return bool(others == 0)

    await eventually(alone)


async def counts(database: Connection, column: str) -> dict[str, int]:
    await database.execute("SELECT pg_stat_clear_snapshot(), pg_stat_force_next_flush()")
    found = await database.fetch("SELECT * FROM pg_stat_user_tables")
    return {row["relname"]: row[column] for row in found if row["relname"] in BIG}
