"""Row 18: sessions are opened while all that their user holds is revoked."""

import asyncio
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import asyncpg
import pytest
from faults.harness.caller import Caller, Refused, told
from faults.harness.check import check
from faults.harness.counts import rounds
from faults.harness.fleet import Fleet
from faults.harness.guards import remove_guard, try_often
from faults.harness.record import Record, SessionRecord
from faults.harness.served import Served
from faults.harness.tokens import claims_of
from support.authority import serving
from support.postgres import Connection

from tokenauthority.v1 import token_service_pb2 as pb

CREATIONS = 6
SECONDS = 0.01
"""Within which all of them and the revocation are sent."""


@dataclass
class Outcome:
    """How many of the racing sessions died, and how many were opened after the revocation."""

    died: int = 0
    lived: int = 0


async def a_round(
    record: Record,
    servers: Sequence[Served],
    database: Connection,
    user_id: str,
    chance: random.Random,
) -> Outcome:
    """Let them race; then each session is dead everywhere, or was opened after the revocation."""
    callers = [Caller(record, servers[number % len(servers)]) for number in range(CREATIONS)]
    held = await callers[0].open(user_id)

    async def opened(caller: Caller) -> SessionRecord:
        await asyncio.sleep(chance.uniform(0, SECONDS))
        return await caller.open(user_id)

    async def revoked() -> int | None:
        await asyncio.sleep(chance.uniform(0, SECONDS))
        caller = Caller(record, servers[-1])
        answer = await caller.revoke_user(user_id)
        assert not isinstance(answer, Refused), answer
        return answer and answer.revoked_sessions

    count, sessions = await asyncio.gather(
        revoked(), asyncio.gather(*(opened(one) for one in callers))
    )
    if count is None:
        return Outcome()  # too busy to tell: it showed nothing

    living = await accepted_everywhere(servers, [held, *sessions])
    assert held.session_id not in living
    listed = [
        await told(servers[at].stub.ListSessions, pb.ListSessionsRequest(user_id=user_id))
        for at in range(len(servers))
    ]
    assert all({one.session_id for one in page.sessions} == living for page in listed)
    epoch = await database.fetchval(
        "SELECT epoch FROM tokenauthority.users WHERE user_id = $1", user_id
    )
    for session in sessions:
        after = claims_of(session.first.access_token)["epoch"] >= epoch
        assert after == (session.session_id in living)
    died = len(sessions) - len(living)
    assert count == 1 + died, "a session died that the revocation did not count"
    return Outcome(died, len(living))


async def accepted_everywhere(
    servers: Sequence[Served], sessions: Sequence[SessionRecord]
) -> set[str]:
    """The sessions whose tokens are good, about which all servers have to agree."""
    verdicts = set()
    for server in servers:
        for name, kind in (
            ("access_token", pb.TOKEN_TYPE_ACCESS),
            ("refresh_token", pb.TOKEN_TYPE_REFRESH),
        ):
            tokens = [getattr(one.first, name) for one in sessions]
            answer = await told(
                server.stub.BatchValidate,
                pb.BatchValidateRequest(tokens=tokens, expected_type=kind),
            )
            verdicts.add(tuple(one.active for one in answer.results))
    (agreed,) = verdicts
    return {one.session_id for one, active in zip(sessions, agreed, strict=True) if active}


async def test_a_session_dies_or_was_opened_after(
    fleet: Fleet,
    fleet_database: Connection,
    record: Record,
    counted: Callable[[int, int], Iterator[int]],
) -> None:
    chance = random.Random(18)  # noqa: S311 - no secret
    sum_of = Outcome()
    for number in counted(18, rounds(15, 1_000)):
        outcome = await a_round(record, fleet.workers, fleet_database, f"u-18-{number}", chance)
        sum_of.died += outcome.died
        sum_of.lived += outcome.lived

    assert sum_of.died, "the revocations always came first"
    assert sum_of.lived, "the revocations always came last"
    await check(record, fleet.workers, fleet.database_url)


async def test_without_its_guard_a_creation_overlaps_the_revocation(
    database_url: str, redis_url: str, record: Record
) -> None:
    # What orders the two is the lock of the user's row, which creations do not take here.
    await remove_guard(database_url, "create_session", "FOR UPDATE")
    chance = random.Random(18)  # noqa: S311 - no secret
    connection = await asyncpg.connect(database_url)
    async with serving(database_url, redis_url) as authority:

        async def one(number: int) -> None:
            await a_round(record, [authority], connection, f"u-18-{number}", chance)

        with pytest.raises(AssertionError, match="did not count"):
            await try_often(one)
    await connection.close()
