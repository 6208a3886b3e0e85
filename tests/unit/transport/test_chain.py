"""What is around every method, and what it makes of the four kinds of methods."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from google.protobuf.wrappers_pb2 import StringValue
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs
from support.failures import failure_of
from support.waiting import until
from unit.transport.fakes import CALLER
from unit.transport.hand_made import NAME, PACKERS, allowed, ask, hand_made, unary
from unit.transport.serving import serving

from tokenauthority_server.adapters.memory.rates import MemoryRateExchange
from tokenauthority_server.domain.callers import Admission
from tokenauthority_server.services.rate_limits import RateLimits
from tokenauthority_server.telemetry.metrics import Metrics
from tokenauthority_server.transport.interceptors.chain import Chain
from tokenauthority_server.transport.policy import check_complete

BROKEN = b"\x0a\x7f"


async def shout(request: StringValue, _context: object) -> StringValue:
    return StringValue(value=request.value.upper())


async def spell(request: StringValue, _context: object) -> AsyncIterator[StringValue]:
    for letter in request.value:
        yield StringValue(value=letter)


async def spell_to_context(
    request: StringValue, context: grpc.aio.ServicerContext[StringValue, StringValue]
) -> None:
    for letter in request.value:
        await context.write(StringValue(value=letter))


async def join(requests: AsyncIterator[StringValue], _context: object) -> StringValue:
    return StringValue(value="".join([request.value async for request in requests]))


async def echo(
    requests: AsyncIterator[StringValue], _context: object
) -> AsyncIterator[StringValue]:
    async for request in requests:
        yield StringValue(value=request.value.upper())


HANDLERS: "dict[str, grpc.RpcMethodHandler[Any, Any]]" = {
    "Shout": unary(shout),
    "Spell": grpc.unary_stream_rpc_method_handler(spell, *PACKERS),
    "SpellToContext": grpc.unary_stream_rpc_method_handler(spell_to_context, *PACKERS),
    "Join": grpc.stream_unary_rpc_method_handler(join, *PACKERS),
    "Echo": grpc.stream_stream_rpc_method_handler(echo, *PACKERS),
}


def call(channel: grpc.aio.Channel, method: str, *values: str | bytes) -> Any:
    """Call a method of any kind; bytes are sent as they are."""
    handler = HANDLERS[method]
    kind = f"{'stream' if handler.request_streaming else 'unary'}_"
    kind += "stream" if handler.response_streaming else "unary"
    made = getattr(channel, kind)(f"/{NAME}/{method}", _packed, StringValue.FromString)
    return made(iter(values) if handler.request_streaming else values[0])


def _packed(value: str | bytes) -> bytes:
    return value if isinstance(value, bytes) else StringValue(value=value).SerializeToString()


async def answers(method: str, *values: str) -> list[str]:
    async with serving(hand_made(HANDLERS), policies=allowed(HANDLERS)) as served:
        called = call(served.channel, method, *values)
        if HANDLERS[method].response_streaming:
            return [answer.value async for answer in called]
        return [(await called).value]


async def test_who_calls_is_known_before_what_is_allowed_and_that_before_how_often() -> None:
    service = hand_made(HANDLERS)
    methods = check_complete([service.descriptor], allowed(HANDLERS))
    limits = RateLimits(MemoryRateExchange(), lambda: 0)
    metrics = Metrics(CollectorRegistry(), version="1")
    chain = Chain(methods, metrics, lambda _: Admission(caller=CALLER), limits)

    checks = chain._checks(methods[f"/{NAME}/Shout"])

    assert [check.__module__.rpartition(".")[2] for check in checks] == [
        "authentication",
        "authorization",
        "rate_limit",
    ]


@pytest.mark.parametrize(
    ("method", "values", "expected"),
    [
        ("Shout", ["hear"], ["HEAR"]),
        ("Spell", ["abc"], ["a", "b", "c"]),
        ("SpellToContext", ["abc"], ["a", "b", "c"]),
        ("Join", ["a", "b", "c"], ["abc"]),
        ("Echo", ["a", "b"], ["A", "B"]),
    ],
)
async def test_methods_of_every_kind_are_served(
    method: str, values: list[str], expected: list[str]
) -> None:
    assert await answers(method, *values) == expected


@pytest.mark.parametrize("method", HANDLERS)
async def test_bytes_that_do_not_decode_are_told_as_such(method: str) -> None:
    async with serving(hand_made(HANDLERS), policies=allowed(HANDLERS)) as served:
        called = call(served.channel, method, BROKEN)
        if HANDLERS[method].response_streaming:
            called = anext(aiter(called))
        failure = await failure_of(called)

    assert failure.code is grpc.StatusCode.INVALID_ARGUMENT
    assert failure.reason == "MALFORMED_REQUEST"
    assert "decod" not in failure.everything.lower().replace("grpc-status-details-bin", "")


async def test_a_stream_is_refused_where_it_breaks() -> None:
    async with serving(hand_made(HANDLERS), policies=allowed(HANDLERS)) as served:
        called = call(served.channel, "Echo", "a", BROKEN, "b")
        assert (await anext(aiter(called))).value == "A"
        failure = await failure_of(anext(aiter(called)))

    assert failure.reason == "MALFORMED_REQUEST"


async def test_a_method_of_plain_bytes_is_served() -> None:
    async def reverse(request: bytes, _context: object) -> bytes:
        return request[::-1]

    handlers: dict[str, Any] = {"Ask": grpc.unary_unary_rpc_method_handler(reverse)}
    async with serving(hand_made(handlers), policies=allowed(handlers)) as served:
        method: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = served.channel.unary_unary(
            f"/{NAME}/Ask"
        )
        assert await method(b"abc") == b"cba"


async def test_an_answer_that_is_none_is_a_fault_and_no_text() -> None:
    async def wrong(_request: StringValue, _context: object) -> Any:
        return {"password": "hunter2"}

    handlers = {"Ask": unary(wrong)}
    async with serving(hand_made(handlers), policies=allowed(handlers)) as served:
        failure = await failure_of(ask(served.channel)(StringValue()))

    assert failure.code is grpc.StatusCode.INTERNAL
    assert failure.reason == "INTERNAL"
    assert "hunter2" not in failure.everything


async def test_a_generator_is_closed_when_its_caller_hangs_up() -> None:
    closed = asyncio.Event()

    async def endless(_request: StringValue, _context: object) -> AsyncIterator[StringValue]:
        try:
            while True:
                yield StringValue(value="on")
                await asyncio.sleep(0.001)
        finally:
            closed.set()

    handlers = {"Ask": grpc.unary_stream_rpc_method_handler(endless, *PACKERS)}
    async with serving(hand_made(handlers), policies=allowed(handlers)) as served:
        made = served.channel.unary_stream(
            f"/{NAME}/Ask", StringValue.SerializeToString, StringValue.FromString
        )
        called = made(StringValue())
        await anext(aiter(called))
        called.cancel()
        await until(closed.is_set)


async def test_unknown_methods_are_left_to_grpc() -> None:
    async with serving(hand_made(HANDLERS), policies=allowed(HANDLERS)) as served:
        failure = await failure_of(ask(served.channel, f"/{NAME}/Nothing")(StringValue()))
        other = await failure_of(ask(served.channel, "/other.v1.Service/Ask")(StringValue()))

    for one in failure, other:
        assert one.code is grpc.StatusCode.UNIMPLEMENTED
        assert not one.infos


async def test_a_method_of_another_service_is_not_served_behind_the_tables_back() -> None:
    service = hand_made(HANDLERS)
    hidden = hand_made({"Ask": unary(shout)}, "hidden.v1.Hidden")

    def add_both(server: grpc.aio.Server) -> None:
        service.add_to(server)
        hidden.add_to(server)

    both = type(service)(service.descriptor, add_both)
    async with serving(both, policies=allowed(HANDLERS)) as served:
        failure = await failure_of(ask(served.channel, "/hidden.v1.Hidden/Ask")(StringValue()))

    assert failure.code is grpc.StatusCode.UNIMPLEMENTED


async def test_a_method_that_is_declared_and_not_registered_is_left_to_grpc() -> None:
    service = hand_made(HANDLERS)
    empty = type(service)(service.descriptor, lambda _server: None)
    async with serving(empty, policies=allowed(HANDLERS)) as served:
        failure = await failure_of(ask(served.channel, f"/{NAME}/Shout")(StringValue()))

    assert failure.code is grpc.StatusCode.UNIMPLEMENTED


async def test_calls_at_once_do_not_mix() -> None:
    async def slowly(request: StringValue, _context: object) -> StringValue:
        await asyncio.sleep(0.001)
        return request

    handlers = {"Ask": unary(slowly)}
    ids = [f"call-{number}" for number in range(100)]
    async with serving(hand_made(handlers), policies=allowed(handlers)) as served:
        with capture_logs() as lines:
            calls = [
                ask(served.channel)(StringValue(value=one), metadata=(("x-request-id", one),))
                for one in ids
            ]
            assert [(await one).value for one in calls] == ids
            trailers = [dict(await one.trailing_metadata()) for one in calls]

    assert [one["x-request-id"] for one in trailers] == ids
    assert len(lines) == len(ids)
