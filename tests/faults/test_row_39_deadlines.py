"""Row 39: no deadline, one of a millisecond, one that ends during a commit.

Every call is over in time, and no change is half done: what was asked for again is as if it had
been asked for once, and afterwards all that is stored agrees with all that callers were told.
"""

import asyncio
import random
import secrets
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass

import grpc
import pytest
from faults.harness.caller import Caller, Refused, device_of, insist
from faults.harness.check import check
from faults.harness.counts import rounds
from faults.harness.fleet import Fleet, Worker
from faults.harness.network import Network
from faults.harness.pace import Pace
from faults.harness.record import Record, SessionRecord
from support.postgres import Databases
from support.wire import Wire, framed

from tokenauthority.v1 import account_service_pb2 as account_pb
from tokenauthority.v1 import token_service_pb2 as pb
from tokenauthority_server.services.checking import FLOOR_SECONDS

Counted = Callable[[int, int], Iterator[int]]
Act = Callable[[Caller, SessionRecord], Awaitable[object]]
"""A call about a session: its answer, a refusal, or None when nobody knows what came of it."""

SLOW = 25
"""Milliseconds that PostgreSQL is away, each way: a change takes fifty, its commit the second half
of them."""
AT_ONCE = 8
FLOORS = {"Login": 2 * FLOOR_SECONDS}
"""What an RPC waits on purpose: the floor, and where PostgreSQL is slow the next one."""
STORE_SECONDS = 0.9
LATE = 1.0
"""Seconds that a busy machine may take besides what it has taken from this process."""


async def create(caller: Caller, session: SessionRecord) -> object:
    user = session.user_id
    return await caller.create(user, f"device-{secrets.token_hex(4)}", secrets.token_hex(8))


async def validate_many(caller: Caller, session: SessionRecord) -> object:
    tokens = [session.last.access_token] * 50
    return await caller.ask(
        caller.server.stub.BatchValidate, pb.BatchValidateRequest(tokens=tokens)
    )


async def list_sessions(caller: Caller, session: SessionRecord) -> object:
    request = pb.ListSessionsRequest(user_id=session.user_id)
    return await caller.ask(caller.server.stub.ListSessions, request)


async def fail_to_log_in(caller: Caller, session: SessionRecord) -> object:
    request = account_pb.LoginRequest(username=session.user_id, password="not the right one")
    return await caller.ask(caller.accounts.Login, request)


# Each RPC in a line: what `check` then compares is what its act has put on record.
RPCS: Mapping[str, Act] = {
    "CreatePair": create,
    "Refresh": lambda caller, session: caller.refresh(session),
    "Revoke of a session": lambda caller, session: caller.revoke_session(session),
    "Revoke of a token": lambda caller, session: caller.revoke_access_token(session),
    "Revoke of a user": lambda caller, session: caller.revoke_user(session.user_id),
    "Validate": lambda caller, session: caller.validate(session),
    "BatchValidate": validate_many,
    "ListSessions": list_sessions,
    "Login": fail_to_log_in,
    "Logout": lambda caller, session: caller.log_out(session),
    "LogoutAll": lambda caller, session: caller.log_out_everywhere(session),
}


def during_the_commit() -> float:
    return random.uniform(SLOW, 3 * SLOW) / 1000  # noqa: S311 - a moment, no secret


DEADLINES: Mapping[str, Callable[[], float | None]] = {
    "none": lambda: None,
    "a millisecond": lambda: 0.001,
    "during the commit": during_the_commit,
}


@dataclass(frozen=True)
class Slow:
    """A worker whose PostgreSQL is as far away as it is told to be."""

    worker: Worker
    network: Network
    database_url: str


@pytest.fixture(scope="module")
async def slow(databases: Databases, redis_url: str) -> AsyncIterator[Slow]:
    async with (
        databases.fresh() as url,
        Network.before(url) as network,
        Fleet.of(1, network.url, redis_url, CLOCK_LEEWAY_SECONDS="0") as fleet,
    ):
        yield Slow(fleet.workers[0], network, url)


async def opened(slow: Slow, record: Record, name: str, count: int) -> list[SessionRecord]:
    """So many sessions, of users of their own."""
    caller = Caller(record, slow.worker)
    return [await caller.open(f"u-39-{name}-{number}") for number in range(count)]


