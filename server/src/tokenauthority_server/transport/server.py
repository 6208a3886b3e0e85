"""The gRPC server: its options, its services behind the chain, and its port."""

from collections.abc import Mapping, Sequence
from typing import Final

import grpc

from tokenauthority_server.services.rate_limits import RateLimits
from tokenauthority_server.telemetry.metrics import Metrics
from tokenauthority_server.transport.binding import BindError, address_of, why_not
from tokenauthority_server.transport.interceptors.authentication import Identify
from tokenauthority_server.transport.interceptors.chain import Chain
from tokenauthority_server.transport.open_files import most_connections
from tokenauthority_server.transport.policy import POLICIES, Policy, check_complete
from tokenauthority_server.transport.service import Service
from tokenauthority_server.transport.steady_server import SteadyServer

MAX_MESSAGE_BYTES: Final = 16 * 1024 * 1024

MAX_STREAMS: Final = 1_000

_SECOND: Final = 1_000
_MINUTE: Final = 60 * _SECOND
_IDENTITY: Final = 1
"""The set of algorithms that has only the one that leaves messages as they are."""

# Each with its reason; docs/deployment.md has them in one table, and tests/faults/test_row_38_*.py
# fail without them.
OPTIONS: Final[Sequence[tuple[str, int]]] = (
    # What a caller may send, and hold of our memory.
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
    # Nothing compressed: 16 KiB would be 16 MiB, and the length of an answer would tell of it.
    ("grpc.compression_enabled_algorithms_bitset", _IDENTITY),
    # By default metadata between 8 and 16 KiB are refused at random: one limit, and no dice.
    ("grpc.max_metadata_size", 16 * 1024),
    ("grpc.absolute_max_metadata_size", 16 * 1024),
    # How much of a request is taken before anybody wants it: by default 4 MiB and, as gRPC learns
    # how quick the network is, more.
    ("grpc.http2.lookahead_bytes", 64 * 1024),
    ("grpc.http2.bdp_probe", 0),
    # How many calls one connection has at once. What a client sends above it before it knows of it
    # is refused rather than kept waiting: so more than any client of ours ever has.
    ("grpc.max_concurrent_streams", MAX_STREAMS),
    # Who connects and says nothing, or not all that opens a connection of HTTP/2.
    ("grpc.server_handshake_timeout_ms", 10 * _SECOND),
    ("grpc.http2.settings_timeout", 10 * _SECOND),
    # A peer that is gone without a word is noticed; one that pings often is not thrown out.
    ("grpc.keepalive_time_ms", _MINUTE),
    ("grpc.keepalive_timeout_ms", 20 * _SECOND),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.min_ping_interval_without_data_ms", 10 * _SECOND),
    # Connections are made anew from time to time, so that new replicas get their share of them and
    # what little memory gRPC loses with cancelled calls comes back. Calls under way are finished.
    ("grpc.max_connection_age_ms", 30 * _MINUTE),
    ("grpc.max_connection_age_grace_ms", _MINUTE),
    ("grpc.max_connection_idle_ms", 15 * _MINUTE),
)


def make_server(  # noqa: PLR0913 - all but two by name
    services: Sequence[Service],
    metrics: Metrics,
    *,
    identify: Identify,
    limits: RateLimits,
    policies: Mapping[str, Policy] = POLICIES,
    shared: bool = False,
) -> grpc.aio.Server:
    """Return a server that has no port yet; with `shared` it will share its with other processes.

    To be called in the event loop that will run it. Raises IncompletePolicyError when a method has
    no policy.
    """
    methods = check_complete([service.descriptor for service in services], policies)
    chain = Chain(methods, metrics, identify, limits)
    connections = ("grpc.max_allowed_incoming_connections", most_connections())
    # By default a second server on this port would silently take half of the connections.
    sharing = ("grpc.so_reuseport", int(shared))
    server = SteadyServer([*OPTIONS, connections, sharing], chain.wrap)
    for service in services:
        service.add_to(server)
    return server


def take_port(
    server: grpc.aio.Server,
    host: str,
    port: int,
    credentials: grpc.ServerCredentials | None = None,
    *,
    shared: bool = False,
) -> int:
    """Let the server, which is not started, take a port, any free one for 0, and return it.

    From then on connections come in, and wait for its start. With credentials it speaks TLS 1.2 or
    1.3 and nothing else (RFC 9325, section 3.1.1). Whether the port of a `shared` one is nobody
    else's has been seen by whoever holds it. Raises BindError when it cannot be taken.
    """
    # gRPC does not say why it cannot take a port, and logs about it in a form of its own: so the
    # port is tried by hand before.
    if not shared and (cause := why_not(host, port)):
        raise BindError("GRPC_PORT", host, port, cause)
    address = address_of(host, port)
    try:
        if credentials:
            return server.add_secure_port(address, credentials)
        return server.add_insecure_port(address)
    except RuntimeError as error:
        raise BindError("GRPC_PORT", host, port, why_not(host, port)) from error
