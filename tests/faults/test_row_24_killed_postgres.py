"""Row 24: PostgreSQL is killed under load, again and again.

Nothing acknowledged is lost, and the workers heal by themselves.
"""

import asyncio
from collections.abc import Callable, Iterator

from faults.harness.check import check
from faults.harness.counts import rounds
from faults.harness.fleet import Fleet
from faults.harness.load import Load
from faults.harness.record import Record
from support.own_stores import OwnStores

HEALED_SECONDS = 5.0


async def test_a_killed_postgres_loses_nothing(
    own: OwnStores,
    own_database: str,
    redis_url: str,
    record: Record,
    counted: Callable[[int, int], Iterator[int]],
) -> None:
    # Guard: with synchronous_commit off refresh tokens that callers had been given were refused.
    async with Fleet.of(2, own_database, redis_url) as fleet:
        pids = [worker.pid for worker in fleet.workers]
        async with Load.on(record, fleet.workers, "24") as load:
            for _ in counted(24, rounds(2, 100)):
                await load.goes_on(fleet.workers)

                await asyncio.to_thread(own.postgres.kill)

                await load.is_asked_again()
                own.postgres.restart()
                await load.goes_on(fleet.workers, seconds=HEALED_SECONDS)
        assert [worker.pid for worker in fleet.workers] == pids
        await check(record, fleet.workers, own_database)
