"""One line for each call, with nothing of what was asked or answered."""

import io
import json
from collections.abc import Iterator

import pytest
from google.protobuf.wrappers_pb2 import StringValue
from structlog.testing import capture_logs
from support.failures import failure_of
from support.logs import configured
from unit.transport.hand_made import NAME, allowed, ask, hand_made, unary
from unit.transport.serving import serving

from tokenauthority_server.domain.errors import UserNotFoundError
from tokenauthority_server.telemetry.call_log import write_all
from tokenauthority_server.transport.interceptors.access_log import address_of


async def answer(request: StringValue, _context: object) -> StringValue:
    if request.value == "unknown":
        raise UserNotFoundError
    return StringValue(value="an answer's secret")


HANDLERS = {"Ask": unary(answer)}
INFRASTRUCTURE = "grpc.trial.v1.Trial"


async def call(name: str = NAME, value: str = "a request's secret") -> None:
    async with serving(hand_made(HANDLERS, name), policies=allowed(HANDLERS, name)) as served:
        method = ask(served.channel, f"/{name}/Ask")
        called = method(StringValue(value=value), metadata=(("x-request-id", "call-1"),))
        if value == "unknown":
            await failure_of(called)
        else:
            await called
    write_all()


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    with configured("info", "json") as stream:
        yield stream


async def test_a_call_is_one_line(log: io.StringIO) -> None:
    await call()

    (line,) = log.getvalue().splitlines()
    written = json.loads(line)
    assert 0 <= written.pop("seconds") < 5
    assert written.pop("timestamp").endswith("Z")
    assert written == {
        "event": "call",
        "level": "info",
        "method": f"/{NAME}/Ask",
        "code": "OK",
        "caller": "shop",
        "peer": "127.0.0.1",
        "request_id": "call-1",
    }


async def test_a_refusal_has_its_reason(log: io.StringIO) -> None:
    await call(value="unknown")

    (line,) = log.getvalue().splitlines()
    written = json.loads(line)
    assert (written["code"], written["reason"]) == ("NOT_FOUND", "USER_NOT_FOUND")


async def test_grpcs_own_services_are_not_worth_a_line(log: io.StringIO) -> None:
    await call(INFRASTRUCTURE)

    assert log.getvalue() == ""


async def test_grpcs_own_services_are_lines_of_level_debug() -> None:
    with capture_logs() as lines:
        await call(INFRASTRUCTURE)

    assert [(line["log_level"], line["code"]) for line in lines] == [("debug", "OK")]


async def test_a_log_that_cannot_be_written_fails_no_call(log: io.StringIO) -> None:
    log.close()

    await call()


@pytest.mark.parametrize(
    ("peer", "address"),
    [
        ("ipv4:192.0.2.1:50123", "192.0.2.1"),
        ("ipv6:%5B2001:db8::1%5D:50123", "2001:db8::1"),
        ("ipv6:[2001:db8::1]:50123", "2001:db8::1"),
        ("unix:/run/tokenauthority.sock", "unix"),
        ("unix:", "unix"),
        ("", ""),
    ],
)
def test_a_peer_is_logged_by_its_address(peer: str, address: str) -> None:
    assert address_of(peer) == address
