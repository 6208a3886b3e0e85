"""The life of the process that watches over several workers.

It holds the gRPC port, which the workers share, serves HTTP for all of them, and answers no call.
"""

import asyncio
import os
import signal
from collections.abc import Callable
from typing import Final

import structlog

from tokenauthority_server.config import Settings
from tokenauthority_server.domain.errors import StartError
from tokenauthority_server.supervision.fleet_pages import FleetPages
from tokenauthority_server.supervision.supervisor import Patience, Supervisor
from tokenauthority_server.supervision.worker_process import WorkerProcess, worker_command
from tokenauthority_server.telemetry.fleet_metrics import FleetMetrics
from tokenauthority_server.telemetry.logging import configure_logging
from tokenauthority_server.transport.binding import Addresses, address_of, hold
from tokenauthority_server.transport.http import HttpServer, http_app

END_SECONDS: Final = 15.0
"""After the drain: for the calls that still run, and what a worker closes then."""

# Those that `dev` finds out by itself, and that no worker would.
_FOUND: Final = ("database_url", "redis_url", "key_encryption_key")

_log: structlog.typing.FilteringBoundLogger = structlog.get_logger()


class UncleanEndError(StartError):
    """A worker had to be killed, since it did not end in time."""


async def serve(
    settings: Settings,
    *,
    dev: bool = False,
    on_ready: Callable[[Addresses], None] = lambda _: None,
) -> None:
    """Serve by so many workers as the settings say, until SIGTERM or SIGINT. Raises StartError.

    `on_ready` is called once, when a worker can answer calls. `dev` is for the workers.
    """
    configure_logging(settings.log_level, settings.log_format)
    for warning in settings.warnings:
        _log.warning("check the configuration", setting=warning.setting, problem=warning.problem)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    with hold("GRPC_PORT", settings.grpc_host, settings.grpc_port) as held:
        port: int = held.getsockname()[1]
        environment = _environment(settings, port)
        metrics = FleetMetrics(settings.workers)
        supervisor = Supervisor(
            settings.workers,
            lambda one: WorkerProcess.start(one, worker_command(one, dev=dev), environment),
            metrics,
            Patience(end=settings.drain_seconds + END_SECONDS),
        )
        http = HttpServer.bound(
            settings.http_host,
            settings.http_port,
            http_app(FleetPages(supervisor, metrics)),
        )
        await http.start()
        addresses = Addresses(
            grpc=address_of(settings.grpc_host, port),
            http=address_of(settings.http_host, http.port),
        )
        _log.info("listening", grpc=addresses.grpc, http=addresses.http, workers=settings.workers)
        telling = asyncio.create_task(_tell(supervisor, addresses, on_ready))
        try:
            in_time = await supervisor.run(stop)
        finally:
            telling.cancel()
            await http.stop()
    if not in_time:
        raise UncleanEndError("not every worker ended in time, and some were killed")


async def _tell(
    supervisor: Supervisor, addresses: Addresses, on_ready: Callable[[Addresses], None]
) -> None:
    await supervisor.ready()
    on_ready(addresses)


def _environment(settings: Settings, port: int) -> dict[str, str]:
    """Return the environment in which the workers find these settings."""
    found = {
        name.upper(): getattr(settings, name).get_secret_value()
        for name in _FOUND
        if settings.origin(name) == "default"
    }
    return {
        **os.environ,
        **found,
        "GRPC_PORT": str(port),
        "DRAIN_SECONDS": str(settings.drain_seconds),
    }
