"""Requests that are slow, broken off, or not there, and those of callers who are not admitted."""

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import grpc
import pytest
from google.protobuf.wrappers_pb2 import StringValue
from support.waiting import until
from support.wire import Answer, Wire, framed
from unit.transport.hand_made import NAME, allowed, ask, hand_made, unary
from unit.transport.serving import Served, serving

from tokenauthority_server.domain.callers import Admission
from tokenauthority_server.domain.errors import CallerUnknownError
from tokenauthority_server.transport.interceptors import reading
from tokenauthority_server.transport.interceptors.call import Context
from tokenauthority_server.transport.policy import Callers

ASK = f"/{NAME}/Ask"
PLACES = 2
OPEN_PLACES = 1
PROMISED = struct.pack(">?I", False, 1_000_000)  # noqa: FBT003 - a flag of the wire
"""How a message of a megabyte begins."""


async def answer(request: StringValue, _context: object) -> StringValue:
    return request


HANDLERS = {"Ask": unary(answer)}
UNBOUNDED = {
    path: replace(policy, default_deadline=None) for path, policy in allowed(HANDLERS).items()
}


def nobody(_context: Context) -> Admission:
    raise CallerUnknownError


@asynccontextmanager
async def wired(*, knows: bool = True) -> AsyncIterator[tuple[Served, Wire]]:
    async with (
        serving(
            hand_made(HANDLERS),
            policies=UNBOUNDED,
            identify=None if knows else nobody,
        ) as served,
        Wire.to(f"127.0.0.1:{served.port}") as wire,
    ):
        yield served, wire


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "SLOW_PLACES", PLACES)
    monkeypatch.setattr(reading, "OPEN_PLACES", OPEN_PLACES)
    monkeypatch.setattr(reading, "SLOW_SECONDS", 0.05)
    monkeypatch.setattr(reading, "LONGEST_SECONDS", 0.5)


async def refusal(wire: Wire, data: bytes) -> Answer:
    """What a call is told whose caller says that this is all of the request."""
    call = wire.open(ASK)
    await wire.write(call, data, end=True)
    return await wire.answer(call)


@pytest.mark.parametrize(
    "data",
    [b"", b"\0\0", b"\0\0\0\0\x09abc", PROMISED + bytes(100_000)],
    ids=["nothing", "no length", "a part", "a large part"],
)
async def test_a_request_that_is_not_whole_is_told_so(data: bytes) -> None:
    # By gRPC itself such calls are never answered.
    async with wired() as (served, wire):
        refused = await refusal(wire, data)
        assert refused.status == grpc.StatusCode.INVALID_ARGUMENT.value[0]
        assert refused.reason == "MALFORMED_REQUEST"
        # It is counted a moment after it was told.
        await until(lambda: served.handled(f"{NAME}.Ask", "INVALID_ARGUMENT") == 1)


async def test_who_hangs_up_has_sent_nothing_wrong() -> None:
    # Guard: without listening for a moment a part of these calls were INVALID_ARGUMENT.
    async with wired() as (served, wire):
        for _ in range(500):
            wire.open(ASK)
        await wire.flush()
        await asyncio.sleep(0.02)
        await wire.close()
        await until(lambda: served.handled(f"{NAME}.Ask", "CANCELLED") > 0)
        await asyncio.sleep(0.1)
        assert served.handled(f"{NAME}.Ask", "INVALID_ARGUMENT") == 0


async def test_what_follows_the_request_is_not_looked_at() -> None:
    async with wired() as (_, wire):
        answered = await refusal(wire, framed(b"\x0a\x01a") + framed(b"\xff\xff"))
        assert (answered.status, answered.body) == (0, framed(b"\x0a\x01a"))


async def test_slow_requests_have_a_number_of_places() -> None:
    # Guard: without the places all of them were read to their end.
    async with wired() as (served, wire):
        slow = [wire.open(ASK) for _ in range(PLACES + 3)]
        for call in slow:
            await wire.write(call, PROMISED + bytes(70_000))
        await until(lambda: sum(wire.answers[call].ended.is_set() for call in slow) == 3)
        refused = [wire.answers[call] for call in slow if wire.answers[call].ended.is_set()]
        assert {one.reason for one in refused} == {"OVERLOADED"}

        # Others do not notice; and those who have a place go on, in time.
        assert (await ask(served.channel)(StringValue(value="a"))).value == "a"
        kept = [call for call in slow if not wire.answers[call].ended.is_set()]
        rest = 1_000_000 - 70_000
        await wire.write(kept[0], bytes(rest), end=True)
        assert (await wire.answer(kept[0])).reason == "MALFORMED_REQUEST"  # a megabyte of zeros
        assert (await wire.answer(kept[1])).reason == "OVERLOADED"

        # All places are free again.
        again = [wire.open(ASK) for _ in range(PLACES)]
        await wire.flush()
        await asyncio.sleep(0.15)
        assert not any(wire.answers[call].ended.is_set() for call in again)


async def test_whoever_need_not_be_known_takes_no_place_of_callers() -> None:
    # Guard: with places in common, strangers who asked for health slowly had all of them.
    handlers = {"Ask": unary(answer), "Health": unary(answer)}
    health = f"/{NAME}/Health"
    policies = dict(allowed(handlers, default_deadline=None))
    policies[health] = replace(policies[health], callers=Callers.OPEN)
    async with (
        serving(hand_made(handlers), policies=policies) as served,
        Wire.to(f"127.0.0.1:{served.port}") as wire,
    ):
        strangers = [wire.open(health) for _ in range(PLACES + 3)]
        await wire.flush()
        ended = [wire.answers[call].ended for call in strangers]
        await until(lambda: sum(one.is_set() for one in ended) == len(ended) - OPEN_PLACES)

        slow = wire.open(ASK)
        await wire.flush()
        await asyncio.sleep(0.15)
        assert sum(one.is_set() for one in ended) == len(ended) - OPEN_PLACES
        await wire.write(slow, framed(b""), end=True)
        assert (await wire.answer(slow)).status == 0


async def test_a_busy_loop_makes_no_request_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "SLOW_PLACES", 0)
    async with wired() as (_, wire):
        for _ in range(10):
            call = wire.open(ASK)
            await wire.flush()
            await asyncio.sleep(0.02)
            await wire.write(call, framed(b""), end=True)
            _hold_the_loop()
            assert (await wire.answer(call)).status == 0


def _hold_the_loop() -> None:
    loop = asyncio.get_running_loop()
    until_then = loop.time() + 0.06
    while loop.time() < until_then:
        pass


async def test_who_is_not_admitted_is_told_before_the_request_is_there() -> None:
    # Guard: with requests read by gRPC, as unary methods have them read, this waited for ever.
    async with wired(knows=False) as (_, wire):
        call = wire.open(ASK)
        await wire.write(call, PROMISED)
        told = await wire.answer(call)
        assert told.status == grpc.StatusCode.UNAUTHENTICATED.value[0]
        assert told.reason == "CALLER_UNKNOWN"


async def test_of_a_request_that_nobody_wants_a_window_is_taken_and_no_more() -> None:
    async with wired(knows=False) as (_, wire):
        call = wire.open(ASK)
        writing = asyncio.create_task(wire.write(call, PROMISED + bytes(1_000_000)))
        await wire.answer(call)
        await writing
        assert wire.sent[call] <= 64 * 1024
