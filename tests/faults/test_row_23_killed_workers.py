"""Row 23: a worker is killed under load, again and again. Nothing acknowledged is lost."""

import random
from collections.abc import Callable, Iterator

from faults.harness.check import check
from faults.harness.counts import rounds
from faults.harness.fleet import Fleet
from faults.harness.load import Load
from faults.harness.record import Record


async def test_killed_workers_lose_nothing(
    database_url: str,
    redis_url: str,
    record: Record,
    counted: Callable[[int, int], Iterator[int]],
) -> None:
    # Guard: with changes that are answered 20 ms before they are committed, tokens that callers had
    # been given were unknown.
    async with Fleet.of(2, database_url, redis_url) as fleet:
        async with Load.on(record, fleet.workers, "23") as load:
            for _ in counted(23, rounds(2, 300)):
                await load.goes_on(fleet.workers)
                killed, other = random.sample(fleet.workers, 2)

                await killed.kill()

                await load.goes_on([other])
                await killed.start()
        assert load.asked_again
        await check(record, fleet.workers, database_url)
