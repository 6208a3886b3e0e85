"""Row 31: a worker, or a strict client, stands still while tokens are revoked without it.

Nobody waits for it longer than for its lease, and no answer is stale when it wakes, from the first
one on.
"""

import asyncio
import random
import signal
import time
from collections.abc import Callable, Iterator

import pytest
from faults.harness.counts import FULL, rounds
from faults.harness.fleet import Fleet
from faults.harness.report import Measured
from faults.harness.trial import Trial
from faults.harness.worker_witness import WorkerWitness

COUNT = 4
ASKED = 8
"""Questions that it finds when it wakes."""
MARGIN = 2.5
"""Seconds for processors that many share, and for a second attempt."""


async def revoke_beside_a_worker(
    trial: Trial, paused: WorkerWitness, seconds: float, lease: float
) -> None:
    """Stop it for so long, and see that nobody waits for longer than its lease."""
    others = [one.worker for one in trial.workers if one is not paused]
    held = [await trial.issue() for _ in range(COUNT)]
    began = time.monotonic()
    paused.worker.signal(signal.SIGSTOP)
    try:
        at = random.choice(others)  # noqa: S311 - no secret
        with trial.within(lease + MARGIN):
            await asyncio.gather(
                *(trial.finish(one, "a worker that is paused", at=at) for one in held)
            )
        names = [one.name for one in held]
        async with asyncio.TaskGroup() as asking:
            for _ in range(ASKED):
                asking.create_task(paused.ask(names))
            await asyncio.sleep(max(0.0, began + seconds - time.monotonic()))
            paused.worker.signal(signal.SIGCONT)
    finally:
        paused.worker.signal(signal.SIGCONT)


async def revoke_beside_a_client(trial: Trial, number: int, seconds: float, lease: float) -> None:
    """Likewise for a client, which goes on verifying where it was stopped.

    It stands still until all is acknowledged at least.
    """
    paused = trial.clients[number % len(trial.clients)]
    held = [await trial.issue() for _ in range(COUNT)]
    began = time.monotonic()
    paused.signal(signal.SIGSTOP)
    try:
        with trial.within(lease + MARGIN):
            await asyncio.gather(*(trial.finish(one, "a client that is paused") for one in held))
        await asyncio.sleep(max(0.0, began + seconds - time.monotonic()))
    finally:
        paused.signal(signal.SIGCONT)
    await paused.ask_again()


@pytest.mark.parametrize("lease", [1.0, 3.0])
async def test_nothing_stale_on_waking(
    database_url: str,
    own_redis_url: str,
    counted: Callable[[int, int], Iterator[int]],
    measured: Measured,
    lease: float,
) -> None:
    seconds = 10.0 if FULL else lease + 1.5
    async with (
        Fleet.of(2, database_url, own_redis_url, REVOCATION_LEASE_SECONDS=f"{lease:.0f}") as fleet,
        Trial.of(fleet, "31") as trial,
    ):
        for number in counted(31, rounds(1, 10)):
            paused = trial.workers[number % len(trial.workers)]
            await revoke_beside_a_worker(trial, paused, seconds, lease)
            await trial.leased()
            await revoke_beside_a_client(trial, number, seconds, lease)
            await trial.leased()
            # Its lease is not long over then, or perhaps goes on.
            await revoke_beside_a_client(trial, number, 0.0, lease)
            await trial.leased()
    measured(trial.history)


async def pause_workers(database_url: str, redis_url: str, without: str) -> None:
    async with (
        Fleet.of(
            2, database_url, redis_url, without=without, REVOCATION_LEASE_SECONDS="1"
        ) as fleet,
        Trial.of(fleet, "31", clients=0) as trial,
    ):
        for number in range(10):
            await revoke_beside_a_worker(trial, trial.workers[number % 2], 2.0, 1.0)
            trial.history.check()


async def test_without_its_clock_a_worker_wakes_with_what_is_stale(
    database_url: str, own_redis_url: str
) -> None:
    with pytest.raises(AssertionError, match="R1, accepted"):
        await pause_workers(database_url, own_redis_url, "the clock")


async def pause_clients(database_url: str, redis_url: str, without: str) -> None:
    async with (
        Fleet.of(2, database_url, redis_url, without=without) as fleet,
        Trial.of(fleet, "31") as trial,
    ):
        for number in range(10):
            await revoke_beside_a_client(trial, number, 0.0, 3.0)
            trial.history.check()


async def test_without_waiting_for_it_a_client_wakes_with_what_is_stale(
    database_url: str, own_redis_url: str
) -> None:
    with pytest.raises(AssertionError, match="R1, accepted"):
        await pause_clients(database_url, own_redis_url, "waiting for strict clients")
