"""WatchRevocations over a real connection: what watchers get, and how their streams end."""

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import grpc
import pytest
from prometheus_client import CollectorRegistry
from support.failures import failure_of
from support.waiting import until
from unit.revocation.passing_on import EXPIRE_TIME, FakeTicks, FakeVerifier, at
from unit.transport.fakes import CALLER, Script, fake_use_cases
from unit.transport.serving import Served, serving

from tokenauthority.v1 import token_service_pb2 as pb
from tokenauthority.v1.token_service_pb2_grpc import TokenServiceStub
from tokenauthority_server.domain.callers import Admission, Caller, Rights
from tokenauthority_server.domain.revocation_ports import Standing
from tokenauthority_server.domain.revocations import Fact, FactKind, LiveFact, RevocationReason
from tokenauthority_server.domain.watch_ports import LONGEST_CURSOR, WatchMode
from tokenauthority_server.revocation.cursors import cursor_of
from tokenauthority_server.revocation.leases import Terms
from tokenauthority_server.revocation.watching import Watching
from tokenauthority_server.telemetry.metrics import Metrics
from tokenauthority_server.transport import watch
from tokenauthority_server.transport.policy import POLICIES
from tokenauthority_server.transport.token_service import token_service
from tokenauthority_server.transport.watch import WatchCall
from tokenauthority_server.transport.watch_messages import WatchMessages

SECONDS = 10
Request = pb.WatchRevocationsRequest
Call = grpc.aio.StreamStreamCall[Request, pb.WatchRevocationsResponse]
STRICT = Request(mode=pb.WATCH_MODE_STRICT)
RELAXED = Request(mode=pb.WATCH_MODE_RELAXED)
NOT_TOLD_WHY = "not-told-why"
KINDS = [
    Fact(kind=FactKind.TOKEN, user_id="u", target="jti", reason=RevocationReason.LOGOUT),
    Fact(kind=FactKind.SESSION, user_id="u", target="sess", reason=RevocationReason.ADMIN),
    Fact(kind=FactKind.KEY, user_id="", target="kid", reason=RevocationReason.KEY_REVOKED),
    Fact(
        kind=FactKind.USER,
        user_id="u",
        target="",
        reason=RevocationReason.LOGOUT_ALL,
        epoch=2**40,
        except_session_id="sess",
    ),
    Fact(
        kind=FactKind.PROFILE,
        user_id="u",
        target="",
        reason=RevocationReason.PROFILE_CHANGED,
        epoch=7,
    ),
]


def identify(context: Any) -> Admission:
    """Say that it is the caller who may do all, or one who may not see reasons."""
    blind = NOT_TOLD_WHY in dict(context.invocation_metadata())
    caller = Caller(name="shop", rights=Rights()) if blind else CALLER
    return Admission(caller=caller, rpcs=frozenset(POLICIES))


class World:
    """A server whose verifier does what a test says."""

    def __init__(self, served: Served, verifier: FakeVerifier, registry: CollectorRegistry) -> None:
        self.served = served
        self.verifier = verifier
        self._registry = registry

    def watch(
        self, *requests: Request, channel: grpc.aio.Channel | None = None, told_why: bool = True
    ) -> Call:
        """Open a stream, and send this on it; more may be written."""
        stub = TokenServiceStub(channel or self.served.channel)
        call = stub.WatchRevocations(metadata=() if told_why else ((NOT_TOLD_WHY, "1"),))

        async def send() -> None:
            for request in requests:
                await call.write(request)

        call.sending = asyncio.ensure_future(send())  # type: ignore[attr-defined] # kept so
        return call

    def sample(self, name: str, **labels: str) -> float:
        found = self._registry.get_sample_value(f"tokenauthority_{name}", labels)
        assert found is not None
        return found


@pytest.fixture
async def world() -> AsyncIterator[World]:
    registry = CollectorRegistry()
    series = Metrics(registry, version="1").watches(mode.name for mode in WatchMode)
    verifier = FakeVerifier(lease=300.0)
    watching = Watching(encoder=WatchMessages(), ticks=verifier.ticks, terms=Terms(300.0))
    watching.attach(verifier)
    verifier.watching = watching  # type: ignore[assignment] # it only tells it
    verifier.begin(at(1))
    verifier.hold()
    use_cases = replace(fake_use_cases(Script()), watches=WatchCall(watching, series))
    async with serving(token_service(use_cases), identify=identify) as served:
        yield World(served, verifier, registry)


def cursor(number: int) -> str:
    return cursor_of(Standing("one", at(number)))


async def read(call: Call) -> pb.WatchRevocationsResponse:
    async with asyncio.timeout(SECONDS):
        message = await call.read()
    assert isinstance(message, pb.WatchRevocationsResponse)
    return message


