"""The gRPC server: its options, its services behind the chain of interceptors, and its port."""

from collections.abc import Mapping, Sequence
from typing import Final

import grpc

from tokenauthority_server.telemetry.metrics import Metrics
from tokenauthority_server.transport.binding import BindError, address_of, why_not
from tokenauthority_server.transport.interceptors.chain import Chain, layers
from tokenauthority_server.transport.policy import POLICIES, Policy, check_complete
from tokenauthority_server.transport.service import Service

MAX_MESSAGE_BYTES: Final = 16 * 1024 * 1024

_MINUTE: Final = 60_000

OPTIONS: Final[Sequence[tuple[str, int]]] = (
    # Otherwise a second server on this port would silently take half of the connections.
    ("grpc.so_reuseport", 0),
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
    # By default metadata between 8 and 16 KiB are refused at random: one limit, and no dice.
    ("grpc.max_metadata_size", 16 * 1024),
    ("grpc.absolute_max_metadata_size", 16 * 1024),
    # A peer that is gone without a word is noticed; one that pings often is not thrown out.
    ("grpc.keepalive_time_ms", _MINUTE),
    ("grpc.keepalive_timeout_ms", _MINUTE // 3),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
    # Connections are made anew from time to time, so that new replicas get their share of them and
    # what little memory gRPC loses with cancelled calls comes back. Calls under way are finished.
    ("grpc.max_connection_age_ms", 30 * _MINUTE),
    ("grpc.max_connection_age_grace_ms", _MINUTE),
    ("grpc.max_connection_idle_ms", 15 * _MINUTE),
    # There is no max_concurrent_streams on purpose: what a client sends at once on a new connection
    # above that number is refused, rather than kept waiting.
)


def open_server(
    host: str,
    port: int,
    services: Sequence[Service],
    metrics: Metrics,
    *,
    policies: Mapping[str, Policy] = POLICIES,
) -> tuple[grpc.aio.Server, int]:
    """Return a server that is bound, and not started, with its port (any free one for 0).

    To be called in the event loop that will run it. Raises IncompletePolicyError when a method has
    no policy, and BindError when the port cannot be taken.
    """
    methods = check_complete([service.descriptor for service in services], policies)
    server = grpc.aio.server(
        interceptors=[Chain(methods, layers(metrics, methods))], options=OPTIONS
    )
    for service in services:
        service.add_to(server)
    return server, _bind(server, host, port)


def _bind(server: grpc.aio.Server, host: str, port: int) -> int:
    # gRPC does not say why it cannot take a port, and logs about it in a form of its own: so the
    # port is tried by hand before.
    if cause := why_not(host, port):
        raise BindError("GRPC_PORT", host, port, cause)
    try:
        return server.add_insecure_port(address_of(host, port))
    except RuntimeError as error:
        raise BindError("GRPC_PORT", host, port, why_not(host, port)) from error
