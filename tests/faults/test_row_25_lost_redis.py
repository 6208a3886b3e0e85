"""Row 25: Redis is emptied, restarted empty or from an older copy, or failed over to one.

No revoked token is accepted, no good one refused, and leases come back by themselves.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager

import pytest
from faults.harness.counts import rounds
from faults.harness.fleet import Fleet
from faults.harness.redis_losses import LOSSES, LosableRedis
from faults.harness.report import Measured
from faults.harness.trial import Trial

HEALED_SECONDS = 8.0
AT_ONCE = 3


@asynccontextmanager
async def trying(
    database_url: str, *, without: str = "", lease: str = "1", clients: int = 2
) -> AsyncIterator[tuple[Trial, LosableRedis]]:
    """Two workers, each with a way of its own to a Redis that can be lost."""
    async with LosableRedis.of(2) as losable:
        ways = [way.url for way in losable.ways]
        async with (
            Fleet.of(
                2, database_url, ways, without=without, REVOCATION_LEASE_SECONDS=lease
            ) as fleet,
            Trial.of(fleet, "25", clients=clients) as trial,
        ):
            yield trial, losable


async def lose(trial: Trial, losable: LosableRedis, name: str) -> None:
    """Lose what Redis holds while a worker hears nothing of it, and revoke at the other one."""
    await losable.part()
    # The older copy lacks these.
    await trial.issue_and_finish(AT_ONCE, "a replica that is cut off")
    held = [await trial.issue() for _ in range(AT_ONCE)]
    deaf, worker = random.choice([(0, 1), (1, 0)])  # noqa: S311 - no secret
    losable.ways[deaf].silence()
    await LOSSES[name](losable)
    at = trial.fleet.workers[worker]
    revoking = [trial.revoke(one, f"Redis {name}", at=at) for one in held]
    await asyncio.gather(*revoking, hear_again(losable, deaf))


async def hear_again(losable: LosableRedis, deaf: int) -> None:
    """Let it hear of Redis when a lease of a second is over, or nearly so."""
    await asyncio.sleep(random.uniform(0.5, 1.2))  # noqa: S311 - no secret
    losable.ways[deaf].heal()
    losable.ways[deaf].reset()


async def test_no_wrong_verdict(
    database_url: str,
    counted: Callable[[int, int], Iterator[int]],
    measured: Measured,
) -> None:
    async with trying(database_url) as (trial, losable):
        for number in counted(25, rounds(len(LOSSES), 100)):
            await lose(trial, losable, list(LOSSES)[number % len(LOSSES)])
            await losable.heal()
            with trial.within(HEALED_SECONDS):
                await trial.leased()
            await trial.issue_and_finish(AT_ONCE, "nothing")
        # PostgreSQL was there all the time.
        trial.check_answered()
    measured(trial.history)


async def lose_often(database_url: str, name: str, without: str) -> None:
    async with trying(database_url, without=without, lease="3", clients=0) as (trial, losable):
        for _ in range(6):
            await lose(trial, losable, name)
            await losable.heal()
            await trial.leased()
            trial.history.check()


@pytest.mark.parametrize("name", ["emptied", "failed over to an older copy"])
async def test_without_waiting_for_a_new_identity_stale_answers_are_given(
    database_url: str, name: str
) -> None:
    with pytest.raises(AssertionError, match="R1, accepted"):
        await lose_often(database_url, name, "waiting for a new identity")
