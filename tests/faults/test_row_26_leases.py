"""Row 26: the network before Redis is bad, for one worker or for all of them.

Whoever gets no lease asks the database. No verdict is wrong, none is missing, and no revocation
takes longer than it may.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager

from faults.harness.counts import rounds
from faults.harness.fleet import Fleet
from faults.harness.history import Source
from faults.harness.network import Network
from faults.harness.network_faults import NETWORK_FAULTS, PASSABLE
from faults.harness.report import Measured
from faults.harness.trial import Trial

LEASE = 1.0
LONGEST = LEASE * 5 / 3 + 2.5
"""Seconds for an acknowledgement: as long as a revoker waits, what a store may take before that,
and the rest for processors that many share."""
HEALED_SECONDS = 6.0
AT_ONCE = 3


@asynccontextmanager
async def trying(database_url: str, redis_url: str) -> AsyncIterator[tuple[Trial, list[Network]]]:
    """Two workers, each with a way of its own to Redis."""
    async with AsyncExitStack() as stack:
        ways = [await stack.enter_async_context(Network.before(redis_url)) for _ in range(2)]
        fleet = await stack.enter_async_context(
            Fleet.of(
                2,
                database_url,
                [way.url for way in ways],
                REVOCATION_LEASE_SECONDS=f"{LEASE:.0f}",
            )
        )
        yield await stack.enter_async_context(Trial.of(fleet, "26")), ways


async def suffer(trial: Trial, ways: list[Network], name: str) -> None:
    """Revoke while these ways are bad; then all is well again by itself."""
    told = f"a network that is {name}, for {'all' if len(ways) > 1 else 'one'}"
    held = [await trial.issue() for _ in range(AT_ONCE)]
    for way in ways:
        NETWORK_FAULTS[name](way)
    try:
        with trial.within(LONGEST):
            await asyncio.gather(*(trial.revoke(one, told) for one in held))
        await asyncio.sleep(LEASE)
        if name not in PASSABLE:
            await asks_the_database(trial, len(ways))
    finally:
        for way in ways:
            way.heal()
    with trial.within(HEALED_SECONDS):
        await trial.leased()


async def asks_the_database(trial: Trial, count: int) -> None:
    """Return when so many workers have answered by the database lately."""
    for witness in trial.workers[:count]:
        await trial.says(Source.DATABASE, witness.name)


async def test_redis_behind_a_bad_network(
    database_url: str,
    own_redis_url: str,
    counted: Callable[[int, int], Iterator[int]],
    measured: Measured,
) -> None:
    async with trying(database_url, own_redis_url) as (trial, ways):
        for number in counted(26, rounds(1, 10)):
            for name in NETWORK_FAULTS:
                await suffer(trial, ways[: 1 + number % 2], name)
            await suffer(trial, ways, "silent")
        # PostgreSQL was there all the time.
        trial.check_answered()
    measured(trial.history)
