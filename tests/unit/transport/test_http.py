"""Metrics, probes and public keys over HTTP, asked of a real server."""

import asyncio
import os
import signal
import socket
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from starlette.applications import Starlette
from support.http import HttpClient
from unit.transport.fakes import KEY, FakePublicKeys, Script

from tokenauthority_server.domain.errors import StoreUnavailableError
from tokenauthority_server.telemetry.metrics import Metrics
from tokenauthority_server.transport.binding import BindError
from tokenauthority_server.transport.http import HttpServer, http_app
from tokenauthority_server.transport.own_pages import OwnPages
from tokenauthority_server.transport.readiness import Phase, Readiness


@pytest.fixture
def keys(script: Script) -> FakePublicKeys:
    return FakePublicKeys(script)


@pytest.fixture
async def client(
    metrics: Metrics, readiness: Readiness, keys: FakePublicKeys
) -> AsyncIterator[HttpClient]:
    server = HttpServer.bound("127.0.0.1", 0, http_app(OwnPages(metrics.registry, readiness, keys)))
    await server.start()
    yield HttpClient(server.port)
    await server.stop()


async def test_metrics(client: HttpClient) -> None:
    answer = await client.ask("/metrics")

    assert answer.status == 200
    assert answer.headers["content-type"].startswith("text/plain; version=")
    assert b'tokenauthority_build_info{grpc="' in answer.body
    assert b'tokenauthority_store_up{store="PostgreSQL"} 0.0' in answer.body


async def test_metrics_in_the_form_that_is_asked_for(client: HttpClient) -> None:
    answer = await client.ask("/metrics", Accept="application/openmetrics-text; version=1.0.0")

    assert answer.headers["content-type"].startswith("application/openmetrics-text")
    assert answer.body.endswith(b"# EOF\n")


async def test_a_process_that_answers_is_alive(client: HttpClient, readiness: Readiness) -> None:
    for phase in Phase:
        readiness.phase = phase
        readiness.store_seen("PostgreSQL", up=False)
        answer = await client.ask("/livez")

        assert (answer.status, answer.json) == (200, {"status": "alive"})


async def test_readiness_with_what_is_known_of_the_stores(
    client: HttpClient, readiness: Readiness
) -> None:
    starting = await client.ask("/readyz")
    readiness.phase = Phase.READY
    readiness.store_seen("PostgreSQL", up=True)
    readiness.store_seen("Redis", up=False)
    ready = await client.ask("/readyz")
    readiness.phase = Phase.DRAINING
    draining = await client.ask("/readyz")

    unknown = {"PostgreSQL": "unknown", "Redis": "unknown"}
    known = {"PostgreSQL": "up", "Redis": "down"}
    assert (starting.status, starting.json) == (503, {"status": "starting", "stores": unknown})
    assert (ready.status, ready.json) == (200, {"status": "ready", "stores": known})
    assert (draining.status, draining.json) == (503, {"status": "draining", "stores": known})
    assert ready.headers["content-type"] == "application/json"
    assert ready.headers["cache-control"] == "no-store"


async def test_the_public_keys(client: HttpClient, keys: FakePublicKeys) -> None:
    keys.keys = (KEY, replace(KEY, jwk='{"kty":"EC","kid":"older"}'))

    answer = await client.ask("/.well-known/jwks.json")

    assert answer.status == 200
    assert answer.json == {"keys": [{"kty": "EC", "kid": "kid"}, {"kty": "EC", "kid": "older"}]}
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "public, max-age=300"


async def test_keys_that_did_not_change_are_not_sent_again(
    client: HttpClient, keys: FakePublicKeys
) -> None:
    tag = (await client.ask("/.well-known/jwks.json")).headers["etag"]

    same = await client.ask("/.well-known/jwks.json", If_None_Match=tag)
    keys.keys = ()
    changed = await client.ask("/.well-known/jwks.json", If_None_Match=tag)

    assert (same.status, same.body, same.headers["etag"]) == (304, b"", tag)
    assert (changed.status, changed.json) == (200, {"keys": []})
    assert changed.headers["etag"] != tag


async def test_keys_that_are_not_known_yet(client: HttpClient, script: Script) -> None:
    script.error = StoreUnavailableError("PostgreSQL")

    answer = await client.ask("/.well-known/jwks.json")

    assert (answer.status, answer.headers["retry-after"]) == (503, "1")
    assert answer.json == {"error": "no key is known yet; try again"}


async def test_a_fault_tells_nothing(client: HttpClient, script: Script) -> None:
    script.error = RuntimeError("hunter2")

    answer = await client.ask("/.well-known/jwks.json")

    assert (answer.status, answer.body) == (500, b"Internal Server Error")


@pytest.mark.parametrize("path", ["/metrics", "/livez", "/readyz", "/.well-known/jwks.json"])
async def test_paths_can_be_read_only(client: HttpClient, readiness: Readiness, path: str) -> None:
    readiness.phase = Phase.READY

    head = await client.ask(path, "HEAD")
    post = await client.ask(path, "POST", Content_Length="0")

    assert (head.status, head.body) == (200, b"")
    assert post.status == 405


async def test_what_is_not_there_is_not_found(client: HttpClient) -> None:
    answer = await client.ask("/docs")

    assert answer.status == 404
    assert "server" not in answer.headers


async def test_a_taken_port_is_told_with_its_setting(client: HttpClient) -> None:
    with pytest.raises(BindError, match=f"HTTP_PORT: cannot listen on 127.0.0.1:{client.port}"):
        HttpServer.bound("127.0.0.1", client.port, Starlette())


async def test_the_processs_signals_stay_the_processs_own(client: HttpClient) -> None:
    received = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, received.set)
    try:
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.wait_for(received.wait(), 5)
    finally:
        loop.remove_signal_handler(signal.SIGTERM)

    assert (await client.ask("/livez")).status == 200


async def test_a_server_that_stopped_gives_its_port_back() -> None:
    server = HttpServer.bound("127.0.0.1", 0, Starlette())
    port = server.port
    await server.start()
    await server.stop()

    again = HttpServer.bound("127.0.0.1", port, Starlette())
    assert again.port == port
    await again.stop()


async def test_a_server_that_cannot_start_says_so() -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    server = HttpServer(Starlette(), listener)
    listener.close()

    with pytest.raises((OSError, ValueError)):
        await server.start()
