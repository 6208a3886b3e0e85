"""What a container's health check finds out where the gRPC port speaks TLS."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from prometheus_client import CollectorRegistry

from tokenauthority_server.adapters.jwt.keyring import KeyRing
from tokenauthority_server.telemetry.metrics import Metrics
from tokenauthority_server.transport.health_check import check_over_http
from tokenauthority_server.transport.http import HttpServer, http_app
from tokenauthority_server.transport.own_pages import OwnPages
from tokenauthority_server.transport.readiness import Phase, Readiness

HERE = "127.0.0.1"


@pytest.fixture
def readiness() -> Readiness:
    return Readiness((), Metrics(CollectorRegistry(), version="1"))


@pytest.fixture
async def port(readiness: Readiness) -> AsyncIterator[int]:
    app = http_app(
        OwnPages(CollectorRegistry(), readiness, KeyRing("ES256", stored_keys_sign=True))
    )
    server = HttpServer.bound(HERE, 0, app)
    await server.start()
    yield server.port
    await server.stop()


async def test_readiness_and_liveness_are_told(readiness: Readiness, port: int) -> None:
    assert await check_over_http(HERE, port, "readiness") == "NOT_SERVING"
    assert await check_over_http(HERE, port, "liveness") == "SERVING"
    readiness.phase = Phase.READY
    assert await check_over_http(HERE, port, "readiness") == "SERVING"


async def test_http_knows_no_other_name(port: int) -> None:
    for name in ("", "tokenauthority.v1.TokenService", "../metrics"):
        assert await check_over_http(HERE, port, name) == "NOT_FOUND"


async def test_a_server_that_is_away_or_is_no_server_is_unavailable(port: int) -> None:
    async def babble(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example\r\n")
        writer.close()

    async with await asyncio.start_server(babble, HERE, 0) as other:
        babbling = other.sockets[0].getsockname()[1]
        assert await check_over_http(HERE, babbling, "readiness") == "UNAVAILABLE"
    assert await check_over_http(HERE, babbling, "readiness") == "UNAVAILABLE"
    assert await check_over_http("nowhere.invalid", port, "readiness") == "UNAVAILABLE"
