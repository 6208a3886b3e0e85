"""Row 28: a worker is killed between a commit and its reply.

There is nothing behind the database that could lag: asked again, another worker knows at once.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial

from faults.harness.caller import Caller, insist
from faults.harness.check import check
from faults.harness.counts import rounds
from faults.harness.fleet import Fleet, Worker
from faults.harness.record import Record, SessionRecord

from tokenauthority.v1 import token_service_pb2 as pb

CALLS = 24
AT_ONCE = 8
MORE = 10
"""Rounds that are added at most until something was done and not told, as in nearly every round."""


async def sessions_of(caller: Caller, name: str) -> list[SessionRecord]:
    # A few at a time: a burst on busy processors may find no connection in time.
    sessions = []
    for one in range(0, CALLS, AT_ONCE):
        users = [f"u-{name}-{one + number}" for number in range(AT_ONCE)]
        sessions += await asyncio.gather(*(caller.open(user) for user in users))
    return sessions


async def killed_meanwhile(
    record: Record, victim: Worker, sessions: list[SessionRecord]
) -> tuple[list[SessionRecord], list[SessionRecord]]:
    """Kill it as soon as it has answered anything; return whom it owes a refresh, and an end."""
    caller = Caller(record, victim)
    half = len(sessions) // 2
    refreshing = {one: asyncio.ensure_future(caller.refresh(one)) for one in sessions[:half]}
    ending = {one: asyncio.ensure_future(caller.revoke_session(one)) for one in sessions[half:]}
    calls = [*refreshing.values(), *ending.values()]
    await asyncio.wait(calls, return_when=asyncio.FIRST_COMPLETED)
    await asyncio.sleep(random.uniform(0, 0.003))  # noqa: S311 - a moment, no secret
    await victim.kill()
    await asyncio.gather(*calls)
    return (
        [session for session, call in refreshing.items() if call.result() is None],
        [session for session, call in ending.items() if call.result() is None],
    )


async def ask_again(
    record: Record, other: Worker, refreshing: list[SessionRecord], ending: list[SessionRecord]
) -> Counter[str]:
    """What was done already when another worker was asked."""
    caller = Caller(record, other)
    done: Counter[str] = Counter()
    for session in refreshing:
        refreshed = await insist(partial(caller.refresh, session))
        assert isinstance(refreshed, pb.RefreshResponse), refreshed
        assert await insist(partial(caller.validate, session))
        done["refreshed"] += refreshed.replayed
    for session in ending:
        before = await insist(partial(caller.validate, session))
        ended = await insist(partial(caller.revoke_session, session))
        assert isinstance(ended, pb.RevokeResponse), ended
        assert before or not ended.revoked_sessions
        assert not await insist(partial(caller.validate, session))
        done["ended"] += not ended.revoked_sessions
    return done


async def a_round(record: Record, fleet: Fleet, name: str) -> Counter[str]:
    victim, other = random.sample(fleet.workers, 2)
    sessions = await sessions_of(Caller(record, other), name)
    refreshing, ending = await killed_meanwhile(record, victim, sessions)
    done = await ask_again(record, other, refreshing, ending)
    await victim.start()
    return done


async def test_what_was_done_and_not_told_is_known_to_the_others(
    database_url: str,
    redis_url: str,
    record: Record,
    counted: Callable[[int, int], Iterator[int]],
) -> None:
    # Guard: with successors under a key of each process's own instead of a shared one, a refresh
    # that was done and not told could not be repeated elsewhere.
    done: Counter[str] = Counter()
    async with Fleet.of(2, database_url, redis_url) as fleet:
        for number in counted(28, rounds(1, 100)):
            done += await a_round(record, fleet, f"28-{number}")
        for number in range(MORE):
            if done["refreshed"] and done["ended"]:
                break
            done += await a_round(record, fleet, f"28-more-{number}")
        await check(record, fleet.workers, database_url)
    assert done["refreshed"]
    assert done["ended"]
