"""Row 20: many sessions are opened at once by a user who may hold few."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import cycle, islice
from typing import Any

import asyncpg
import grpc
import pytest
from faults.harness.caller import reason_of, told
from faults.harness.counts import rounds
from faults.harness.fleet import Fleet
from faults.harness.guards import remove_guard, try_often
from faults.harness.served import Served
from faults.harness.tables import counted as counted_in
from faults.harness.tables import impossible_rows
from support.authority import serving
from support.callers import create_request
from support.failures import failure_of
from support.postgres import Connection

from tokenauthority.v1 import token_service_pb2 as pb

CREATIONS = 32
CAP = 5
LIVE = """
SELECT s.session_id FROM tokenauthority.sessions AS s JOIN tokenauthority.users AS u USING (user_id)
WHERE s.user_id = $1 AND s.ended_at IS NULL AND s.epoch = u.epoch AND s.refresh_expires_at > now()
ORDER BY s.created_at DESC, s.session_id DESC
"""
# By when each began and ended, which no look from outside can miss.
MOST_AT_ONCE = """
SELECT max((
    SELECT count(*) FROM tokenauthority.sessions AS o
    WHERE o.user_id = s.user_id AND o.created_at <= s.created_at
        AND (o.ended_at IS NULL OR o.ended_at > s.created_at)))
