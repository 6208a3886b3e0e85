"""Row 30: everything works through a PgBouncer in transaction mode."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from faults.harness.check import check
from faults.harness.counts import rounds
from faults.harness.fleet import Fleet
from faults.harness.load import Load
from faults.harness.pooler import PROGRAM, pgbouncer
from faults.harness.record import Record

from tokenauthority_server.adapters.postgres import database

POOLED = "pooler=transaction"
"""How DATABASE_URL says so: then nothing is prepared for later, nor set as a connection starts."""

MOST_ASKED_AGAIN = 0.02
"""Of all calls, by callers of a machine that is busy."""

pytestmark = [
    pytest.mark.skipif(
        PROGRAM is None, reason="there is no pgbouncer on PATH (Debian's package of this name)"
    ),
    pytest.mark.skipif(
        "pooler" not in Path(database.__file__).read_text("utf-8"),
        reason="this release has no way through a pooler in transaction mode",
    ),
]


async def test_nothing_is_lost_behind_a_pooler(
    database_url: str, redis_url: str, record: Record, counted: Callable[[int, int], Iterator[int]]
) -> None:
    with pgbouncer(database_url) as pooled_url:
        async with Fleet.of(2, f"{pooled_url}?{POOLED}", redis_url) as fleet:
            async with Load.on(record, fleet.workers, "30") as load:
                for _ in counted(30, rounds(1, 20)):
                    await load.goes_on(fleet.workers, each=30)
            assert load.asked_again <= load.answered.total() * MOST_ASKED_AGAIN
            await check(record, fleet.workers, database_url)
