"""The request id: the caller's, or a new one; echoed in the trailers whatever happens."""

import re
from typing import Any

import grpc
import pytest
from google.protobuf.wrappers_pb2 import StringValue
from support.failures import failure_of
from unit.transport.hand_made import allowed, ask, hand_made, unary
from unit.transport.serving import serving

from tokenauthority_server.telemetry.request_id import current_request_id


async def tell(request: StringValue, _context: object) -> StringValue:
    """Answer with the request id that the method's own code sees."""
    if request.value == "fail":
        raise RuntimeError
    return StringValue(value=current_request_id.get())


HANDLERS = {"Ask": unary(tell)}


async def echoed(metadata: Any) -> tuple[str, str]:
    """Return the id that the method saw, and the one in the trailers."""
    async with serving(hand_made(HANDLERS), policies=allowed(HANDLERS)) as served:
        call = ask(served.channel)(StringValue(), metadata=metadata)
        seen = (await call).value
        trailers = dict(await call.trailing_metadata())
    return seen, str(trailers["x-request-id"])


@pytest.mark.parametrize("request_id", ["a", "call-1", "!~", "x" * 64])
async def test_the_callers_id_is_kept(request_id: str) -> None:
    assert await echoed((("x-request-id", request_id),)) == (request_id, request_id)


@pytest.mark.parametrize(
    "metadata",
    [
        (),
        (("x-request-id", ""),),
        (("x-request-id", "x" * 65),),
        (("x-request-id", "two words"),),
        (("x-request-id-bin", b"\x00binary"),),
        (("other", "call-1"),),
    ],
)
async def test_another_id_is_replaced(metadata: Any) -> None:
    seen, echo = await echoed(metadata)

    assert re.fullmatch(r"[0-9a-f]{24}", seen)
    assert seen == echo


async def test_the_first_good_id_counts() -> None:
    metadata = (("x-request-id", "two words"), ("x-request-id", "good"), ("x-request-id", "late"))

    assert await echoed(metadata) == ("good", "good")


async def test_new_ids_differ() -> None:
    assert (await echoed(()))[0] != (await echoed(()))[0]


async def test_the_id_is_in_the_trailers_of_errors_beside_the_details() -> None:
    async with serving(hand_made(HANDLERS), policies=allowed(HANDLERS)) as served:
        failure = await failure_of(
            ask(served.channel)(StringValue(value="fail"), metadata=(("x-request-id", "call-1"),))
        )

    assert failure.code is grpc.StatusCode.INTERNAL
    assert failure.trailers["x-request-id"] == "call-1"
    assert "grpc-status-details-bin" in failure.trailers


async def test_outside_of_a_call_there_is_none() -> None:
    await echoed((("x-request-id", "call-1"),))

    assert not current_request_id.get()
