"""grpc.health.v1, by the names of the contract."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2
from h2.errors import ErrorCodes
from support.failures import Failure, failure_of
from support.waiting import until
from support.wire import Wire, framed
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
    return Health.starting(readiness, [token_service(fake_use_cases(script))])


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
    health.ready()

    assert await statuses(served) == dict.fromkeys((*FOLLOWING, LIVENESS), "SERVING")
    assert readiness.phase is Phase.READY


async def test_a_process_that_drains_lives_and_is_not_ready(
    served: Served, health: Health, readiness: Readiness
) -> None:
    health.ready()
    health.drain()

    assert await statuses(served) == {
        **dict.fromkeys(FOLLOWING, "NOT_SERVING"),
        LIVENESS: "SERVING",
    }
    assert readiness.phase is Phase.DRAINING


async def test_a_lost_store_takes_nothing_out_of_service(
    served: Served, health: Health, readiness: Readiness
) -> None:
    health.ready()
    readiness.store_seen("PostgreSQL", up=False)

    assert await statuses(served) == dict.fromkeys((*FOLLOWING, LIVENESS), "SERVING")


async def test_a_watcher_sees_each_change(served: Served, health: Health) -> None:
    watcher = watch(served, READINESS)
    seen = [(await watcher.read()).status]
    health.ready()
    seen.append((await watcher.read()).status)
    health.drain()
    seen.append((await watcher.read()).status)
    watcher.cancel()

    names = health_pb2.HealthCheckResponse.ServingStatus
    assert [names.Name(one) for one in seen] == ["NOT_SERVING", "SERVING", "NOT_SERVING"]


@pytest.mark.parametrize("name", FOLLOWING)
async def test_a_watcher_who_takes_nothing_keeps_nobody_waiting(
    served: Served, health: Health, name: str
) -> None:
    # Guard: with the library's servicer this waited for ever, and a stopping process with it.
    request = health_pb2.HealthCheckRequest(service=name).SerializeToString()
    async with Wire.to(f"127.0.0.1:{served.port}", initial_window=0) as wire:
        silent = wire.open(f"{PATH}/Watch")
        await wire.write(silent, framed(request), end=True)
        await until(lambda: wire.answers[silent].headers)

        other = watch(served, name)
        seen = [(await asyncio.wait_for(other.read(), 5)).status]
        health.ready()
        seen.append((await asyncio.wait_for(other.read(), 5)).status)
        other.cancel()

    names = health_pb2.HealthCheckResponse.ServingStatus
    assert [names.Name(one) for one in seen] == ["NOT_SERVING", "SERVING"]


async def test_watchers_who_hang_up_are_no_fault(
    served: Served, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    # Guard: two tracebacks each, and INTERNAL, for who hangs up before anything could be sent.
    labels = {"grpc_type": "server_stream", "grpc_service": PATH[1:], "grpc_method": "Watch"}

    def handled(code: str) -> float:
        name = "grpc_server_handled_total"
        return served.registry.get_sample_value(name, {**labels, "grpc_code": code}) or 0

    async with Wire.to(f"127.0.0.1:{served.port}", initial_window=0) as wire:
        calls = [wire.open(f"{PATH}/Watch") for _ in range(200)]
        for call in calls:
            await wire.write(call, framed(b""), end=True)
        await until(lambda: all(wire.answers[call].headers for call in calls))
        for call in calls:
            wire.h2.reset_stream(call, ErrorCodes.CANCEL)
        await wire.flush()
        await until(lambda: handled("CANCELLED") + handled("INTERNAL") == len(calls))
    assert not handled("INTERNAL")
    assert "unexpected fault" not in capsys.readouterr().out
    assert not caplog.records


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
