"""Row 38: what no client would send is told so in a clean status, and bounded in memory."""

import asyncio
import gzip
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress

import grpc
import pytest
from faults.harness.counts import rounds
from faults.harness.fleet import Fleet, Worker
from faults.harness.footprint import Footprint
from support.postgres import Databases
from support.wire import GRPC, Answer, Header, Wire, framed

from tokenauthority.v1 import token_service_pb2 as pb

Counted = Callable[[int, int], Iterator[int]]

SERVICE = "/tokenauthority.v1.TokenService"
METHODS = [method.name for method in pb.DESCRIPTOR.services_by_name["TokenService"].methods]
VALIDATE = f"{SERVICE}/Validate"
MIB = 1024 * 1024
LARGEST = 16 * MIB
BOMB = gzip.compress(bytes(256 * MIB), 9)
SLOW_PLACES = 16

OK, INVALID = grpc.StatusCode.OK, grpc.StatusCode.INVALID_ARGUMENT
EXHAUSTED, UNKNOWN = grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.UNIMPLEMENTED
INTERNAL = grpc.StatusCode.INTERNAL

HEADERS: list[tuple[str, list[Header], grpc.StatusCode]] = [
    ("no method", [(":path", "/a.v1.B/C")], UNKNOWN),
    ("an empty path", [(":path", "")], UNKNOWN),
    ("a path that is no text", [(":path", b"/\xff\xfe")], UNKNOWN),
    ("a path with NUL", [(":path", f"{VALIDATE}\0")], UNKNOWN),
    ("a long path", [(":path", "/" + "a" * 10_000)], UNKNOWN),
    ("DELETE", [(":method", "DELETE")], INTERNAL),
    ("compressed", [("grpc-encoding", "gzip")], UNKNOWN),
    ("compressed by what nobody knows", [("grpc-encoding", "lzma")], INTERNAL),
    ("a time that is none", [("grpc-timeout", "soon")], INTERNAL),
    ("a time that is over", [("grpc-timeout", "0m")], grpc.StatusCode.DEADLINE_EXCEEDED),
    ("a time of ages", [("grpc-timeout", "99999999H")], OK),
    ("text that is none", [("authorization", b"Bearer \xff"), ("x-request-id", b"\xff")], OK),
    ("base64 that is none", [("x-bin", "%%%")], INTERNAL),
    ("a name of no header", [("X Y", "z")], INTERNAL),
    ("17 KiB in one", [("x", "y" * 17_000)], EXHAUSTED),
    ("17 KiB in many", [(f"x-{number}", "y" * 100) for number in range(170)], EXHAUSTED),
]
BODIES: list[tuple[str, bytes, grpc.StatusCode]] = [
    ("nothing", b"", INVALID),
    ("half a length", b"\0\0", INVALID),
    ("a part", b"\0\0\0\0\x09abc", INVALID),
    ("more than is allowed", b"\0" + (LARGEST + 1).to_bytes(4), EXHAUSTED),
    ("4 GiB", b"\0\xff\xff\xff\xff", EXHAUSTED),
    ("compressed by nothing", framed(b"", compressed=True), INTERNAL),
    ("a tag", framed(b"\xff\xff\xff"), INVALID),
    ("a group without an end", framed(b"\x0b" * 1_000), INVALID),
    ("no UTF-8", framed(b"\x0a\x02\xff\xfe"), INVALID),
]


@pytest.fixture(scope="module")
async def worker(databases: Databases, redis_url: str) -> AsyncIterator[Worker]:
    """One that nobody else uses."""
    async with databases.fresh() as url, Fleet.of(1, url, redis_url, LOG_FORMAT="json") as fleet:
        yield fleet.workers[0]


def assert_clean(answer: Answer, code: grpc.StatusCode) -> None:
    assert answer.status == code.value[0], answer
    assert answer.http == "200"
    everything = f"{answer.text} {answer.headers}"
    for word in ("Traceback", "Error(", "Exception", "google.protobuf", "cygrpc", ".py"):
        assert word not in everything


async def assert_serves(worker: Worker) -> None:
    verdict = await worker.stub.Validate(pb.ValidateRequest(token="x"), timeout=10)
    assert not verdict.active


