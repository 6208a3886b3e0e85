"""The metrics of the process that watches over several workers, beside those of the workers."""

from collections.abc import Callable, Iterable, Mapping
from typing import Final

import prometheus_client
from prometheus_client import CollectorRegistry, Counter, Gauge, ProcessCollector

STATUSES: Final = ("starting", "ready", "draining", "silent", "away")

# As in `metrics`, whose module a process without gRPC cannot import.
_disable_created_series: Callable[[], None] = prometheus_client.disable_created_metrics


class FleetMetrics:
    """What is known of the workers as a whole, and of this process itself."""

    def __init__(self, workers: int) -> None:
        _disable_created_series()
        self.registry = CollectorRegistry()
        self.own = CollectorRegistry()
        """Of the supervisor's process alone, under the names that those of a worker have."""
        ProcessCollector(registry=self.own)
        self._count = workers
        self._workers = Gauge(
            "tokenauthority_workers",
            "Workers by their status; silent is one that does not answer, away one that has ended "
            "and is to be started again.",
            ("status",),
            registry=self.registry,
        )
        restarts = Counter(
            "tokenauthority_worker_restarts",
            "How often a worker ended by itself, and had to be started again.",
            ("worker",),
            registry=self.registry,
        )
        self.restarts: Mapping[int, Counter] = {
            number: restarts.labels(str(number)) for number in range(workers)
        }
        self.workers([])

    def workers(self, statuses: Iterable[str]) -> None:
        """Note the statuses of the workers that run."""
        found = list(statuses)
        found += ["away"] * (self._count - len(found))
        for status in STATUSES:
            self._workers.labels(status).set(found.count(status))
