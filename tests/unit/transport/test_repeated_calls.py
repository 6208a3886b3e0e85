"""What a caller's gRPC makes again by itself, and where it is told to stop."""

import json
from typing import Any

import grpc
import pytest
from google.protobuf.wrappers_pb2 import StringValue
from support.failures import Failure, failure_of
from unit.transport.hand_made import NAME, allowed, ask, hand_made, unary
from unit.transport.serving import serving

from tokenauthority_server.domain.errors import OverloadedError, StoreUnavailableError

Context = grpc.aio.ServicerContext[Any, Any]

RETRY_POLICY = {
    "maxAttempts": 4,
    "initialBackoff": "0.01s",
    "maxBackoff": "0.01s",
    "backoffMultiplier": 1,
    "retryableStatusCodes": ["UNAVAILABLE", "CANCELLED"],
}
OPTIONS = (
    (
        "grpc.service_config",
        json.dumps({"methodConfig": [{"name": [{"service": NAME}], "retryPolicy": RETRY_POLICY}]}),
    ),
)


async def attempts_of(behavior: Any) -> tuple[int, Failure]:
    """How often a method that behaves so is asked, and what its caller is told in the end."""
    attempts = 0

    async def counted(request: StringValue, context: Context) -> StringValue:
        nonlocal attempts
        attempts += 1
        response: StringValue = await behavior(request, context)
        return response

    handlers = {"Ask": unary(counted)}
    async with (
        serving(hand_made(handlers), policies=allowed(handlers)) as served,
        grpc.aio.insecure_channel(f"127.0.0.1:{served.port}", OPTIONS) as channel,
    ):
        failure = await failure_of(ask(channel)(StringValue(), timeout=5))
        return attempts, failure


@pytest.mark.parametrize("error", [StoreUnavailableError("PostgreSQL"), OverloadedError()])
async def test_what_cannot_be_answered_now_is_asked_once_more(error: Exception) -> None:
    async def fail(_request: StringValue, _context: Context) -> StringValue:
        raise error

    attempts, failure = await attempts_of(fail)

    assert attempts == 2
    assert failure.code is grpc.StatusCode.UNAVAILABLE
    assert failure.retry_after == 1.0


async def test_what_this_server_did_not_explain_is_up_to_the_caller() -> None:
    async def abort(_request: StringValue, context: Context) -> StringValue:
        await context.abort(grpc.StatusCode.CANCELLED)

    attempts, failure = await attempts_of(abort)

    assert attempts == RETRY_POLICY["maxAttempts"]
    assert "grpc-retry-pushback-ms" not in failure.trailers
