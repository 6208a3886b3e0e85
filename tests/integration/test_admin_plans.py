"""The lists of administrators stay quick however many users and events there are."""

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import asyncpg
import pytest
from support.plans import nodes, performed
from support.postgres import Databases

from tokenauthority_server.adapters.postgres import (
    audit_trail,
    erasure,
    session_ender,
    user_store,
)
from tokenauthority_server.adapters.postgres.audit_trail import CLOCKS_APART, LATEST
from tokenauthority_server.domain.audit import IMPERSONAL_DETAILS

ROWS = 30_000
FEW = 120
"""Pages: each month of the trail takes a few, and so does what is written. A table has hundreds."""
PAGE = 51
DAY = timedelta(days=1)
NEWEST = UUID(int=2**128 - 1)

FILL = """
INSERT INTO tokenauthority.users (user_id, username, status)
SELECT 'u-' || n, 'user ' || n, CASE WHEN n = 7 THEN 'DELETED' ELSE 'ACTIVE' END
FROM generate_series(1, {rows}) AS n;

INSERT INTO tokenauthority.sessions
    (user_id, session_id, current_fingerprint, rotated_at, access_expires_at, refresh_expires_at,
    last_token_expires_at, key_id, created_at, ends_at, sweep_on)
SELECT 'u-' || n, 'sess_' || n, '', now(), now(), now() + interval '7 days', now(), 'key-1', now(),
    now() + interval '30 days', current_date + 8
FROM generate_series(1, {rows}) AS n;

INSERT INTO tokenauthority.audit_events (user_id, event_id, occurred_at, kind, session_id)
SELECT 'u-' || n % 1000, tokenauthority.audit_bound_v1(at), at, 'kind-' || n % 2, 'sess_' || n % 999
FROM (SELECT n, now() - n * interval '1 s' AS at FROM generate_series(1, {rows}) AS n) AS made;

ANALYZE tokenauthority.users, tokenauthority.sessions, tokenauthority.audit_events;
"""


def events(**wanted: str) -> Sequence[object]:
    start = datetime.now(UTC) - 2 * DAY
    return (
        *(NEWEST, start, CLOCKS_APART, LATEST, audit_trail.LOOKED_AT, []),
        *(wanted.get("user_id", ""), wanted.get("session_id", ""), PAGE),
    )


STATEMENTS: dict[str, tuple[str, Sequence[object]]] = {
    "BY_ID": (user_store.BY_ID, ("u-8",)),
    "BY_USERNAME": (user_store.BY_USERNAME, ("user 8",)),
    "PAGE of all": (user_store.PAGE, ("", user_store.after_all(""), "", PAGE)),
    "PAGE by prefix": (
        user_store.PAGE,
        ("user 29", user_store.after_all("user 29"), "user 295", PAGE),
    ),
    "PUT": (user_store.PUT, ("u-8", "other", "", [], [], 20, DAY, "", "r")),
    "events": (audit_trail.PAGE, events()),
    "events of a user": (audit_trail.PAGE_OF_USER, events(user_id="u-8")),
    "events of a session": (audit_trail.PAGE_OF_SESSION, events(session_id="sess_8")),
    "sessions of a user": (
        session_ender.END,
        ("u-8", "", "", "", None, "", 1_000, 1_000, "", "", DAY, "ADMIN", "", "r"),
    ),
    "sessions of all": (
        session_ender.COUNT,
        ("", "phone", "", "", None, "", 20, 21, "u-2", "sess_2", DAY),
    ),
    "begin an erasure": (erasure.BEGIN, ("u-7", "", uuid4(), "r")),
    "clear a person": (erasure.CLEAR, ("u-7", 10, sorted(IMPERSONAL_DETAILS))),
}


@pytest.fixture(scope="module")
async def full(databases: Databases) -> AsyncIterator[str]:
    async with databases.fresh() as url:
        connection = await asyncpg.connect(url)
        await connection.execute(FILL.format(rows=ROWS))
        await connection.close()
        yield url


@pytest.mark.parametrize("mode", ["auto", "force_generic_plan"])
@pytest.mark.parametrize("name", STATEMENTS)
async def test_a_statement_touches_few_pages(full: str, name: str, mode: str) -> None:
    connection = await asyncpg.connect(full, server_settings={"plan_cache_mode": mode})
    # The first time the catalogs are read too.
    for _ in range(2):
        plan = await performed(connection, *STATEMENTS[name])
    await connection.close()

    assert 0 < plan["Shared Hit Blocks"] + plan["Shared Read Blocks"] <= FEW
    read = [node for node in nodes(plan) if node["Node Type"] == "Seq Scan"]
    # A month that has no events yet is one page at the most.
    assert all(node["Actual Rows"] == 0 for node in read)


async def test_a_rare_kind_costs_no_more_than_its_bound(full: str) -> None:
    connection = await asyncpg.connect(full)
    start = datetime.now(UTC) - 2 * DAY
    bound = 1_000
    arguments = (NEWEST, start, CLOCKS_APART, LATEST, bound, ["nothing"], "", "", PAGE)
    for _ in range(2):
        plan = await performed(connection, audit_trail.PAGE, arguments)
    rows = await connection.fetch(audit_trail.PAGE, *arguments)
    await connection.close()
    scanned = [node for node in nodes(plan) if node["Node Type"] == "Index Scan"]
    assert sum(node["Actual Rows"] for node in scanned) <= bound + 3
    # Where the next page begins.
    assert [(row["is_wanted"], row["place"]) for row in rows] == [(False, bound)]