async def test_headers(worker: Worker, counted: Counted) -> None:
    for _ in counted(38, rounds(1, 100)):
        for what, headers, code in HEADERS:
            async with Wire.to(worker.address) as wire:
                # The limit for headers is one that the other side has to have heard of.
                assert_clean(await wire.call(VALIDATE, b""), OK)
                named = headers if any(name == ":path" for name, _ in headers) else [
                    (":path", VALIDATE), *headers,
                ]  # fmt: skip
                call = wire.begin(named)
                await wire.write(call, framed(b""), end=True)
                print(what, end=" ")  # noqa: T201 - says which of them it was
                assert_clean(await wire.answer(call), code)
    await assert_serves(worker)


@pytest.mark.parametrize("method", METHODS)
async def test_bodies(worker: Worker, method: str) -> None:
    async with Wire.to(worker.address) as wire:
        for what, body, code in BODIES:
            if code is INVALID and method == "GetPublicKeys" and what == "no UTF-8":
                continue  # it has no text
            call = wire.open(f"{SERVICE}/{method}")
            await wire.write(call, body, end=True)
            print(what, end=" ")  # noqa: T201 - says which of them it was
            assert_clean(await wire.answer(call), code)
    await assert_serves(worker)


async def test_unknown_fields_are_ignored(worker: Worker) -> None:
    unknown = bytes([0x82, 0x7D, 0x80, 0x80, 0x04]) + bytes(65_536)  # field 2000, 64 KiB of it
    async with Wire.to(worker.address) as wire:
        answer = await wire.call(VALIDATE, b"\x0a\x01x" + unknown)
    assert_clean(answer, OK)
    assert not pb.ValidateResponse.FromString(answer.body[5:]).active


@pytest.mark.parametrize("content_type", ["text/html", "application/json", ""])
async def test_content_types_do_not_matter(worker: Worker, content_type: str) -> None:
    # gRPC's core lets them pass; what comes back says what it is.
    async with Wire.to(worker.address) as wire:
        call = wire.open(VALIDATE, content_type=content_type)
        await wire.write(call, framed(b""), end=True)
        answer = await wire.answer(call)
    assert_clean(answer, OK)
    assert answer.headers[b"content-type"] == GRPC.encode()


@pytest.mark.parametrize(
    "greeting",
    [
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"\0" * 100,
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\xff" * 100,
    ],
    ids=["HTTP/1.1", "TLS", "zeros", "no frames"],
)
async def test_other_protocols_are_hung_up_on(worker: Worker, greeting: bytes) -> None:
    reader, writer = await asyncio.open_connection(*worker.address.split(":"))
    with suppress(OSError):
        writer.write(greeting)
        assert len(await asyncio.wait_for(reader.read(), 10)) < 1_000
    writer.close()
    await assert_serves(worker)


async def hold(wire: Wire, body: bytes, more: list[Header]) -> int | None:
    """Send so much of a request and never its end; return the status."""
    call = wire.open(VALIDATE, more=more)
    with suppress(TimeoutError):
        await asyncio.wait_for(wire.write(call, body), 10)
    return (await wire.answer(call)).status


async def test_requests_that_never_end_hold_a_few_places(worker: Worker, counted: Counted) -> None:
    # Guard: without the places 64 of these held a gigabyte, as long as they liked.
    part = b"\0" + LARGEST.to_bytes(4) + bytes(LARGEST - 1)
    for _ in counted(38, rounds(1, 20)):
        before = Footprint.of(worker.pid).memory
        async with Wire.to(worker.address) as wire:
            holding = [
                asyncio.create_task(hold(wire, part, [("grpc-timeout", "1H")])) for _ in range(64)
            ]
            most = 0.0
            while not all(one.done() for one in holding):
                most = max(most, Footprint.of(worker.pid).memory - before)
                await asyncio.sleep(0.05)
                await assert_serves(worker)
            told = Counter(one.result() for one in holding)
        print(f"{most:.0f} MiB", dict(told))  # noqa: T201 - the figure of docs/reliability.md
        assert set(told) == {grpc.StatusCode.UNAVAILABLE.value[0]}
        assert most < (SLOW_PLACES + 16) * LARGEST / MIB


async def test_bombs_are_not_unpacked(worker: Worker, counted: Counted) -> None:
    # Guard: with compression 64 of these took 16 MiB each.
    for _ in counted(38, rounds(1, 20)):
        before = Footprint.of(worker.pid).memory
        async with Wire.to(worker.address) as wire:
            told = await asyncio.gather(
                *(
                    wire.call(VALIDATE, BOMB, more=[("grpc-encoding", "gzip")], compressed=True)
                    for _ in range(64)
                )
            )
        for answer in told:
            assert_clean(answer, UNKNOWN)
        assert Footprint.of(worker.pid).memory - before < 32
    await assert_serves(worker)