async def ends(call: Call) -> grpc.StatusCode:
    """Read until the stream ends; return how."""
    async with asyncio.timeout(SECONDS):
        try:
            while await call.read() is not grpc.aio.EOF:
                pass
        except grpc.aio.AioRpcError:
            pass
        code = await call.code()
    assert isinstance(code, grpc.StatusCode)
    return code


async def test_every_kind_of_fact_comes_as_the_contract_has_it(world: World) -> None:
    facts = [LiveFact(fact, EXPIRE_TIME, EXPIRE_TIME - datetime.now(UTC)) for fact in KINDS]
    world.verifier.view.facts = facts
    call = world.watch(RELAXED)
    told = [await read(call), await read(call)]
    assert [one.snapshot.complete for one in told] == [False, True]
    assert [one.cursor for one in told] == ["", cursor(1)]
    first, second, third, fourth, fifth = told[0].snapshot.facts
    assert first.token_id == "jti"
    assert first.reason == pb.REVOCATION_REASON_LOGOUT
    assert first.expire_time.ToDatetime(UTC) == EXPIRE_TIME
    assert second.session_id == "sess"
    assert third.key_id == "kid"
    assert fourth.user_epoch == pb.UserEpoch(user_id="u", epoch=2**40, except_session_id="sess")
    assert fifth.user_profile == pb.UserProfile(user_id="u", profile_epoch=7)
    encoder = WatchMessages()
    for live, message in zip(facts, told[0].snapshot.facts, strict=True):
        assert message.ByteSize() + 4 <= encoder.size(live)
    call.cancel()


async def test_who_may_not_see_reasons_is_told_none(world: World) -> None:
    facts = [LiveFact(fact, EXPIRE_TIME, EXPIRE_TIME - datetime.now(UTC)) for fact in KINDS]
    world.verifier.view.facts = facts
    calls = [world.watch(RELAXED, told_why=told_why) for told_why in (True, False, False)]
    sees, *others = [[await read(call), await read(call)] for call in calls]
    for one in sees[0].snapshot.facts:
        assert one.reason
        one.reason = pb.REVOCATION_REASON_UNSPECIFIED
    assert others == [sees, sees]

    world.verifier.apply(2, "a")
    sees, *others = [[await read(call)] for call in calls]
    (fact,) = sees[0].revocations.facts
    assert fact.reason
    fact.reason = pb.REVOCATION_REASON_UNSPECIFIED
    assert others == [sees, sees]
    for call in calls:
        call.cancel()


async def test_facts_come_as_they_are_applied_and_reports_are_answered(world: World) -> None:
    call = world.watch(STRICT)
    assert (await read(call)).snapshot.complete
    await call.write(Request(applied_cursor=cursor(1), report_id=1))
    answer = await read(call)
    assert answer.cursor == cursor(1)
    assert answer.heartbeat.answered_report_id == 1
    assert answer.heartbeat.lease.ToTimedelta().total_seconds() == pytest.approx(1.9)
    world.verifier.apply(2, "a")
    told = await read(call)
    assert told.cursor == cursor(2)
    assert [fact.token_id for fact in told.revocations.facts] == ["a"]
    assert world.verifier.report() == at(1)
    await call.write(Request(applied_cursor=cursor(2), report_id=2))
    await read(call)
    assert world.verifier.report() == at(2)
    call.cancel()


async def test_a_stream_is_resumed_by_its_cursor(world: World) -> None:
    world.verifier.apply(2, "a")
    world.verifier.apply(3, "b")
    call = world.watch(Request(mode=pb.WATCH_MODE_RELAXED, resume_cursor=cursor(2)))
    assert [fact.token_id for fact in (await read(call)).revocations.facts] == ["b"]
    call.cancel()


async def test_whoever_has_nothing_more_to_say_may_go_on_listening(world: World) -> None:
    call = world.watch(RELAXED)
    await read(call)
    await call.done_writing()
    world.verifier.apply(2, "a")
    assert [fact.token_id for fact in (await read(call)).revocations.facts] == ["a"]
    call.cancel()


