"""Row 15: the reply to a refresh is lost, and its caller asks again."""

import asyncio
import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress

import pytest
from faults.harness.caller import Caller, insist
from faults.harness.check import check
from faults.harness.counts import rounds
from faults.harness.fleet import Fleet
from faults.harness.record import Record, SessionRecord
from faults.harness.served import Served
from support.authority import serving

from tokenauthority.v1 import token_service_pb2 as pb

SESSIONS = 8
"""Refreshed at the same time, so a moment is taken from how long a refresh then lasts."""


async def usual_seconds(callers: Sequence[Caller], sessions: Sequence[SessionRecord]) -> float:
    for _ in range(2):  # the second time everything is warm
        began = time.monotonic()
        await asyncio.gather(
            *(caller.refresh(one) for caller, one in zip(callers, sessions, strict=True))
        )
        usual = time.monotonic() - began
    return usual


async def a_round(caller: Caller, session: SessionRecord, seconds: float, other: Served) -> bool:
    """Hang up after so long, then ask again elsewhere; return whether it had been done."""
    presented = session.last.refresh_token
    asking = asyncio.create_task(caller.refresh(session, presented))
    await asyncio.sleep(seconds)
    asking.cancel()
    with suppress(asyncio.CancelledError):
        await asking
    caller.server = other
    again = await insist(lambda: caller.refresh(session, presented))
    # By the record a refusal is a fault, since nobody ended the session; so is another pair.
    assert isinstance(again, pb.RefreshResponse), again
    return again.replayed


async def lose_replies(
    servers: Sequence[Served], record: Record, numbers: Iterator[int], seed: int
) -> tuple[int, int]:
    """Do the rounds; return how many of them had been done, and how many had not."""
    chance = random.Random(seed)  # noqa: S311 - no secret
    callers = [Caller(record, servers[number % len(servers)]) for number in range(SESSIONS)]
    sessions = [await caller.open(f"u-15-{seed}-{number}") for number, caller in enumerate(callers)]
    usual = await usual_seconds(callers, sessions)
    outcomes = [0, 0]

    async def go_on(caller: Caller, session: SessionRecord) -> None:
        for _ in numbers:
            seconds = chance.uniform(0, usual / 2)
            outcomes[await a_round(caller, session, seconds, chance.choice(servers))] += 1

    await asyncio.gather(*(go_on(*pair) for pair in zip(callers, sessions, strict=True)))
    return outcomes[True], outcomes[False]


async def test_asking_again_gives_the_pair(
    fleet: Fleet, record: Record, counted: Callable[[int, int], Iterator[int]]
) -> None:
    done, not_done = await lose_replies(
        fleet.workers, record, counted(15, rounds(200, 5_000)), seed=1
    )

    # Some had been cancelled before they did anything, some after: else it showed little.
    assert done > 0
    assert not_done > 0
    await check(record, fleet.workers, fleet.database_url)


async def test_without_the_window_a_lost_reply_ends_the_session(
    database_url: str, redis_url: str, record: Record
) -> None:
    # What makes the test above pass is that the parent gets its successor for a while.
    async with serving(database_url, redis_url, REFRESH_GRACE_SECONDS="0") as authority:
        with pytest.raises(AssertionError, match="REFRESH_TOKEN_REUSED"):
            await lose_replies([authority], record, iter(range(200)), seed=2)
