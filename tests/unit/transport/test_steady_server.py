"""What ends the server of grpcio does not end this one, and what keeps it busy ends."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import grpc
import pytest
from google.protobuf.wrappers_pb2 import StringValue
from h2.errors import ErrorCodes
from support.failures import failure_of
from support.waiting import until
from support.wire import Wire, framed, headers_of
from unit.transport.hand_made import NAME, PACKERS, ask, unary

from tokenauthority_server.transport.steady_server import SteadyServer, _Acceptor

ASK = f"/{NAME}/Ask"
UNIMPLEMENTED = grpc.StatusCode.UNIMPLEMENTED.value[0]
HUGE = "x" * 200_000
LONGEST = 0.4


async def answer(request: StringValue, _context: object) -> StringValue:
    return StringValue(value=request.value + HUGE)


async def stream(_request: StringValue, _context: object) -> AsyncIterator[StringValue]:
    yield StringValue(value="first")
    await asyncio.sleep(3 * LONGEST)
    yield StringValue(value="last")


@dataclass(frozen=True)
class Steady:
    server: SteadyServer
    address: str
    channel: grpc.aio.Channel

    @property
    def calls(self) -> int:
        return len(self.server._acceptor._calls)


@asynccontextmanager
async def steady(longest: float = 60.0) -> AsyncIterator[Steady]:
    server = SteadyServer([("grpc.so_reuseport", 0)], longest=longest)
    handlers: dict[str, Any] = {
        "Ask": unary(answer),
        "Stream": grpc.unary_stream_rpc_method_handler(stream, *PACKERS),
    }
    server.add_registered_method_handlers(NAME, handlers)
    address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    await server.start()
    try:
        async with grpc.aio.insecure_channel(address) as channel:
            yield Steady(server, address, channel)
    finally:
        await server.stop(None)


@pytest.mark.parametrize("path", [b"/\xff\xfe", b"\xff", ASK.encode() + b"\xff", b"", b"/\0/"])
async def test_a_path_that_is_no_text_is_no_method(path: bytes) -> None:
    # By `grpc.aio.server` the first two calls are cancelled, and the third is refused: nobody
    # listens any more.
    async with steady() as one:
        async with Wire.to(one.address) as wire:
            for _ in range(3):
                call = wire.begin([(":path", path)])
                await wire.write(call, framed(b""), end=True)
                assert (await wire.answer(call)).status == UNIMPLEMENTED
        assert (await ask(one.channel)(StringValue(value="a"))).value[0] == "a"


async def test_a_call_of_no_method_at_all() -> None:
    async with steady() as one, Wire.to(one.address) as wire:
        headers = [header for header in headers_of("") if header[0] != ":path"]
        call = wire.begin(headers, whole=True)
        answered = await wire.answer(call)
        assert answered.status is not None or answered.reset is not None
        assert (await ask(one.channel)(StringValue(value="a"))).value[0] == "a"


async def test_methods_that_nobody_registered_are_answered_by_grpc() -> None:
    async with steady() as one:
        for path in (f"/{NAME}/Other", "/other.v1.Other/Ask", ASK.lower()):
            failure = await failure_of(ask(one.channel, path)(StringValue()))
            assert failure.code is grpc.StatusCode.UNIMPLEMENTED


async def test_what_generated_code_registers_besides_is_not_served() -> None:
    # It could only be found by its path.
    async with steady() as one:
        handlers = {"Hidden": unary(answer)}
        generic = grpc.method_handlers_generic_handler(NAME, handlers)
        one.server.add_generic_rpc_handlers([generic])
        failure = await failure_of(ask(one.channel, f"/{NAME}/Hidden")(StringValue()))
        assert failure.code is grpc.StatusCode.UNIMPLEMENTED


async def test_calls_leave_nothing_behind() -> None:
    async with steady() as one:
        await asyncio.gather(*(ask(one.channel)(StringValue(value="a")) for _ in range(100)))
        await until(lambda: not one.calls)


async def test_an_answer_that_nobody_takes_is_dropped() -> None:
    # Guard: without the sweep these calls were there until their connection was.
    async with steady(LONGEST) as one, Wire.to(one.address, initial_window=0) as wire:
        calls = [wire.open(ASK) for _ in range(10)]
        for call in calls:
            await wire.write(call, framed(b""), end=True)
        await until(lambda: one.calls == len(calls))
        await until(lambda: not one.calls)
        for call in calls:
            assert (await wire.answer(call)).status == grpc.StatusCode.CANCELLED.value[0]
        assert (await ask(one.channel)(StringValue(value="a"))).value[0] == "a"


async def test_who_hangs_up_on_an_answer_is_no_line_of_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    # Guard: gRPC wrote a traceback for many of these, as often as anybody liked.
    async with steady() as one, Wire.to(one.address, initial_window=0) as wire:
        calls = [wire.open(ASK) for _ in range(200)]
        for call in calls:
            await wire.write(call, framed(b""), end=True)
        await until(lambda: all(wire.answers[call].headers for call in calls))
        for call in calls:
            wire.h2.reset_stream(call, ErrorCodes.CANCEL)
        await wire.flush()
        await until(lambda: not one.calls)
    assert not caplog.records


async def _last(one: Steady) -> str:
    """The last message of the stream."""
    made = one.channel.unary_stream(
        f"/{NAME}/Stream", StringValue.SerializeToString, StringValue.FromString
    )
    return [message.value async for message in made(StringValue())][-1]


async def test_a_stream_may_be_longer() -> None:
    async with steady(LONGEST) as one:
        assert await _last(one) == "last"


async def test_it_ends_when_it_is_stopped_and_says_so() -> None:
    async with steady() as one:
        ended = asyncio.create_task(one.server.wait_for_termination())
        assert await one.server.wait_for_termination(0.01)
        under_way = asyncio.create_task(_last(one))
        await until(lambda: len(one.server._acceptor._streams) == 1)
        await one.server.stop(10)
        assert not await ended
        assert await under_way == "last"


async def test_stopping_ends_what_is_under_way_when_its_time_is_over(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.ERROR)
    async with steady() as one, Wire.to(one.address) as wire:
        wire.open(ASK)
        await wire.flush()
        await until(lambda: one.calls == 1)
        await one.server.stop(0.05)
        await until(lambda: not one.calls)
    assert not caplog.records


async def test_a_port_that_is_taken() -> None:
    async with steady() as one:
        with pytest.raises(RuntimeError, match="cannot listen on"):
            SteadyServer([("grpc.so_reuseport", 0)]).add_insecure_port(one.address)


async def test_an_end_that_nobody_asked_for_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    # What the process waits for: it would be ready, and nobody would listen.
    def fail(*_: object) -> None:
        raise MemoryError

    async with steady() as one:
        ended = asyncio.create_task(one.server.wait_for_termination())
        assert (await ask(one.channel)(StringValue(value="a"))).value[0] == "a"
        monkeypatch.setattr(_Acceptor, "_serve", fail)
        for _ in range(2):  # the next one is waited for already
            with contextlib.suppress(grpc.aio.AioRpcError):
                await ask(one.channel)(StringValue(value="a"), timeout=1)
        with pytest.raises(MemoryError):
            await asyncio.wait_for(ended, 5)
