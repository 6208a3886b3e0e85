"""Row 28: a worker is killed between a commit and the log.

Redis hears nothing of what it has committed. The others find it in the database.
"""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager

import asyncpg
import pytest
from faults.harness.counts import rounds
from faults.harness.fleet import Fleet
from faults.harness.forms import FORMS, Holding
from faults.harness.history import CONVERGES
from faults.harness.network import Network
from faults.harness.report import Measured
from faults.harness.trial import Trial

COMMIT_SECONDS = 5.0


@asynccontextmanager
async def trying(
    database_url: str, redis_url: str, *, without: str = "", clients: int = 2
) -> AsyncIterator[tuple[Trial, list[Network]]]:
    """Two workers, each with a way of its own to Redis."""
    async with AsyncExitStack() as stack:
        ways = [await stack.enter_async_context(Network.before(redis_url)) for _ in range(2)]
        fleet = await stack.enter_async_context(
            Fleet.of(2, database_url, [way.url for way in ways], without=without)
        )
        yield await stack.enter_async_context(Trial.of(fleet, "28", clients=clients)), ways


async def has_ended(database_url: str, one: Holding) -> bool:
    """Whether the session's end is committed."""
    connection = await asyncpg.connect(database_url)
    try:
        ended = "SELECT ended_at IS NOT NULL FROM tokenauthority.sessions WHERE session_id = $1"
        return bool(await connection.fetchval(ended, one.pair.session_id))
    finally:
        await connection.close()


async def kill_before_the_log(trial: Trial, ways: list[Network], number: int) -> bool:
    """Kill a worker that has committed an end and says so to Redis; return whether it was so."""
    at = number % 2
    victim, other = trial.fleet.workers[at], trial.fleet.workers[1 - at]
    one = await trial.issue()
    # In quotes it stands in an entry of the log; without them it is the use of a session.
    appending = ways[at].swallow_from(f'"{one.pair.session_id}"'.encode())
    trial.history.revoking(one.name)
    answer = asyncio.ensure_future(FORMS["session"](victim, one))
    await asyncio.wait_for(appending.wait(), COMMIT_SECONDS)
    # However long it takes to look, it gets no further.
    victim.signal(signal.SIGSTOP)
    assert await has_ended(trial.fleet.database_url, one)
    trial.history.committed(one.name)
    await victim.kill()
    told = not isinstance((await asyncio.gather(answer, return_exceptions=True))[0], Exception)
    if number % 4 < 2:
        # Asked again, another one says that it is so everywhere: then it is.
        await trial.finish(one, "a worker that was killed", at=other)
    ways[at].heal()
    await victim.start()
    await trial.leased()
    trial.history.check()
    return not told


async def test_the_others_find_it(
    database_url: str,
    own_redis_url: str,
    counted: Callable[[int, int], Iterator[int]],
    measured: Measured,
) -> None:
    async with trying(database_url, own_redis_url) as (trial, ways):
        hit = [await kill_before_the_log(trial, ways, one) for one in counted(28, rounds(3, 100))]
        assert all(hit)
    measured(trial.history)


async def kill_and_wait(database_url: str, redis_url: str, without: str) -> None:
    async with trying(database_url, redis_url, without=without, clients=0) as (trial, ways):
        # None of these is asked again.
        await kill_before_the_log(trial, ways, 2)
        await asyncio.sleep(CONVERGES)


async def test_without_looking_into_the_database_it_is_lost(
    database_url: str, own_redis_url: str
) -> None:
    with pytest.raises(AssertionError, match="R2, still accepted"):
        await kill_and_wait(database_url, own_redis_url, "healing")
