"""Row 23: a worker is killed while it holds a lease.

The others wait for it once, and no longer than that lease; clients that held a sub-lease of it find
another worker.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager

import pytest
from faults.harness.counts import rounds
from faults.harness.fleet import Fleet
from faults.harness.report import Measured
from faults.harness.trial import INSIST_SECONDS, Trial

LEASE = 1.0
MARGIN = 2.5
"""Seconds for processors that many share, and for a second attempt."""
AT_ONCE = 3


async def kill_one(trial: Trial, seconds: float = INSIST_SECONDS) -> None:
    """Revoke beside a worker that was just killed, and start it again."""
    killed, other = random.sample(trial.fleet.workers, 2)
    held = [await trial.issue() for _ in range(AT_ONCE)]
    await killed.kill()
    with trial.within(LEASE + MARGIN):
        await asyncio.gather(
            *(
                trial.finish(one, "a worker that was killed", at=other, seconds=seconds)
                for one in held
            )
        )
    await killed.start()
    await trial.leased()
    await trial.issue_and_finish(AT_ONCE, "nothing")


@asynccontextmanager
async def trying(
    database_url: str, redis_url: str, *, without: str = "", clients: int = 2
) -> AsyncIterator[Trial]:
    """Two workers, and clients."""
    async with (
        Fleet.of(
            2,
            database_url,
            redis_url,
            without=without,
            REVOCATION_LEASE_SECONDS=f"{LEASE:.0f}",
        ) as fleet,
        Trial.of(fleet, "23", clients=clients) as trial,
    ):
        yield trial


async def test_a_killed_worker_is_waited_for_once(
    database_url: str,
    own_redis_url: str,
    counted: Callable[[int, int], Iterator[int]],
    measured: Measured,
) -> None:
    async with trying(database_url, own_redis_url) as trial:
        for _ in counted(23, rounds(1, 100)):
            await kill_one(trial)
    measured(trial.history)


async def kill_one_of(database_url: str, redis_url: str, without: str) -> None:
    async with trying(database_url, redis_url, without=without, clients=0) as trial:
        # Longer than any lease lasts: who is not struck by then never is.
        await kill_one(trial, 3 * LEASE)


async def test_without_striking_the_dead_nothing_is_effective_everywhere(
    database_url: str, own_redis_url: str
) -> None:
    with pytest.raises(AssertionError, match="not effective everywhere"):
        await kill_one_of(database_url, own_redis_url, "striking the dead")