FROM tokenauthority.sessions AS s WHERE s.user_id = $1
"""


@dataclass
class Outcome:
    """What a round came to."""

    pairs: list[pb.TokenPair] = field(default_factory=list, repr=False)
    refused: list[tuple[grpc.StatusCode, str]] = field(default_factory=list)
    evicted_untold: int = 0
    """Those that ended before anybody was told of them."""
    live: list[str] = field(default_factory=list)
    """The sessions in the end, newest first."""
    seen: list[int] = field(default_factory=list)
    """How many lived, as often as somebody looked."""

    def split(self) -> tuple[list[pb.TokenPair], list[pb.TokenPair]]:
        """The pairs of sessions that live, and those that do not."""
        return (
            [pair for pair in self.pairs if pair.session_id in self.live],
            [pair for pair in self.pairs if pair.session_id not in self.live],
        )


@asynccontextmanager
async def looking(database_url: str, user_id: str, seen: list[int]) -> AsyncIterator[None]:
    """Look all the time how many sessions live."""
    connection = await asyncpg.connect(database_url)

    async def look() -> None:
        while True:
            seen.append(len(await connection.fetch(LIVE, user_id)))

    await connection.fetch(LIVE, user_id)  # the second time it is prepared
    looker = asyncio.create_task(look())
    try:
        yield
    finally:
        looker.cancel()
        await asyncio.wait({looker})
        await connection.close()


async def a_round(
    servers: Sequence[Served], database_url: str, database: Connection, user_id: str
) -> Outcome:
    """Open them all at once; there are never more than the cap, and as many in the end."""
    outcome = Outcome()
    async with looking(database_url, user_id, outcome.seen):
        answers = await asyncio.gather(
            *(opened(server, user_id) for server in islice(cycle(servers), CREATIONS))
        )
    for answer in answers:
        if isinstance(answer, pb.TokenPair):
            outcome.pairs.append(answer)
        elif answer[1] == "REQUEST_ID_SPENT":
            outcome.evicted_untold += 1
        else:
            outcome.refused.append(answer)
    outcome.live = [row["session_id"] for row in await database.fetch(LIVE, user_id)]
    at_once = await database.fetchval(MOST_AT_ONCE, user_id)
    assert max([at_once, *outcome.seen]) <= CAP, "above the cap"
    assert len(outcome.live) == CAP, "not the cap in the end"
    return outcome


async def opened(server: Served, user_id: str) -> pb.TokenPair | tuple[grpc.StatusCode, str]:
    """Its pair, or why there is none; asked for again where the machine is too busy to tell."""
    request = create_request(user_id)
    request.request_id = secrets.token_hex(8)
    try:
        return (await told(server.stub.CreatePair, request)).pair
    except grpc.aio.AioRpcError as error:
        return error.code(), reason_of(error)


async def assert_living(servers: Sequence[Served], pairs: Sequence[pb.TokenPair]) -> None:
    for server, pair in zip(cycle(servers), pairs, strict=False):
        for one in servers:
            verdict = await told(one.stub.Validate, pb.ValidateRequest(token=pair.access_token))
            assert verdict.active
        await told(server.stub.Refresh, pb.RefreshRequest(refresh_token=pair.refresh_token))


async def assert_evicted(servers: Sequence[Served], pairs: Sequence[pb.TokenPair]) -> None:
    """Nothing of these is good anywhere, and it is told why."""
    for server in servers:
        answer = await told(
            server.stub.BatchValidate,
            pb.BatchValidateRequest(tokens=[pair.access_token for pair in pairs]),
        )
        assert {(one.active, one.reason, one.revocation_reason) for one in answer.results} == {
            (False, pb.INACTIVE_REASON_SESSION_REVOKED, pb.REVOCATION_REASON_SESSION_LIMIT)
        }
    for server, pair in zip(cycle(servers), pairs, strict=False):
        request = pb.RefreshRequest(refresh_token=pair.refresh_token)
        failure = await failure_of(server.stub.Refresh(request))
        assert failure.reason == "SESSION_ENDED"


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Connection]:
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


async def test_the_oldest_make_room(
    database_url: str,
    database: Connection,
    redis_url: str,
    counted: Callable[[int, int], Iterator[int]],
) -> None:
    async with Fleet.of(2, database_url, redis_url, MAX_SESSIONS_PER_USER=str(CAP)) as fleet:
        for number in counted(20, rounds(2, 100)):
            user_id = f"u-20-{number}"
            outcome = await a_round(fleet.workers, database_url, database, user_id)

            assert len(outcome.pairs) + outcome.evicted_untold == CREATIONS
            living, evicted = outcome.split()
            newest = await database.fetch(
                """
                SELECT session_id FROM tokenauthority.sessions
                WHERE user_id = $1 ORDER BY created_at DESC, session_id DESC LIMIT $2
                """,
                user_id,
                CAP,
            )
            assert outcome.live == [row["session_id"] for row in newest]
            await assert_living(fleet.workers, living)
            await assert_evicted(fleet.workers, evicted)
            assert await counted_in(database, [user_id]) == {
                "created": CREATIONS,
                "refreshed": CAP,
                "revoked": CREATIONS - CAP,
            }
    assert not await impossible_rows(database)


async def test_those_beyond_the_cap_are_refused(
    database_url: str,
    database: Connection,
    redis_url: str,
    counted: Callable[[int, int], Iterator[int]],
) -> None:
    settings = {"MAX_SESSIONS_PER_USER": str(CAP), "SESSION_LIMIT_POLICY": "reject"}
    async with Fleet.of(2, database_url, redis_url, ready=True, **settings) as fleet:
        for number in counted(20, rounds(2, 100)):
            user_id = f"u-20-{number}"
            outcome = await a_round(fleet.workers, database_url, database, user_id)

            assert len(outcome.pairs) == CAP
            assert set(outcome.refused) == {
                (grpc.StatusCode.FAILED_PRECONDITION, "SESSION_LIMIT_REACHED")
            }
            await assert_living(fleet.workers, outcome.pairs)
            # Whoever leaves makes room for one.
            session_id = outcome.pairs[0].session_id
            await told(fleet.workers[0].stub.Revoke, pb.RevokeRequest(session_id=session_id))
            again = [await opened(worker, user_id) for worker in fleet.workers]
            assert [isinstance(one, pb.TokenPair) for one in again] == [True, False]
            assert await counted_in(database, [user_id]) == {
                "created": CAP + 1,
                "refreshed": CAP,
                "revoked": 1,
            }
    assert not await impossible_rows(database)


@pytest.mark.parametrize("policy", ["evict_oldest", "reject"])
async def test_without_its_guard_there_are_too_many(
    database_url: str, database: Connection, redis_url: str, policy: str
) -> None:
    # What makes the tests above pass is the lock of the user's row, which is not taken here.
    await remove_guard(database_url, "create_session", "FOR UPDATE")
    # A quick machine is rarely at two of them at once, unless each takes its time.
    counting = "PERFORM tokenauthority.count_v1(p_user_id, p_device_id, 'created', 1);"
    await remove_guard(
        database_url, "create_session", counting, f"PERFORM pg_sleep(0.005); {counting}"
    )
    settings: dict[str, Any] = {"MAX_SESSIONS_PER_USER": str(CAP), "SESSION_LIMIT_POLICY": policy}
    async with serving(database_url, redis_url, ready=True, **settings) as authority:

        async def one(number: int) -> None:
            await a_round([authority], database_url, database, f"u-20-{number}")

        with pytest.raises(AssertionError, match="the cap"):
            await try_often(one)
