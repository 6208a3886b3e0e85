"""Row 16: a session is refreshed while it is revoked."""

import asyncio
import random
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import cycle

import pytest
from faults.harness.caller import Caller, Refused, insist
from faults.harness.check import check, check_answers
from faults.harness.counts import rounds
from faults.harness.fleet import Fleet
from faults.harness.record import Record, SessionRecord, State
from faults.harness.served import Served
from support.authority import serving

from tokenauthority.v1 import token_service_pb2 as pb
from tokenauthority_server.adapters.postgres import statements

MOST_REFRESHES = 5
"""After the acknowledgement, where none should be granted."""
SECONDS_TO_THE_END = 20
SECONDS = 0.01
"""Until the revocation is sent, at most: some refreshes are answered before it, some after."""
TARGETS = ("token", "session", "user")


async def revoke(caller: Caller, session: SessionRecord, target: str, seconds: float) -> None:
    await asyncio.sleep(seconds)
    match target:
        case "token":
            answer = await insist(lambda: caller.revoke_by_refresh_token(session))
        case "session":
            answer = await insist(lambda: caller.revoke_session(session))
        case _:
            answer = await insist(lambda: caller.revoke_user(session.user_id))
    assert isinstance(answer, pb.RevokeResponse), answer


async def refresh_to_the_end(caller: Caller, session: SessionRecord) -> None:
    """Refresh again and again until it is refused."""
    after_the_end = 0
    async with asyncio.timeout(SECONDS_TO_THE_END):
        while after_the_end < MOST_REFRESHES:
            begun = time.monotonic()
            answer = await caller.refresh(session)
            if isinstance(answer, Refused):
                assert answer == Refused("SESSION_ENDED")
                return
            after_the_end += caller.record.state(session, begun, begun) is State.ENDED
    raise AssertionError("refreshed after the acknowledgement, and still not refused")


async def a_round(
    record: Record, servers: Sequence[Served], user_id: str, target: str, seconds: float
) -> int:
    """Let the two race; then nothing of it is good anywhere. Return how many pairs it minted."""
    one, other = Caller(record, servers[0]), Caller(record, servers[-1])
    session = await one.open(user_id)
    await asyncio.gather(refresh_to_the_end(one, session), revoke(other, session, target, seconds))
    for server in servers:
        caller = Caller(record, server)
        for pair in list(session.pairs):
            # What is accepted is recorded as a fault.
            await caller.validate(session, pair.access_token)
            await caller.refresh(session, pair.refresh_token)
    return len(session.successors)


async def test_nothing_survives_the_acknowledgement(
    fleet: Fleet, record: Record, counted: Callable[[int, int], Iterator[int]]
) -> None:
    chance = random.Random(16)  # noqa: S311 - no secret
    minted = 0
    for number, target in zip(counted(16, rounds(21, 1_000)), cycle(TARGETS), strict=False):
        seconds = chance.uniform(0, SECONDS)
        minted += await a_round(record, fleet.workers, f"u-16-{number}", target, seconds)
        assert not record.faults, record.faults

    assert minted, "the revocations always came first"
    await check(record, fleet.workers, fleet.database_url)


@pytest.mark.parametrize(
    "case",
    [("session", "AND s.ended_at IS NULL"), ("user", "AND s.epoch >= u.epoch")],
    ids=("session", "user"),
)
async def test_without_its_guard_a_refresh_survives(
    database_url: str,
    redis_url: str,
    record: Record,
    monkeypatch: pytest.MonkeyPatch,
    case: tuple[str, str],
) -> None:
    # What makes the test above pass are these conditions, which are taken away here.
    target, guard = case
    assert statements.ROTATE.count(guard) == 1
    monkeypatch.setattr(statements, "ROTATE", statements.ROTATE.replace(guard, ""))
    async with serving(database_url, redis_url) as authority:
        with pytest.raises(AssertionError, match="still not refused"):
            await a_round(record, [authority], "u-16", target, SECONDS)
        with pytest.raises(AssertionError, match="refreshed after its end"):
            await check_answers(record, [authority])
