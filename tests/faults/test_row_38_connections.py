"""Row 38: connections that do nothing, or never finish what they begin, by the thousand."""

import asyncio
import resource
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from faults.harness.counts import rounds
from faults.harness.fleet import Fleet, Worker
from faults.harness.floods import HEADERS, SETTINGS, block, frame
from faults.harness.footprint import Footprint
from faults.harness.under_way import calls_under_way
from support.postgres import Databases
from support.waiting import eventually
from support.wire import PREFACE, Wire, framed

from tokenauthority.v1 import token_service_pb2 as pb
from tokenauthority_client import Subject
from tokenauthority_server.transport.server import OPTIONS
from tokenauthority_server.transport.steady_server import SteadyServer

Counted = Callable[[int, int], Iterator[int]]
Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]

VALIDATE = "/tokenauthority.v1.TokenService/Validate"
IDLE = 2_000
MOST_CONNECTIONS = 4_096
OWN_FILES = 256
HANDSHAKE_SECONDS = 10
LATE = 5
MOST_EACH = 64
"""KiB of memory for a connection that does nothing."""


@pytest.fixture
async def worker(databases: Databases, redis_url: str) -> AsyncIterator[Worker]:
    """One that nobody else uses."""
    async with databases.fresh() as url, Fleet.of(1, url, redis_url, LOG_FORMAT="json") as fleet:
        yield fleet.workers[0]


@asynccontextmanager
async def connections(
    worker: Worker, count: int, greeting: bytes
) -> AsyncIterator[list[Connection]]:
    """So many, each of which has said this and no more."""
    address = worker.address.split(":")
    made: list[Connection] = []
    try:
        for _ in range(count):
            connection = await asyncio.open_connection(*address)
            connection[1].write(greeting)
            made.append(connection)
        yield made
    finally:
        for _, writer in made:
            writer.transport.abort()


async def closed(made: list[Connection], seconds: float) -> int:
    """How many of them are closed by the other side within these seconds."""

    async def read_to_end(reader: asyncio.StreamReader) -> None:
        with suppress(OSError):
            while await reader.read(65_536):
                pass

    reading = [asyncio.create_task(read_to_end(reader)) for reader, _ in made]
    done, going_on = await asyncio.wait(reading, timeout=seconds)
    for one in going_on:
        one.cancel()
    return len(done)


async def serves(worker: Worker) -> bool:
    """Whether somebody new is served."""
    with suppress(OSError, TimeoutError):
        async with Wire.to(worker.address) as wire:
            call = wire.open(VALIDATE)
            await wire.write(call, framed(b""), end=True)
            return (await wire.answer(call, 5)).status == 0
    return False


@pytest.mark.timeout(120)
async def test_idle_connections_cost_little(worker: Worker, counted: Counted) -> None:
    for _ in counted(38, rounds(1, 5)):
        before = Footprint.of(worker.pid)
        greeting = PREFACE + frame(SETTINGS, 0, 0) + frame(SETTINGS, 1, 0)
        async with connections(worker, IDLE, greeting):

            async def are_taken(wanted: int = before.files + IDLE) -> bool:
                return Footprint.of(worker.pid).files >= wanted

            await eventually(are_taken, 30)
            began = time.monotonic()
            assert await serves(worker)
            assert time.monotonic() - began < 1
            each = 1024 * (Footprint.of(worker.pid).memory - before.memory) / IDLE
            print(f"{each:.0f} KiB each")  # noqa: T201 - the figure of docs/reliability.md
            assert each < MOST_EACH

        async def are_gone(wanted: int = before.files + 20) -> bool:
            return Footprint.of(worker.pid).files <= wanted

        await eventually(are_gone, 30)


@pytest.mark.timeout(120)
async def test_more_connections_than_there_may_be(worker: Worker) -> None:
    # Guard: without the limit all were taken, and nothing but the limit for files was left.
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    above = 100
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 2 * MOST_CONNECTIONS), hard))
    if soft < MOST_CONNECTIONS + OWN_FILES + above:
        pytest.skip("this process may not open as many connections as it takes")
    try:
        async with connections(worker, MOST_CONNECTIONS + above, PREFACE) as made:
            # One is the fleet's own, and those who refused are closed at once.
            refused = await closed(made, 2)
            assert above <= refused <= above + 8
            assert not await serves(worker)
            verdict = await worker.stub.Validate(pb.ValidateRequest(token="x"), timeout=10)
            assert not verdict.active
            assert Footprint.of(worker.pid).files <= MOST_CONNECTIONS + OWN_FILES
        await eventually(lambda: serves(worker), 10)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.timeout(120)
