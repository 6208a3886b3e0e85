"""Whatever a method raises, its caller sees what the table says and nothing else."""

import asyncio
from typing import Any

import grpc
import pytest
from google.protobuf.wrappers_pb2 import StringValue
from structlog.testing import capture_logs
from support.failures import Failure, failure_of
from support.waiting import until
from unit.transport.hand_made import NAME, allowed, ask, hand_made, unary
from unit.transport.serving import Served, serving

from tokenauthority_server.domain.errors import StoreUnavailableError, UserNotFoundError

Context = grpc.aio.ServicerContext[Any, Any]


async def failing(error: BaseException) -> Failure:
    async def fail(_request: StringValue, _context: Context) -> StringValue:
        raise error

    handlers = {"Ask": unary(fail)}
    async with serving(hand_made(handlers), policies=allowed(handlers)) as served:
        return await failure_of(
            ask(served.channel)(StringValue(), metadata=(("x-request-id", "call-1"),))
        )


async def test_a_domain_error_is_told_by_the_table() -> None:
    failure = await failing(UserNotFoundError("secret detail"))

    assert failure.code is grpc.StatusCode.NOT_FOUND
    assert failure.reason == "USER_NOT_FOUND"
    assert failure.infos[0].metadata["request_id"] == "call-1"
    assert failure.trailers["x-request-id"] == "call-1"
    assert "secret detail" not in failure.everything


async def test_a_store_that_is_away_is_told_with_when_to_try_again() -> None:
    failure = await failing(StoreUnavailableError("PostgreSQL"))

    assert failure.code is grpc.StatusCode.UNAVAILABLE
    assert failure.infos[0].metadata["store"] == "PostgreSQL"
    assert failure.retry_after == 1.0


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("postgresql://user:hunter2@db"),
        ValueError("hunter2"),
        TimeoutError("hunter2"),
        grpc.aio.UsageError("hunter2"),
        KeyError("hunter2"),
    ],
)
async def test_an_unexpected_fault_tells_its_request_id_and_nothing_else(
    error: BaseException,
) -> None:
    with capture_logs() as lines:
        failure = await failing(error)

    assert failure.code is grpc.StatusCode.INTERNAL
    assert failure.text == "an unexpected fault; the request id finds it in the authority's log"
    assert failure.reason == "INTERNAL"
    assert dict(failure.infos[0].metadata) == {"request_id": "call-1"}
    assert "hunter2" not in failure.everything
    (line,) = [line for line in lines if line["log_level"] == "error"]
    assert line["event"] == "unexpected fault"
    assert line["method"] == f"/{NAME}/Ask"
    assert line["exc_info"] is error


async def test_a_cancellation_that_strayed_in_is_a_fault() -> None:
    failure = await failing(asyncio.CancelledError("hunter2"))

    assert failure.reason == "INTERNAL"


async def test_a_method_may_send_a_status_of_its_own() -> None:
    async def abort(_request: StringValue, context: Context) -> StringValue:
        await context.abort(grpc.StatusCode.NOT_FOUND, "its own words")

    handlers = {"Ask": unary(abort)}
    async with serving(hand_made(handlers), policies=allowed(handlers)) as served:
        failure = await failure_of(
            ask(served.channel)(StringValue(), metadata=(("x-request-id", "call-1"),))
        )
        handled = served.handled(f"{NAME}.Ask", "NOT_FOUND")

    assert (failure.code, failure.text) == (grpc.StatusCode.NOT_FOUND, "its own words")
    assert failure.trailers["x-request-id"] == "call-1"
    assert handled == 1


class Waiting:
    """A method that waits until it is cancelled."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.handlers = {"Ask": unary(self.ask)}

    async def ask(self, _request: StringValue, _context: Context) -> StringValue:
        self.begun.set()
        await asyncio.Event().wait()
        raise AssertionError("nothing sets the event")

    def counted(self, served: Served, code: str) -> bool:
        return served.handled(f"{NAME}.Ask", code) == 1


@pytest.mark.parametrize("timeout_seconds", [None, 30.0])
async def test_a_caller_that_hangs_up_is_counted_and_logged(timeout_seconds: float | None) -> None:
    waiting = Waiting()
    policies = allowed(waiting.handlers)
    with capture_logs() as lines:
        async with serving(hand_made(waiting.handlers), policies=policies) as served:
            call = ask(served.channel)(StringValue(), timeout=timeout_seconds)
            waiting_for_it = asyncio.ensure_future(failure_of(call))
            await waiting.begun.wait()
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting_for_it
            await until(lambda: waiting.counted(served, "CANCELLED"))

    assert [line["code"] for line in lines] == ["CANCELLED"]


async def test_a_deadline_that_passes_is_counted_and_logged() -> None:
    waiting = Waiting()
    policies = allowed(waiting.handlers)
    with capture_logs() as lines:
        async with serving(hand_made(waiting.handlers), policies=policies) as served:
            failure = await failure_of(ask(served.channel)(StringValue(), timeout=0.2))
            await until(lambda: waiting.counted(served, "DEADLINE_EXCEEDED"))

    assert failure.code is grpc.StatusCode.DEADLINE_EXCEEDED
    assert [line["code"] for line in lines] == ["DEADLINE_EXCEEDED"]


async def test_a_server_that_stops_cancels_what_is_left() -> None:
    waiting = Waiting()
    policies = allowed(waiting.handlers)
    with capture_logs() as lines:
        async with serving(hand_made(waiting.handlers), policies=policies) as served:
            outcome = asyncio.ensure_future(failure_of(ask(served.channel)(StringValue())))
            await waiting.begun.wait()
            await served.server.stop(0)
            await until(lambda: waiting.counted(served, "CANCELLED"))
            assert (await outcome).code is grpc.StatusCode.UNAVAILABLE

    assert [line["code"] for line in lines] == ["CANCELLED"]
