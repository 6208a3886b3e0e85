"""grpc.health.v1: the process for its supervisor, and its readiness for whoever sends it calls."""

from collections.abc import Iterable
from typing import Final, Self

from google.protobuf import descriptor_pool
from grpc_health.v1 import health_pb2
from grpc_health.v1._async import HealthServicer
from grpc_health.v1.health_pb2_grpc import add_HealthServicer_to_server

from tokenauthority_server.transport.readiness import Phase, Readiness
from tokenauthority_server.transport.service import Service

OVERALL: Final = ""
LIVENESS: Final = "liveness"
READINESS: Final = "readiness"


class Health:
    """Health by name: `liveness` is always good; all the others follow the readiness."""

    def __init__(self, readiness: Readiness, names: Iterable[str]) -> None:
        self._readiness = readiness
        self._names = (OVERALL, READINESS, *names)
        self._servicer = HealthServicer()

    @classmethod
    async def starting(cls, readiness: Readiness, services: Iterable[Service]) -> Self:
        """Return the health of a process that lives and is not ready.

        It answers for each of the services by its full name.
        """
        health = cls(readiness, [service.descriptor.full_name for service in services])
        await health._servicer.set(LIVENESS, health_pb2.HealthCheckResponse.SERVING)
        await health._enter(Phase.STARTING)
        return health

    async def ready(self) -> None:
        """Say from now on that calls should be sent here."""
        await self._enter(Phase.READY)

    async def drain(self) -> None:
        """Say from now on that no more calls should be sent here; they are still served."""
        await self._enter(Phase.DRAINING)

    def service(self) -> Service:
        """Return the service that answers."""
        return Service(
            descriptor=descriptor_pool.Default().FindServiceByName("grpc.health.v1.Health"),
            add_to=lambda server: add_HealthServicer_to_server(self._servicer, server),
        )

    async def _enter(self, phase: Phase) -> None:
        self._readiness.phase = phase
        status = (
            health_pb2.HealthCheckResponse.SERVING
            if self._readiness.is_ready
            else health_pb2.HealthCheckResponse.NOT_SERVING
        )
        for name in self._names:
            await self._servicer.set(name, status)