@pytest.mark.parametrize("rpc", RPCS)
@pytest.mark.timeout(120)
async def test_every_call_is_over_in_time_and_nothing_is_half_done(
    slow: Slow, record: Record, pace: Pace, counted: Counted, rpc: str
) -> None:
    # Guard: with a store that may take its time, calls without a deadline were over after 30 s.
    act, told = RPCS[rpc], Counter[str]()
    for number in counted(39, rounds(2, 100)):
        for name, deadline in DEADLINES.items():
            sessions = await opened(
                slow, record, f"{rpc}-{name}-{number}".replace(" ", "-"), AT_ONCE
            )

            async def call(
                session: SessionRecord,
                name: str = name,
                deadline: Callable[[], float | None] = deadline,
            ) -> None:
                wanted = deadline()
                # Without a deadline the answer is due when the store has had its time.
                bound = STORE_SECONDS + FLOORS.get(rpc, 0) if wanted is None else wanted
                caller = Caller(record, slow.worker, wanted)
                began, lost = time.monotonic(), pace.lost
                answer = await act(caller, session)
                taken = time.monotonic() - began - (pace.lost - lost)
                assert taken < bound + LATE, (rpc, name, taken)
                told[f"{name}: {'unknown' if answer is None else 'answered'}"] += 1

            slow.network.delay(SLOW)
            await asyncio.gather(*(call(session) for session in sessions))
            slow.network.heal()
    print(dict(told))  # noqa: T201 - says what the deadlines have hit
    assert told["none: answered"]
    await check(record, [slow.worker], slow.database_url)


async def test_a_silent_store_ends_calls_without_a_deadline(
    slow: Slow, record: Record, pace: Pace, counted: Counted
) -> None:
    # Guard: with ten times the time for the store, none of these was over in time.
    for number in counted(39, rounds(1, 20)):
        sessions = await opened(slow, record, f"silent-{number}", len(RPCS))
        slow.network.silence()
        caller = Caller(record, slow.worker, None)
        began, lost = time.monotonic(), pace.lost
        acts = zip(RPCS.values(), sessions, strict=True)
        await asyncio.gather(*(act(caller, session) for act, session in acts))
        # A question that found its connection dead is asked once more in the same time.
        assert time.monotonic() - began - (pace.lost - lost) < STORE_SECONDS + LATE
        slow.network.speak()
    await check(record, [slow.worker], slow.database_url)


async def test_a_change_whose_deadline_passed_here_is_found_when_asked_again(
    slow: Slow, record: Record, counted: Counted
) -> None:
    """The caller waits on, so that it is the authority that has to end the call."""
    path = "/tokenauthority.v1.TokenService/CreatePair"
    told = Counter[int | None]()
    for number in counted(39, rounds(10, 1_000)):
        user, request_id = f"u-39-wire-{number}", secrets.token_hex(8)
        request = pb.CreatePairRequest(
            subject=pb.Subject(user_id=user, username=user),
            device=device_of("laptop"),
            request_id=request_id,
        )
        slow.network.delay(SLOW)
        milliseconds = random.choice([1, int(1000 * during_the_commit())])  # noqa: S311 - likewise
        async with Wire.to(slow.worker.address) as wire:
            call = wire.open(path, more=[("grpc-timeout", f"{milliseconds}m")])
            await wire.write(call, framed(request.SerializeToString()), end=True)
            answer = await wire.answer(call, 5)
        slow.network.heal()
        told[answer.status] += 1
        assert answer.status in {0, grpc.StatusCode.DEADLINE_EXCEEDED.value[0]}, answer

        caller = Caller(record, slow.worker)

        async def again(
            caller: Caller = caller, user: str = user, request_id: str = request_id
        ) -> SessionRecord | Refused | None:
            return await caller.create(user, "laptop", request_id)

        session = await insist(again)
        assert isinstance(session, SessionRecord), session
        page = await slow.worker.stub.ListSessions(pb.ListSessionsRequest(user_id=user), timeout=5)
        assert [one.session_id for one in page.sessions] == [session.session_id]
        if answer.status == 0:
            first = pb.CreatePairResponse.FromString(answer.body[5:])
            assert first.pair.session_id == session.session_id
    print(dict(told))  # noqa: T201 - likewise
    await check(record, [slow.worker], slow.database_url)
