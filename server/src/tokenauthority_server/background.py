"""What is done beside the calls: watching the stores, and the upkeep, which comes round in turns.

Nothing of it ends the process, whatever goes wrong.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from functools import partial

import structlog

from tokenauthority_server.adapters.postgres.database import NAME as POSTGRES
from tokenauthority_server.adapters.postgres.database import Database
from tokenauthority_server.adapters.postgres.standbys import NONE_IS_WAITED_FOR, waits_for_none
from tokenauthority_server.adapters.redis.activity import RedisActivityLog
from tokenauthority_server.adapters.redis.connection import NAME as REDIS
from tokenauthority_server.adapters.redis.connection import Client, ping
from tokenauthority_server.adapters.redis.durability import setups
from tokenauthority_server.domain.errors import StartError, StoreUnavailableError
from tokenauthority_server.services.upkeep import Janitor
from tokenauthority_server.telemetry.metrics import JanitorSeries
from tokenauthority_server.transport.readiness import Readiness

STORE_WATCH_SECONDS = 1.0
REDIS_RETRY_SECONDS = 60.0
STANDBYS_RETRY_SECONDS = 60.0

TURN_SECONDS = 60.0
"""What is swept has outlived its use by minutes already, and is in nobody's way."""

SWEEP_SECONDS = 5.0
"""A small part of a turn, so that a great backlog is no steady load. A quarter of a million rows
go in it, and what is left goes in the next one."""

_log: structlog.typing.FilteringBoundLogger = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Chore:
    """Something to do again and again; `name` is for the log.

    What is `always` done needs no store, and does not wait until they are there.
    """

    name: str
    work: Callable[[], Awaitable[object]]
    every_seconds: float = TURN_SECONDS
    always: bool = False


async def work_beside_calls(
    readiness: Readiness,
    database: Database,
    redis: Client,
    activity: RedisActivityLog,
    chores: Iterable[Chore],
) -> None:
    """Do all of it until cancelled."""
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(activity.run())
        tasks.create_task(_watch(readiness, POSTGRES, database.revision))
        tasks.create_task(_watch(readiness, REDIS, partial(ping, redis)))
        tasks.create_task(_warn_of_redis(redis))
        tasks.create_task(_warn_of_standbys(database))
        for chore in chores:
            tasks.create_task(repeat(chore, readiness))


async def repeat(chore: Chore, readiness: Readiness) -> None:
    """Do the chore in each of its turns while the process is ready, or always, until cancelled.

    That it fails is logged when it begins to, and when it is over.
    """
    # Replicas that were started together would all come to the same rows at the same time.
    await asyncio.sleep(chore.every_seconds * random.random())  # noqa: S311 - no secret
    clock = asyncio.get_running_loop()
    failing = False
    while True:
        due = clock.time() + chore.every_seconds
        # Before that the schema may not be there; afterwards another replica does it.
        if chore.always or readiness.is_ready:
            failing = await _fails(chore, before=failing)
        await asyncio.sleep(due - clock.time())


async def _fails(chore: Chore, *, before: bool) -> bool:
    try:
        await chore.work()
    except Exception as error:  # noqa: BLE001 - it must not end the process
        if not before:
            # What an operator can mend says how.
            told = str(error) if isinstance(error, StartError) else getattr(error, "why", "")
            why = told or type(error).__name__
            _log.warning("upkeep fails", task=chore.name, why=why)
        return True
    if before:
        _log.info("upkeep works again", task=chore.name)
    return False


def janitor_chore(janitor: Janitor, series: JanitorSeries) -> Chore:
    """Return the sweeping of what matters no more, which counts and logs what it removes."""

    async def sweep() -> None:
        with series.seconds.time():
            try:
                done = await janitor.tidy(
                    SWEEP_SECONDS, lambda what, removed: series.removed[what].inc(removed)
                )
            except Exception:
                series.passes["failed"].inc()
                raise
        series.passes["done" if done.finished else "unfinished"].inc()
        series.last_success.set_to_current_time()
        removed = {what.value: count for what, count in done.removed.items() if count}
        if removed or done.months:
            _log.info("leftovers removed", **removed, months=done.months, finished=done.finished)

    return Chore("janitor", sweep)


async def _watch(
    readiness: Readiness, store: str, sign_of_life: Callable[[], Awaitable[object]]
) -> None:
    while True:
        try:
            await sign_of_life()
        except StoreUnavailableError as error:
            readiness.store_seen(store, up=False, why=error.why)
        except Exception as error:  # noqa: BLE001 - watching must not end the process
            readiness.store_seen(store, up=False, why=type(error).__name__)
        else:
            readiness.store_seen(store, up=True)
        await asyncio.sleep(STORE_WATCH_SECONDS)


async def _warn_of_redis(redis: Client) -> None:
    while not (found := await setups(redis)):  # noqa: ASYNC110 - Redis tells nobody
        await asyncio.sleep(REDIS_RETRY_SECONDS)
    policies = sorted({one.maxmemory_policy for one in found} - {"noeviction"})
    if policies:
        _log.warning(
            "Redis may throw away what is still needed; set maxmemory-policy to noeviction",
            maxmemory_policy=", ".join(policies),
        )
    alone = [one for one in found if 2 * one.min_replicas_to_write < one.replicas]
    if alone:
        _log.warning(
            "during a failover Redis may have two primaries that take writes, and who asks the old "
            "one hears of revocations seconds late; set min-replicas-to-write to half of the "
            "replicas or more",
            replicas=alone[0].replicas,
            min_replicas_to_write=alone[0].min_replicas_to_write,
        )


async def _warn_of_standbys(database: Database) -> None:
    while True:
        try:
            if await waits_for_none(database):
                _log.warning(NONE_IS_WAITED_FOR)
        except Exception:  # noqa: BLE001 - asked again: a warning must not end the process
            await asyncio.sleep(STANDBYS_RETRY_SECONDS)
        else:
            return
