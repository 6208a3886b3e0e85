"""What is told over HTTP of several workers, by the process that watches over them."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from tokenauthority_server.domain.errors import StoreUnavailableError
from tokenauthority_server.supervision.line import SilentError
from tokenauthority_server.supervision.samples import Families, Merged, add_up, packed
from tokenauthority_server.supervision.supervisor import Supervisor
from tokenauthority_server.supervision.worker_process import WorkerProcess
from tokenauthority_server.telemetry.fleet_metrics import FleetMetrics

ASK_SECONDS: Final = 2.0
"""Less than whoever reads the page waits for it."""

SUPERVISOR: Final = "supervisor"


class FleetPages:
    """The pages of all workers: see `transport.http.Pages`."""

    def __init__(self, supervisor: Supervisor, metrics: FleetMetrics) -> None:
        self._supervisor = supervisor
        self._metrics = metrics

    async def metrics(self) -> Merged:
        """Return the metrics of all that answer, and those of this process."""
        workers = self._workers()
        answers = await asyncio.gather(*map(_families, workers))
        self._metrics.workers(worker.status for worker in workers)
        found = {
            str(worker.number): families
            for worker, families in zip(workers, answers, strict=True)
            if families is not None
        }
        return Merged({**found, SUPERVISOR: packed(self._metrics.own)}, self._metrics.registry)

    def readiness(self) -> tuple[bool, Mapping[str, Any]]:
        """Return whether a worker is ready and none is told to end, and how each of them is."""
        workers = self._workers()
        is_stopping = self._supervisor.is_stopping
        some = any(worker.is_ready for worker in workers)
        status = "draining" if is_stopping else "ready" if some else "starting"
        return some and not is_stopping, {
            "status": status,
            "stores": add_up(worker.stores for worker in workers if worker.status != "silent"),
            "workers": {str(worker.number): worker.status for worker in workers},
        }

    async def key_set(self) -> bytes:
        """Return the keys that a ready worker knows; raise StoreUnavailableError without one."""
        for worker in self._workers():
            if worker.is_ready:
                try:
                    keys: str = await worker.ask("keys", ASK_SECONDS)
                except SilentError:
                    continue
                return keys.encode()
        raise StoreUnavailableError("worker")

    def _workers(self) -> list[WorkerProcess]:
        return [worker for _, worker in sorted(self._supervisor.workers.items())]


async def _families(worker: WorkerProcess) -> Families | None:
    try:
        families: Families = await worker.ask("metrics", ASK_SECONDS)
    except SilentError:
        return None
    return families
