"""What is asked for old tokens stays quick however many facts there are."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import uuid4

import asyncpg
import pytest
from support.plans import nodes, performed

from tokenauthority_server.adapters.legacy.facts import ADD, FIND

FILL = """
INSERT INTO tokenauthority.revocations (user_id, kind, target, reason, expires_at)
SELECT 'u-' || n % 4000, CASE WHEN n < 4000 THEN 'user' ELSE 'token' END,
    CASE WHEN n < 4000 THEN '' ELSE 'jti-' || n END, 'LOGOUT', now() + interval '1 hour'
FROM generate_series(1, 12000) AS n;

INSERT INTO tokenauthority.users (user_id, username)
SELECT 'u-' || n, 'u-' || n FROM generate_series(1, 8000) AS n;

ANALYZE tokenauthority.users, tokenauthority.revocations;
"""
USERS = [f"u-{number}" for number in range(20)]
STATEMENTS: dict[str, tuple[str, Sequence[object]]] = {
    "FIND": (FIND, (USERS, ["user"] * 10 + ["token"] * 10, [""] * 10 + ["jti-4010"] * 10)),
    "ADD": (ADD, ("u-7", "LOGOUT", "", timedelta(days=1), uuid4(), "r")),
    "ADD of a stranger": (ADD, ("stranger", "LOGOUT", "", timedelta(days=1), uuid4(), "r")),
}


@pytest.mark.parametrize("name", STATEMENTS)
async def test_a_statement_touches_few_pages(database_url: str, name: str) -> None:
    connection = await asyncpg.connect(database_url)
    await connection.execute(FILL)
    # The first time the catalogs are read too.
    for _ in range(2):
        plan = await performed(connection, *STATEMENTS[name])
    await connection.close()

    pages = plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]
    assert 0 < pages <= 10 * len(USERS)
    assert "Seq Scan" not in [node["Node Type"] for node in nodes(plan)]
