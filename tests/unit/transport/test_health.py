"""grpc.health.v1, by the names of the contract."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2
from support.failures import Failure, failure_of
from unit.transport.fakes import Script, fake_use_cases
from unit.transport.serving import Served, serving

from tokenauthority_server.transport.health import LIVENESS, OVERALL, READINESS, Health
from tokenauthority_server.transport.health_check import check
from tokenauthority_server.transport.readiness import Phase, Readiness
from tokenauthority_server.transport.token_service import token_service

TOKEN_SERVICE = "tokenauthority.v1.TokenService"
FOLLOWING = (OVERALL, READINESS, TOKEN_SERVICE)
PATH = "/grpc.health.v1.Health"


@pytest.fixture
async def health(readiness: Readiness, script: Script) -> Health:
    return await Health.starting(readiness, [token_service(fake_use_cases(script))])


@pytest.fixture
async def served(health: Health, script: Script) -> AsyncIterator[Served]:
    async with serving(token_service(fake_use_cases(script)), health.service()) as running:
        yield running


async def statuses(served: Served) -> dict[str, str]:
    return {name: await check("127.0.0.1", served.port, name) for name in (*FOLLOWING, LIVENESS)}


def watch(served: Served, name: str) -> Any:
    method = served.channel.unary_stream(
        f"{PATH}/Watch",
        health_pb2.HealthCheckRequest.SerializeToString,
        health_pb2.HealthCheckResponse.FromString,
    )
    return method(health_pb2.HealthCheckRequest(service=name))


def test_the_names() -> None:
    assert (OVERALL, LIVENESS, READINESS) == ("", "liveness", "readiness")


async def test_a_process_that_starts_lives_and_is_not_ready(
    served: Served, readiness: Readiness
) -> None:
    assert await statuses(served) == {
        **dict.fromkeys(FOLLOWING, "NOT_SERVING"),
        LIVENESS: "SERVING",
    }
    assert readiness.phase is Phase.STARTING


async def test_everything_follows_readiness(
    served: Served, health: Health, readiness: Readiness
) -> None:
    await health.ready()

    assert await statuses(served) == dict.fromkeys((*FOLLOWING, LIVENESS), "SERVING")
    assert readiness.phase is Phase.READY


async def test_a_process_that_drains_lives_and_is_not_ready(
    served: Served, health: Health, readiness: Readiness
) -> None:
    await health.ready()
    await health.drain()

    assert await statuses(served) == {
        **dict.fromkeys(FOLLOWING, "NOT_SERVING"),
        LIVENESS: "SERVING",
    }
    assert readiness.phase is Phase.DRAINING


async def test_a_lost_store_takes_nothing_out_of_service(
    served: Served, health: Health, readiness: Readiness
) -> None:
    await health.ready()
    readiness.store_seen("PostgreSQL", up=False)

    assert await statuses(served) == dict.fromkeys((*FOLLOWING, LIVENESS), "SERVING")


async def test_a_watcher_sees_each_change(served: Served, health: Health) -> None:
    watcher = watch(served, READINESS)
    seen = [(await watcher.read()).status]
    await health.ready()
    seen.append((await watcher.read()).status)
    await health.drain()
    seen.append((await watcher.read()).status)
    watcher.cancel()

    names = health_pb2.HealthCheckResponse.ServingStatus
    assert [names.Name(one) for one in seen] == ["NOT_SERVING", "SERVING", "NOT_SERVING"]


async def unknown(served: Served, path: str) -> Failure:
    method: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = served.channel.unary_unary(path)
    request = health_pb2.HealthCheckRequest(service="nobody").SerializeToString()
    return await failure_of(method(request, metadata=(("x-request-id", "call-1"),)))


async def test_an_unknown_name_is_not_found(served: Served) -> None:
    failure = await unknown(served, f"{PATH}/Check")

    assert failure.code is grpc.StatusCode.NOT_FOUND
    assert failure.trailers["x-request-id"] == "call-1"
    assert await check("127.0.0.1", served.port, "nobody") == "NOT_FOUND"


async def test_what_the_library_does_not_have_is_told_as_such(served: Served) -> None:
    failure = await unknown(served, f"{PATH}/List")

    assert failure.code is grpc.StatusCode.UNIMPLEMENTED
    assert failure.reason == "NOT_IMPLEMENTED"


async def test_a_server_that_is_not_there_is_unavailable(served: Served) -> None:
    await served.server.stop(0)

    assert await asyncio.wait_for(check("127.0.0.1", served.port, READINESS), 5) == "UNAVAILABLE"


async def test_an_ipv6_address_is_an_address() -> None:
    assert await check("::1", 1, READINESS) == "UNAVAILABLE"
