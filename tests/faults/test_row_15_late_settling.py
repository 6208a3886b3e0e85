"""Row 15: what goes on for a caller who has gone must not take what it asked since for theft."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial

import asyncpg
from faults.harness.caller import Caller, insist
from faults.harness.check import check
from faults.harness.fleet import Fleet, Worker
from faults.harness.record import Record
from faults.harness.under_way import calls_under_way
from support.postgres import Connection
from support.waiting import eventually

from tokenauthority.v1 import token_service_pb2 as pb

POOL = 10
"""The connections that one worker has for changes."""
ATTEMPTS = 5
USERS = "LOCK TABLE tokenauthority.users IN ACCESS EXCLUSIVE MODE"
OTHERS = "SELECT FROM tokenauthority.sessions WHERE user_id LIKE 'u-15-other-%' FOR UPDATE"


@asynccontextmanager
async def locked(database_url: str, what: str) -> AsyncIterator[None]:
    connection = await asyncpg.connect(database_url)
    async with connection.transaction():
        await connection.execute(what)
        yield
    await connection.close()


async def lock_waits(database: Connection, kind: str, count: int) -> None:
    """Return when so many wait for a lock of this kind."""

    async def are_waiting() -> bool:
        found: int = await database.fetchval(
            """
            SELECT count(*) FROM pg_stat_activity
            WHERE datname = current_database() AND wait_event_type = 'Lock' AND wait_event = $1
            """,
            kind,
        )
        return found == count

    await eventually(are_waiting)


async def so_busy(worker: Worker, count: int) -> None:
    """Return when so many calls are under way."""

    async def is_so_busy() -> bool:
        return await calls_under_way(worker.http) == count

    await eventually(is_so_busy)


async def a_caller_goes(fleet: Fleet, database: Connection, record: Record, user_id: str) -> bool:
    """Let a caller go when all that is left is to see why its token is not the current one.

    Return whether it went in time, before the call was given up anyway.
    """
    busy, idle = fleet.workers
    caller = Caller(record, idle)
    session = await caller.open(user_id)
    others = [await caller.open(f"u-15-other-{user_id}-{at}") for at in range(POOL + 1)]
    # The first reply is lost, let us say.
    first = session.last.refresh_token
    await insist(lambda: caller.refresh(session, first))

    async with locked(fleet.database_url, OTHERS):
        async with locked(fleet.database_url, USERS):
            # So the token is presented again. All connections are taken meanwhile.
            again = asyncio.create_task(Caller(record, busy).refresh(session, first))
            await lock_waits(database, "relation", 1)
            taking = [asyncio.create_task(Caller(record, busy).refresh(one)) for one in others]
            await lock_waits(database, "relation", POOL)
            await so_busy(busy, 1 + len(others))
        # It was not the current one. Nobody can see why: its connection is another's by now.
        await lock_waits(database, "transactionid", POOL)
        in_time = not again.done()
        again.cancel()
        with suppress(asyncio.CancelledError):
            await again
        # The caller asks elsewhere, gets the pair, and uses it.
        for presented in (first, session.last.refresh_token):
            answer = await insist(partial(caller.refresh, session, presented))
            assert isinstance(answer, pb.RefreshResponse), answer
    await asyncio.gather(*taking)
    await so_busy(busy, 0)
    return in_time


async def test_a_caller_who_has_gone_is_not_settled_late(
    fleet: Fleet, fleet_database: Connection, record: Record
) -> None:
    # Guards: where changes went on to be begun for callers who had gone, and SETTLE did not ask
    # whether the token was good when it arrived, the session was ended as if by theft. Either of
    # the two is enough here.
    for attempt in range(ATTEMPTS):
        if await a_caller_goes(fleet, fleet_database, record, f"u-15-late-{attempt}"):
            break
    else:
        raise AssertionError(f"in none of {ATTEMPTS} attempts the caller went in time")

    # With its own refreshes this gives what was left behind all the time that it needs.
    await check(record, fleet.workers, fleet.database_url)
