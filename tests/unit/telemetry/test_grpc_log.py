"""What gRPC logs by itself quotes nothing that callers sent."""

import json
import logging

import grpc
import pytest
from google.protobuf.wrappers_pb2 import StringValue
from support.logs import configured
from support.wire import Header, Wire, framed
from unit.transport.hand_made import NAME, allowed, hand_made, unary
from unit.transport.serving import serving

from tokenauthority_server.telemetry.call_log import write_all

SECRET = b"Bearer hunter2\xff"


async def answer(request: StringValue, _context: object) -> StringValue:
    return request


@pytest.mark.parametrize("name", ["authorization", "x-request-id", "x-other", "user-agent"])
async def test_metadata_that_are_no_text_are_not_quoted(name: str) -> None:
    # Guard: without the filter there was an error with a traceback, and the value in both.
    handlers = {"Ask": unary(answer)}
    path: Header = (":path", f"/{NAME}/Ask")
    with configured("info", "json") as log:
        async with (
            serving(hand_made(handlers), policies=allowed(handlers)) as served,
            Wire.to(f"127.0.0.1:{served.port}") as wire,
        ):
            call = wire.begin([path, (name, SECRET)])
            await wire.write(call, framed(b""), end=True)
            assert (await wire.answer(call)).status == grpc.StatusCode.OK.value[0]
        write_all()
        lines = log.getvalue().splitlines()

    assert [json.loads(line)["event"] for line in lines] == ["call"]
    assert "hunter2" not in log.getvalue()


def test_whatever_else_grpc_has_to_say_is_logged() -> None:
    with configured("info", "json") as log:
        logging.getLogger("grpc._cython.cygrpc").error("the server has ended")

    assert "the server has ended" in log.getvalue()
