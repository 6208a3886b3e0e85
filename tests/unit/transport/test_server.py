"""The ports of the server."""

import errno
import socket
from collections.abc import Iterator

import pytest
from google.protobuf.wrappers_pb2 import StringValue
from prometheus_client import CollectorRegistry
from unit.transport.fakes import CALLER
from unit.transport.hand_made import allowed, hand_made, unary
from unit.transport.serving import serving

from tokenauthority_server.adapters.memory.rates import MemoryRateExchange
from tokenauthority_server.domain.callers import Admission
from tokenauthority_server.domain.errors import StartError
from tokenauthority_server.services.rate_limits import RateLimits
from tokenauthority_server.telemetry.metrics import Metrics
from tokenauthority_server.transport.binding import BindError, bind, hold, why_not
from tokenauthority_server.transport.server import make_server, take_port


async def answer(request: StringValue, _context: object) -> StringValue:
    return request


HANDLERS = {"Ask": unary(answer)}


@pytest.fixture
def taken() -> Iterator[int]:
    """Yield a port that another program listens on."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        yield other.getsockname()[1]


def open_on(host: str, port: int, *, shared: bool = False) -> int:
    metrics = Metrics(CollectorRegistry(), version="1")
    server = make_server(
        [hand_made(HANDLERS)],
        metrics,
        identify=lambda _: Admission(caller=CALLER),
        limits=RateLimits(MemoryRateExchange(), lambda: 0),
        policies=allowed(HANDLERS),
        shared=shared,
    )
    return take_port(server, host, port, shared=shared)


async def test_a_taken_port_is_told_with_its_setting(taken: int) -> None:
    with pytest.raises(BindError) as caught:
        open_on("127.0.0.1", taken)

    assert isinstance(caught.value, StartError)
    assert caught.value.setting == "GRPC_PORT"
    assert str(caught.value) == (
        f"GRPC_PORT: cannot listen on 127.0.0.1:{taken}: another program listens there. "
        "Stop it, or give another port by GRPC_PORT (0 takes any free one)"
    )


async def test_a_second_server_does_not_share_the_port() -> None:
    async with serving(hand_made(HANDLERS), policies=allowed(HANDLERS)) as served:
        with pytest.raises(BindError):
            open_on("127.0.0.1", served.port)


async def test_any_free_port() -> None:
    assert open_on("127.0.0.1", 0) > 0


async def test_ipv6() -> None:
    assert open_on("::1", 0) > 0


async def test_an_address_of_another_machine_is_told_with_its_setting() -> None:
    with pytest.raises(BindError, match="GRPC_HOST"):
        open_on("192.0.2.1", 0)


def test_a_port_for_http_is_told_by_its_own_setting(taken: int) -> None:
    with pytest.raises(BindError, match=r"^HTTP_PORT: cannot listen on .* by HTTP_PORT"):
        bind("HTTP_PORT", "127.0.0.1", taken)


def test_a_host_that_is_none_is_told_by_its_setting() -> None:
    with pytest.raises(BindError, match="HTTP_HOST"):
        bind("HTTP_PORT", "nowhere.invalid", 0)


def test_what_keeps_a_port_from_being_taken(taken: int) -> None:
    found = why_not("127.0.0.1", taken)

    assert found
    assert found.errno == errno.EADDRINUSE
    assert why_not("127.0.0.1", 0) is None


@pytest.mark.parametrize(
    ("cause", "advice"),
    [
        (OSError(errno.EACCES, "Permission denied"), "Give a port from 1024 on by GRPC_PORT"),
        (None, "another program listens there"),
    ],
)
def test_each_cause_has_its_advice(cause: OSError | None, advice: str) -> None:
    assert advice in str(BindError("GRPC_PORT", "::1", 80, cause))
    assert "[::1]:80" in str(BindError("GRPC_PORT", "::1", 80, cause))


def test_a_held_port_is_for_those_who_share_it_alone() -> None:
    # Guards: without the listening try two held it; without SO_REUSEADDR taken back, or with a
    # socket that is closed at once, another program got it.
    with hold("GRPC_PORT", "127.0.0.1", 0) as held:
        port = held.getsockname()[1]
        with pytest.raises(BindError, match="another program listens there"):
            hold("GRPC_PORT", "127.0.0.1", port)
        with pytest.raises(BindError):
            bind("HTTP_PORT", "127.0.0.1", port)
        with socket.socket() as caller:
            assert caller.connect_ex(("127.0.0.1", port)) == errno.ECONNREFUSED
        with sharing(port), sharing(port):
            with pytest.raises(BindError):
                hold("GRPC_PORT", "127.0.0.1", port)
            assert why_not("127.0.0.1", port)
        with pytest.raises(BindError):
            hold("GRPC_PORT", "127.0.0.1", port)
    assert why_not("127.0.0.1", port) is None


def sharing(port: int) -> socket.socket:
    """A socket as gRPC opens it in a worker."""
    return socket.create_server(("127.0.0.1", port), reuse_port=True)


def test_a_taken_port_cannot_be_held(taken: int) -> None:
    with pytest.raises(BindError, match=r"^GRPC_PORT: "):
        hold("GRPC_PORT", "127.0.0.1", taken)


def test_a_port_of_ipv6_can_be_held() -> None:
    with hold("GRPC_PORT", "::1", 0) as held:
        assert held.getsockname()[1] > 0


async def test_two_servers_share_a_port_that_is_held() -> None:
    with hold("GRPC_PORT", "127.0.0.1", 0) as held:
        port = held.getsockname()[1]
        assert [open_on("127.0.0.1", port, shared=True) for _ in range(2)] == [port] * 2
