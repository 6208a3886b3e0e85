"""Real servers on free ports of the loopback."""

import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

import grpc
from prometheus_client import CollectorRegistry
from unit.transport.fakes import CALLER

from tokenauthority_server.adapters.memory.rates import MemoryRateExchange
from tokenauthority_server.domain.callers import Admission
from tokenauthority_server.services.rate_limits import RateLimits
from tokenauthority_server.telemetry.metrics import Metrics
from tokenauthority_server.transport.interceptors.authentication import Identify
from tokenauthority_server.transport.policy import POLICIES, Policy
from tokenauthority_server.transport.server import make_server, take_port
from tokenauthority_server.transport.service import Service


@dataclass(frozen=True)
class Served:
    """A running server."""

    server: grpc.aio.Server
    channel: grpc.aio.Channel
    registry: CollectorRegistry
    port: int

    def handled(self, method: str, code: str) -> float:
        """How many calls of the method ended with this code."""
        service, _, name = method.rpartition(".")
        found = self.registry.get_sample_value(
            "grpc_server_handled_total",
            {
                "grpc_type": "unary",
                "grpc_service": service,
                "grpc_method": name,
                "grpc_code": code,
            },
        )
        assert found is not None
        return found


@asynccontextmanager
async def serving(
    *services: Service,
    policies: Mapping[str, Policy] = POLICIES,
    identify: Identify | None = None,
    credentials: grpc.ServerCredentials | None = None,
) -> AsyncIterator[Served]:
    """A server whose every call is made by CALLER, who may do all, or by whom `identify` says.

    With credentials it speaks TLS, and its `channel` is of no use.
    """
    registry = CollectorRegistry()
    server = make_server(
        services,
        Metrics(registry, version="1.2.3"),
        identify=identify or (lambda _: Admission(caller=CALLER, rpcs=frozenset(policies))),
        limits=RateLimits(MemoryRateExchange(), time.monotonic_ns),
        policies=policies,
    )
    port = take_port(server, "127.0.0.1", 0, credentials)
    await server.start()
    try:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            yield Served(server, channel, registry, port)
    finally:
        await server.stop(None)
