"""How PostgreSQL performs a statement."""

import json
from collections.abc import Sequence
from typing import Any

from support.postgres import Connection


async def performed(
    connection: Connection, statement: str, arguments: Sequence[object]
) -> dict[str, Any]:
    """Run the statement, take back what it did, and return its plan."""
    transaction = connection.transaction()
    await transaction.start()
    explained = await connection.fetchval(
        f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement}", *arguments
    )
    await transaction.rollback()
    plan: dict[str, Any] = json.loads(explained)[0]["Plan"]
    return plan


def nodes(plan: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the plan's nodes, itself first."""
    return [plan, *(node for part in plan.get("Plans", ()) for node in nodes(part))]
