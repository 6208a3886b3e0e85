"""Rows 17 and 23: several workers of one authority, on one port, with leases of their own.

Their callers meet whichever the kernel leads them to. What one of them has acknowledged is refused
by all, also while one is killed and started again by their supervisor.
"""

import os
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

from faults.harness.counts import rounds
from faults.harness.fleet import Fleet, Worker
from faults.harness.report import Measured
from faults.harness.trial import Trial

WORKERS = 2
CONNECTIONS = 6
"""Likely to meet both of them, and over all rounds certain to."""
AT_ONCE = 3


def workers_of(supervisor: Worker) -> list[int]:
    """The process ids of the workers, which are its only children."""
    children = Path(f"/proc/{supervisor.pid}/task/{supervisor.pid}/children").read_text("ascii")
    return [int(one) for one in children.split()]


@asynccontextmanager
async def trying(database_url: str, redis_url: str) -> AsyncIterator[tuple[Trial, Worker]]:
    """Several workers on one port."""
    async with (
        Fleet.of(
            1, database_url, redis_url, WORKERS=f"{WORKERS}", REVOCATION_LEASE_SECONDS="1"
        ) as fleet,
        Trial.of(fleet, "23", connections=CONNECTIONS) as trial,
    ):
        yield trial, fleet.workers[0]


async def test_what_one_has_acknowledged_all_refuse(
    database_url: str,
    own_redis_url: str,
    counted: Callable[[int, int], Iterator[int]],
    measured: Measured,
) -> None:
    async with trying(database_url, own_redis_url) as (trial, supervisor):
        for number in counted(23, rounds(2, 100)):
            workers = workers_of(supervisor)
            assert len(workers) == WORKERS
            held = [await trial.issue() for _ in range(AT_ONCE)]
            os.kill(workers[number % WORKERS], signal.SIGKILL)
            for one in held:
                await trial.finish(one, "one of several workers was killed")
            await trial.is_made(lambda: len(workers_of(supervisor)) == WORKERS, "as many workers")
            await trial.leased()
            await trial.issue_and_finish(AT_ONCE, "nothing")
    measured(trial.history)