@pytest.mark.parametrize(
    ("request_", "fields"),
    [
        (Request(), ["mode"]),
        (Request(mode=9), ["mode"]),  # type: ignore[arg-type] # as another release may send it
        (Request(mode=pb.WATCH_MODE_STRICT, resume_cursor="?"), ["resume_cursor"]),
        (
            Request(mode=pb.WATCH_MODE_STRICT, resume_cursor="x" * (LONGEST_CURSOR + 1)),
            ["resume_cursor"],
        ),
        (
            Request(mode=pb.WATCH_MODE_STRICT, applied_cursor="x", report_id=1),
            ["applied_cursor", "report_id"],
        ),
    ],
)
async def test_a_first_request_that_breaks_a_rule_is_refused(
    world: World, request_: Request, fields: list[str]
) -> None:
    failure = await failure_of(world.watch(request_).read())
    assert failure.code is grpc.StatusCode.INVALID_ARGUMENT
    assert list(failure.violations) == fields


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        (Request(mode=pb.WATCH_MODE_STRICT, report_id=1), "mode"),
        (Request(resume_cursor=cursor(1), report_id=1), "resume_cursor"),
        (Request(applied_cursor="x" * (LONGEST_CURSOR + 1), report_id=1), "applied_cursor"),
        (Request(applied_cursor="?", report_id=1), "applied_cursor"),
        (Request(applied_cursor=cursor(9), report_id=1), "applied_cursor"),
        (Request(report_id=1), "applied_cursor"),
        (Request(applied_cursor=cursor(1)), "report_id"),
    ],
)
async def test_a_report_that_breaks_a_rule_ends_the_stream(
    world: World, request_: Request, field: str
) -> None:
    call = world.watch(STRICT)
    await read(call)
    await call.write(request_)
    failure = await failure_of(call.read())
    assert failure.code is grpc.StatusCode.INVALID_ARGUMENT
    assert list(failure.violations) == [field]


@pytest.mark.parametrize("before", [[], [STRICT.SerializeToString()]])
async def test_bytes_that_are_no_request_are_told_as_such(
    world: World, before: list[bytes]
) -> None:
    method = "/tokenauthority.v1.TokenService/WatchRevocations"
    open_stream: Any = world.served.channel.stream_stream(method)
    call = open_stream(iter([*before, b"\xff\xff\xff"]))

    async def end() -> None:
        async for _ in call:
            pass

    failure = await failure_of(asyncio.wait_for(end(), SECONDS))
    assert failure.reason == "MALFORMED_REQUEST"


async def test_a_stream_without_a_request_is_refused(world: World) -> None:
    call = world.watch()
    await call.done_writing()
    failure = await failure_of(call.read())
    assert failure.code is grpc.StatusCode.INVALID_ARGUMENT


async def test_a_first_request_has_to_come(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "FIRST_SECONDS", 0.05)
    assert await ends(world.watch()) is grpc.StatusCode.UNAVAILABLE
    assert world.sample("watchers", mode="STRICT") == 0


async def test_a_server_that_stops_ends_its_streams_at_once(world: World) -> None:
    call = world.watch(STRICT)
    await read(call)
    world.verifier.watching.drain()
    assert await ends(call) is grpc.StatusCode.UNAVAILABLE


async def test_watchers_and_snapshots_are_counted(world: World) -> None:
    strict, relaxed = world.watch(STRICT), world.watch(RELAXED)
    for call in strict, relaxed:
        await read(call)
    assert world.sample("watchers", mode="STRICT") == 1
    assert world.sample("watchers", mode="RELAXED") == 1
    await until(lambda: world.sample("watch_snapshots_total") == 2)
    strict.cancel()
    await until(lambda: world.sample("watchers", mode="STRICT") == 0)
    assert world.sample("watchers_dropped_total") == 0
    relaxed.cancel()


async def test_one_who_takes_nothing_is_ended(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "TAKEN_SECONDS", 0.3)
    window = [("grpc.http2.lookahead_bytes", 4096), ("grpc.http2.bdp_probe", 0)]
    async with grpc.aio.insecure_channel(f"127.0.0.1:{world.served.port}", window) as channel:
        dead = world.watch(STRICT, channel=channel)
        await read(dead)
        await dead.write(Request(applied_cursor=cursor(1), report_id=1))
        await read(dead)
        live = world.watch(RELAXED)
        told: list[str] = []

        async def read_on() -> None:
            while True:
                told.append((await read(live)).cursor)

        reading = asyncio.create_task(read_on())
        for number in range(2, 600):
            world.verifier.apply(number, *(f"{number}-{i}-{'x' * 80}" for i in range(20)))
            if number % 50 == 0:
                await asyncio.sleep(0)
        await until(lambda: world.sample("watchers_dropped_total") == 1)
        await until(lambda: world.sample("watchers", mode="STRICT") == 0)
        # The others are not delayed by it, and its place is held no longer than its sub-lease.
        await until(lambda: cursor(599) in told)
        reading.cancel()
        assert world.verifier.report() == at(1)
        ticks: FakeTicks = world.verifier.ticks
        ticks.go_on(2.0)
        assert world.verifier.report() == at(599)
        assert await ends(dead) in {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED}
        live.cancel()


async def test_cursors_hold_nothing_that_has_to_be_kept_secret() -> None:
    assert re.fullmatch(r"[\w-]+", cursor(1))
