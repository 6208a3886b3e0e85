"""A sweep reads what it removes, and next to nothing where there is nothing to remove."""

from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from typing import Any

import asyncpg
import pytest
from support.leftovers import KEEP, TABLES, left, litter, upkeep_of
from support.plans import nodes, performed
from support.postgres import Databases

from tokenauthority_server.adapters.postgres import upkeep_statements as statements
from tokenauthority_server.domain.upkeep import Leftover

LIVE = 30_000
GONE = 10_000
BATCH = 100
FEW = 100
"""Pages: mostly those of the index that have nothing but what has gone, until they are vacuumed. A
table has hundreds more."""
MINUTES = timedelta(minutes=10)

FILL = """
INSERT INTO tokenauthority.users (user_id, username)
SELECT 'v-' || n, 'v-' || n FROM generate_series(1, {live}) AS n;

INSERT INTO tokenauthority.sessions
    (user_id, session_id, current_fingerprint, rotated_at, access_expires_at, refresh_expires_at,
    last_token_expires_at, key_id, created_at, ends_at, sweep_on)
SELECT 'v-' || n, 'sess_' || n, '', now(), now(), now() + interval '7 days',
    now() + interval '30 min', 'key-1', now(), now() + interval '30 days', current_date + 8
FROM generate_series(1, {live}) AS n;

INSERT INTO tokenauthority.revocations (user_id, kind, target, reason, expires_at)
SELECT 'v-' || n, 'token', n::text, 'LOGOUT', now() + interval '1 h'
FROM generate_series(1, {live}) AS n;

INSERT INTO tokenauthority.former_profiles (user_id, profile_version, replaced_at)
SELECT 'v-' || n, 1, now() FROM generate_series(1, {live}) AS n;

INSERT INTO tokenauthority.token_metrics (user_id, day, device_id, metric_type, count)
SELECT 'v-' || n, current_date - n % 2 * 500, '', 'created', 1 FROM generate_series(1, {live}) AS n;

INSERT INTO tokenauthority.audit_events (user_id, event_id, kind)
SELECT 'v-' || n, tokenauthority.audit_bound_v1(now() + n * interval '1 ms'), 'k'
FROM generate_series(1, {live}) AS n;

INSERT INTO tokenauthority.login_failures (subject, changed_at, expires_at)
SELECT convert_to('v-' || n, 'UTF8'), now(), now() + interval '30 min'
FROM generate_series(1, {live}) AS n;

INSERT INTO tokenauthority.login_sources (user_id, source, expires_at)
SELECT 'v-' || n, 'home', now() + interval '90 days' FROM generate_series(1, {live}) AS n;
"""
"""All of it has to stay; half of the counts because their day, long ago, was not added up yet."""

MANY = [what for what in Leftover if what is not Leftover.SIGNING_KEYS]
"""Keys are few, and their table is read as a whole."""
STATEMENTS: dict[Leftover, tuple[str, Sequence[object]]] = {
    Leftover.SESSIONS: (statements.SWEEP_SESSIONS, (BATCH, MINUTES, MINUTES)),
    Leftover.FACTS: (statements.SWEEPS[Leftover.FACTS], (BATCH,)),
    Leftover.FORMER_PROFILES: (statements.SWEEPS[Leftover.FORMER_PROFILES], (BATCH, MINUTES)),
    Leftover.TOKEN_METRICS: (statements.SWEEPS[Leftover.TOKEN_METRICS], (BATCH, KEEP)),
    Leftover.AUDIT_EVENTS: (statements.SWEEPS[Leftover.AUDIT_EVENTS], (BATCH, KEEP)),
    Leftover.LOGIN_FAILURES: (statements.SWEEPS[Leftover.LOGIN_FAILURES], (BATCH,)),
    Leftover.LOGIN_SOURCES: (statements.SWEEPS[Leftover.LOGIN_SOURCES], (BATCH,)),
}


@pytest.fixture(scope="module")
async def full(databases: Databases) -> AsyncIterator[str]:
    """Much that stays, and much that goes, as the statistics know."""
    async with databases.fresh() as url:
        connection = await asyncpg.connect(url)
        await connection.execute(FILL.format(live=LIVE))
        await litter(connection, GONE)
        await connection.execute("VACUUM ANALYZE")
        await connection.close()
        yield url


@pytest.fixture(scope="module")
async def swept(databases: Databases) -> AsyncIterator[str]:
    """What went has gone, and the statistics do not know it yet."""
    async with databases.fresh() as url:
        connection = await asyncpg.connect(url)
        await connection.execute(FILL.format(live=LIVE))
        await litter(connection, GONE)
        await connection.execute("ANALYZE")
        async with upkeep_of(url) as upkeep:
            for what in MANY:
                assert await upkeep.sweep(what, GONE, KEEP) == GONE
        rows = await left(connection)
        assert {rows[what] for what in MANY} == {LIVE}
        await connection.close()
        yield url


@pytest.mark.parametrize("what", MANY)
async def test_a_batch_is_found_by_an_index_and_removed_by_key(full: str, what: Leftover) -> None:
    plan = await plan_of(full, *STATEMENTS[what])

    assert f"Delete on {TABLES[what]}" in [described(node) for node in nodes(plan)]
    read = [one["Relation Name"] for one in nodes(plan) if one["Node Type"] == "Seq Scan"]
    # Days that are added up are few.
    assert set(read) <= {"token_totals"}


@pytest.mark.parametrize("what", MANY)
async def test_nothing_to_remove_costs_next_to_nothing(swept: str, what: Leftover) -> None:
    # Seen failing without the order of the index: as long as much seems to be past, the planner
    # reads the table from its beginning, and to its end, as there is nothing.
    # The first time removes from the index what points to rows that have gone.
    for _ in range(2):
        plan = await plan_of(swept, *STATEMENTS[what])

    assert 0 < plan["Shared Hit Blocks"] + plan["Shared Read Blocks"] <= FEW


async def plan_of(url: str, statement: str, arguments: Sequence[object]) -> dict[str, Any]:
    connection = await asyncpg.connect(url)
    plan = await performed(connection, statement, arguments)
    await connection.close()
    return plan


def described(node: dict[str, Any]) -> str:
    return f"{node.get('Operation', node['Node Type'])} on {node.get('Relation Name')}"
