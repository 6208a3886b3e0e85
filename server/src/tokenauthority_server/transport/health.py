"""grpc.health.v1: the process for its supervisor, and its readiness for whoever sends it calls.

In the servicer of grpcio-health-checking a watcher keeps a lock while it is told something, and
who changes a status waits for that lock: a stranger who takes nothing would keep the process from
becoming ready, and from stopping.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import Any, Final, Self

import grpc
from google.protobuf import descriptor_pool
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthServicer, add_HealthServicer_to_server
from typing_extensions import override

from tokenauthority_server.transport.readiness import Phase, Readiness
from tokenauthority_server.transport.service import Service

OVERALL: Final = ""
LIVENESS: Final = "liveness"
READINESS: Final = "readiness"

_Context = grpc.aio.ServicerContext[Any, Any]


class Health:
    """Health by name: `liveness` is always good; all the others follow the readiness."""

    def __init__(self, readiness: Readiness, names: Iterable[str]) -> None:
        self._readiness = readiness
        self._names = (OVERALL, READINESS, *names)
        self._servicer = _Servicer()

    @classmethod
    def starting(cls, readiness: Readiness, services: Iterable[Service]) -> Self:
        """Return the health of a process that lives and is not ready.

        It answers for each of the services by its full name.
        """
        health = cls(readiness, [service.descriptor.full_name for service in services])
        health._servicer.tell([LIVENESS], HealthCheckResponse.SERVING)
        health._enter(Phase.STARTING)
        return health

    def ready(self) -> None:
        """Say from now on that calls should be sent here."""
        self._enter(Phase.READY)

    def drain(self) -> None:
        """Say from now on that no more calls should be sent here; they are still served."""
        self._enter(Phase.DRAINING)

    def service(self) -> Service:
        """Return the service that answers."""
        return Service(
            descriptor=descriptor_pool.Default().FindServiceByName("grpc.health.v1.Health"),
            add_to=lambda server: add_HealthServicer_to_server(self._servicer, server),
        )

    def _enter(self, phase: Phase) -> None:
        self._readiness.phase = phase
        is_ready = self._readiness.is_ready
        status = HealthCheckResponse.SERVING if is_ready else HealthCheckResponse.NOT_SERVING
        self._servicer.tell(self._names, status)


class _Servicer(HealthServicer):
    """Tells the status of each name: once, or whenever it changes. Nobody waits for a watcher."""

    def __init__(self) -> None:
        self._statuses: dict[str, int] = {}
        self._changed = asyncio.Event()

    def tell(self, names: Iterable[str], status: int) -> None:
        self._statuses |= dict.fromkeys(names, status)
        self._changed.set()
        self._changed = asyncio.Event()

    @override
    async def Check(self, request: HealthCheckRequest, context: _Context) -> HealthCheckResponse:
        status = self._statuses.get(request.service)
        if status is None:
            await context.abort(grpc.StatusCode.NOT_FOUND)
        return HealthCheckResponse(status=status)

    @override
    async def Watch(
        self, request: HealthCheckRequest, context: _Context
    ) -> AsyncIterator[HealthCheckResponse]:
        told = None
        while True:
            # Before anything is told: what changes meanwhile is told next.
            changed = self._changed
            status = self._statuses.get(request.service, HealthCheckResponse.SERVICE_UNKNOWN)
            if status != told:
                yield HealthCheckResponse(status=status)
                told = status
            await changed.wait()
