"""What the server takes of one connection, and of all of them."""

import asyncio
from contextlib import AsyncExitStack, suppress

import grpc
import pytest
from google.protobuf.wrappers_pb2 import StringValue
from h2.errors import ErrorCodes
from h2.exceptions import ProtocolError
from support.failures import failure_of
from support.waiting import eventually
from support.wire import Wire, framed
from unit.transport.hand_made import NAME, allowed, ask, hand_made, unary
from unit.transport.serving import serving

from tokenauthority_server.transport import open_files
from tokenauthority_server.transport.server import MAX_MESSAGE_BYTES, MAX_STREAMS

ASK = f"/{NAME}/Ask"
UNLIMITED = (
    ("grpc.max_send_message_length", -1),
    ("grpc.max_receive_message_length", -1),
)


REFUSED = {ErrorCodes.REFUSED_STREAM, ErrorCodes.ENHANCE_YOUR_CALM}


async def answer(request: StringValue, _context: object) -> StringValue:
    return request


HANDLERS = {"Ask": unary(answer)}


async def test_messages_up_to_16_mib() -> None:
    largest = StringValue(value="x" * (MAX_MESSAGE_BYTES - 5))
    assert largest.ByteSize() == MAX_MESSAGE_BYTES
    async with (
        serving(hand_made(HANDLERS), policies=allowed(HANDLERS)) as served,
        grpc.aio.insecure_channel(f"127.0.0.1:{served.port}", options=UNLIMITED) as channel,
    ):
        assert await ask(channel)(largest) == largest
        failure = await failure_of(ask(channel)(StringValue(value="x" * MAX_MESSAGE_BYTES)))

    assert failure.code is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert not failure.infos


async def test_metadata_have_one_limit() -> None:
    async with serving(hand_made(HANDLERS), policies=allowed(HANDLERS)) as served:
        for _ in range(20):
            await ask(served.channel)(StringValue(), metadata=(("large", "x" * 15_000),))
        failure = await failure_of(
            ask(served.channel)(StringValue(), metadata=(("large", "x" * 17_000),))
        )

    assert failure.code is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert ASK not in failure.text


async def test_compressed_requests_are_refused_unread() -> None:
    # Guard: with compression 17 KiB of it were 16 MiB here.
    async with serving(hand_made(HANDLERS), policies=allowed(HANDLERS)) as served:
        for algorithm in grpc.Compression.Gzip, grpc.Compression.Deflate:
            failure = await failure_of(ask(served.channel)(StringValue(), compression=algorithm))
            assert failure.code is grpc.StatusCode.UNIMPLEMENTED
        assert served.handled(f"{NAME}.Ask", "OK") == 0


async def test_what_a_connection_is_told_of_its_limits() -> None:
    async with (
        serving(hand_made(HANDLERS), policies=allowed(HANDLERS)) as served,
        Wire.to(f"127.0.0.1:{served.port}") as wire,
    ):
        await wire.call(ASK, b"")
        told = wire.h2.remote_settings

    assert told.max_concurrent_streams == MAX_STREAMS
    assert told.max_header_list_size == 16 * 1024
    assert told.max_frame_size == 16 * 1024
    assert told.initial_window_size == 64 * 1024
    assert told.header_table_size == 4 * 1024


async def test_calls_above_the_limit_of_a_connection_are_refused() -> None:
    # Guard: without max_concurrent_streams none was.
    async def never(_request: StringValue, _context: object) -> StringValue:
        await asyncio.Event().wait()
        raise AssertionError

    handlers = {"Ask": unary(never)}
    async with (
        serving(hand_made(handlers), policies=allowed(handlers)) as served,
        Wire.to(f"127.0.0.1:{served.port}") as wire,
    ):
        # All at once, as nobody who has heard of the limit would.
        calls = [wire.open(ASK) for _ in range(MAX_STREAMS)]
        above = wire.open(ASK)
        for call in calls:
            await wire.write(call, framed(b""), end=True)

        assert (await wire.answer(above)).reset in REFUSED
        assert not any(wire.answers[call].ended.is_set() for call in calls)


async def test_who_pings_all_the_time_is_told_to_leave() -> None:
    async with (
        serving(hand_made(HANDLERS), policies=allowed(HANDLERS)) as served,
        Wire.to(f"127.0.0.1:{served.port}") as wire,
    ):
        with suppress(ProtocolError):  # it has been told
            for _ in range(6):
                wire.h2.ping(bytes(8))
                await wire.flush()
                await asyncio.sleep(0.01)
        await asyncio.wait_for(wire.closed.wait(), 5)
        assert wire.goodbye is not None
        assert wire.goodbye.additional_data == b"too_many_pings"


async def test_connections_above_the_limit_are_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    # Guard: without max_allowed_incoming_connections all were taken.
    monkeypatch.setattr(open_files, "MOST_CONNECTIONS", 3)
    async with serving(hand_made(HANDLERS), policies=allowed(HANDLERS)) as served:
        address = f"127.0.0.1:{served.port}"
        async with AsyncExitStack() as stack:
            taken = [await stack.enter_async_context(Wire.to(address)) for _ in range(3)]
            for wire in taken:
                assert (await wire.call(ASK, b"")).status == 0
            async with Wire.to(address) as refused:
                await asyncio.wait_for(refused.closed.wait(), 5)
            assert not any(wire.closed.is_set() for wire in taken)

        # There is room again.
        async def is_taken() -> bool:
            async with Wire.to(address) as wire:
                return (await wire.call(ASK, b"")).status == 0

        await eventually(is_taken)
