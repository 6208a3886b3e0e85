"""What is asked of the facts stays quick however many there are."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

import asyncpg
import pytest
from integration.test_plans import FILL
from support.plans import nodes, performed
from support.postgres import Connection, Databases

from tokenauthority_server.adapters.postgres.facts import ABOUT, PAGE, SINCE

PAGE_SIZE = 100
ASKED = 20
PAGES_A_KEY = 10
FEW = 30
"""Pages for a hundred facts: those that hold them, and the way to them."""
CHANGE = """
UPDATE tokenauthority.revocations SET expires_at = expires_at + interval '1 s'
WHERE target = ANY ($1::text[])
"""


@pytest.fixture
async def full(databases: Databases) -> AsyncIterator[Connection]:
    async with databases.fresh() as url:
        connection = await asyncpg.connect(url)
        await connection.execute(FILL)
        yield connection
        await connection.close()


# A prepared statement is planned for its arguments at first, and for any after some calls.
@pytest.fixture(params=["force_custom_plan", "force_generic_plan"])
async def planned(request: pytest.FixtureRequest, full: Connection) -> Connection:
    await full.execute(f"SET plan_cache_mode = {request.param}")
    return full


async def plan_of(
    connection: Connection, statement: str, arguments: Sequence[object]
) -> dict[str, Any]:
    # The first time the catalogs are read too.
    for _ in range(2):
        plan = await performed(connection, statement, arguments)
    assert "Seq Scan" not in [node["Node Type"] for node in nodes(plan)]
    return plan


def pages(plan: dict[str, Any]) -> int:
    return int(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])


def indexes(plan: dict[str, Any]) -> set[str]:
    return {node["Index Name"] for node in nodes(plan) if "Index Name" in node}


async def mark_of(connection: Connection) -> tuple[str, str]:
    row = await connection.fetchrow(PAGE, 1, "", "", "")
    assert row is not None
    return row["server"], row["snapshot"]


async def test_what_stands_somewhere_is_found_by_its_key(planned: Connection) -> None:
    users = [f"u-{number}" for number in range(1, ASKED + 1)]
    sessions = [f"sess_{number}" for number in range(101, 101 + ASKED)]
    asked = (users, ["token"] * ASKED, ["jti-7"] * ASKED, sessions)
    plan = await plan_of(planned, ABOUT, asked)
    assert indexes(plan) == {"revocations_pkey", "sessions_by_id"}
    # For each session there are its own key and three more.
    assert 0 < pages(plan) <= PAGES_A_KEY * ASKED * 5


async def test_a_page_is_read_in_the_order_of_the_keys(planned: Connection) -> None:
    plan = await plan_of(planned, PAGE, (PAGE_SIZE, "u-5", "token", "jti-5"))
    assert indexes(plan) == {"revocations_pkey"}
    assert plan["Actual Rows"] == PAGE_SIZE
    assert 0 < pages(plan) <= PAGE_SIZE + FEW


async def test_what_is_new_is_found_by_the_transaction(planned: Connection) -> None:
    # Also where one transaction has written all that there was: see SINCE.
    mark = await mark_of(planned)
    await planned.execute(CHANGE, ["jti-7", "jti-700"])
    plan = await plan_of(planned, SINCE, mark)
    assert indexes(plan) == {"revocations_by_change"}
    assert plan["Actual Rows"] == 2
    assert 0 < pages(plan) <= FEW