async def test_what_is_never_finished_is_hung_up_on(worker: Worker, counted: Counted) -> None:
    # Guard: by default half a greeting has two minutes, and settings that nobody answers one.
    begun = frame(HEADERS, 0, 1, block()[:10])
    greetings = {
        "nothing": b"",
        "half a greeting": PREFACE[:10],
        "no settings": PREFACE,
        "settings that are not taken note of": PREFACE + frame(SETTINGS, 0, 0),
        "headers without an end": PREFACE + frame(SETTINGS, 0, 0) + begun,
        "half a greeting of TLS": b"\x16\x03\x01\x02\x00\x01",
    }
    for _ in counted(38, rounds(1, 5)):
        before = Footprint.of(worker.pid).files

        async def all_closed(what: str, greeting: bytes) -> None:
            async with connections(worker, 50, greeting) as made:
                assert await closed(made, HANDSHAKE_SECONDS + LATE) == len(made), what

        began = time.monotonic()
        await asyncio.gather(*(all_closed(*one) for one in greetings.items()))
        assert time.monotonic() - began > HANDSHAKE_SECONDS / 2
        assert await serves(worker)
        assert Footprint.of(worker.pid).files < before + 20


async def test_a_handshake_of_tls_has_its_time_too() -> None:
    # Guard: by default it has two minutes, and the time for settings begins after it.
    server = SteadyServer(OPTIONS)
    credentials = grpc.ssl_server_credentials([certificate()])
    port = server.add_secure_port("127.0.0.1:0", credentials)
    await server.start()
    try:
        made = []
        for greeting in (b"", b"\x16\x03\x01\x02\x00\x01"):
            connection = await asyncio.open_connection("127.0.0.1", port)
            connection[1].write(greeting)
            made.append(connection)
        assert await closed(made, HANDSHAKE_SECONDS + LATE) == len(made)
        for _, writer in made:
            writer.close()
    finally:
        await server.stop(None)


def certificate() -> tuple[bytes, bytes]:
    """A private key and a certificate that nobody has to trust."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .issuer_name(name)
        .subject_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    return (
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()),
        made.public_bytes(pem),
    )


async def test_who_never_reads_holds_little(worker: Worker, counted: Counted) -> None:
    """No window is opened, so that the largest answers there are stay where they are."""
    pair = await worker.client.create_pair(Subject(user_id="u-38", username="u-38"))
    request = pb.BatchValidateRequest(tokens=[pair.access_token] * 1_000).SerializeToString()

    async def all_answered() -> bool:
        return await calls_under_way(worker.http) == 0

    for _ in counted(38, rounds(1, 20)):
        before = Footprint.of(worker.pid).memory
        async with Wire.to(worker.address, initial_window=0) as wire:
            calls = [wire.open("/tokenauthority.v1.TokenService/BatchValidate") for _ in range(100)]
            for call in calls:
                await wire.write(call, framed(request), end=True)
            assert await serves(worker)
            await eventually(all_answered, 20)
            grown = Footprint.of(worker.pid).memory - before
            assert grown < 100, grown
            # What ended did so without a window: its time was up.
            assert not any(wire.answers[call].status == 0 for call in calls)
        assert await serves(worker)


@pytest.mark.timeout(120)
async def test_out_of_files(worker: Worker) -> None:
    """Where the process may open nothing any more, it goes on, and takes callers again later."""
    # What is loaded when it is needed first is loaded now.
    pair = await worker.client.create_pair(Subject(user_id="u-38", username="u-38"))
    assert await worker.client.validate(pair.access_token)
    limits = resource.prlimit(worker.pid, resource.RLIMIT_NOFILE)
    few = Footprint.of(worker.pid).files + 20
    resource.prlimit(worker.pid, resource.RLIMIT_NOFILE, (few, limits[1]))
    async with connections(worker, 60, PREFACE + frame(SETTINGS, 0, 0) + frame(SETTINGS, 1, 0)):
        await asyncio.sleep(0.5)
        assert not await serves(worker)
        # Who is connected does not notice.
        assert await worker.client.validate(pair.access_token)
    resource.prlimit(worker.pid, resource.RLIMIT_NOFILE, limits)
    await eventually(lambda: serves(worker), 20)
    assert len(worker.log.read_bytes()) < 10_000
