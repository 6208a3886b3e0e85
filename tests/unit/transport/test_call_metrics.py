"""Calls in the metrics."""

import asyncio

import grpc
import pytest
from google.protobuf.wrappers_pb2 import StringValue
from support.failures import failure_of
from unit.transport.fakes import Script, fake_use_cases
from unit.transport.hand_made import NAME, allowed, ask, hand_made, unary
from unit.transport.serving import Served, serving

from tokenauthority_server.domain.errors import UserNotFoundError
from tokenauthority_server.transport.policy import POLICIES
from tokenauthority_server.transport.token_service import token_service

LABELS = {"grpc_type": "unary", "grpc_service": NAME, "grpc_method": "Ask"}


async def answer(request: StringValue, _context: object) -> StringValue:
    await asyncio.sleep(0)
    if request.value == "unknown":
        raise UserNotFoundError
    return request


HANDLERS = {"Ask": unary(answer)}


def value(served: Served, name: str, **labels: str) -> float | None:
    return served.registry.get_sample_value(name, LABELS | labels)


async def test_calls_are_counted_and_timed() -> None:
    async with serving(hand_made(HANDLERS), policies=allowed(HANDLERS)) as served:
        await ask(served.channel)(StringValue())
        await ask(served.channel)(StringValue())
        await failure_of(ask(served.channel)(StringValue(value="unknown")))

        assert value(served, "grpc_server_started_total") == 3
        assert value(served, "grpc_server_handled_total", grpc_code="OK") == 2
        assert value(served, "grpc_server_handled_total", grpc_code="NOT_FOUND") == 1
        assert value(served, "grpc_server_handled_total", grpc_code="INTERNAL") == 0
        assert value(served, "grpc_server_handling_seconds_count") == 3
        assert value(served, "grpc_server_handling_seconds_bucket", le="+Inf") == 3


@pytest.mark.parametrize("path", [path for path in POLICIES if "TokenService" in path])
async def test_every_series_is_there_before_the_first_call(path: str, script: Script) -> None:
    _, service, method = path.split("/")
    kind = "bidi_stream" if method == "WatchRevocations" else "unary"
    labels = {"grpc_type": kind, "grpc_service": service, "grpc_method": method}
    async with serving(token_service(fake_use_cases(script))) as served:

        def read(name: str, **more: str) -> float | None:
            return served.registry.get_sample_value(name, labels | more)

        assert read("grpc_server_started_total") == 0
        assert read("grpc_server_handling_seconds_count") == 0
        for code in grpc.StatusCode:
            assert read("grpc_server_handled_total", grpc_code=code.name) == 0
