"""The series of the RPCs, under the names and labels that gRPC's Prometheus middlewares share.

They are counted in plain numbers, by one thread, and read when the page is asked for: the locks of
the library's own counters would be a good part of what a call costs.
"""

from bisect import bisect_left
from collections.abc import Iterator
from itertools import accumulate
from typing import Final

import grpc
from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString
from typing_extensions import override

# A verdict from memory takes well under a millisecond, a store that is away shows within a second,
# and callers that set no deadline are given five seconds at most.
_SECONDS: Final = (
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
)  # fmt: skip
_BOUNDS: Final = (*map(floatToGoString, _SECONDS), "+Inf")
_LABELS: Final = ("grpc_type", "grpc_service", "grpc_method")


class RpcSeries:
    """The series of one RPC; all of them are there from the beginning. For one thread."""

    __slots__ = ("_buckets", "_handled", "_seconds", "_started")

    def __init__(self) -> None:
        self._started = 0
        self._handled = dict.fromkeys(grpc.StatusCode, 0)
        self._buckets = [0] * len(_BOUNDS)
        self._seconds = 0.0

    def begun(self) -> None:
        """Count a call that begins."""
        self._started += 1

    def ended(self, code: grpc.StatusCode, seconds: float) -> None:
        """Count a call that has ended."""
        self._handled[code] += 1
        self._buckets[bisect_left(_SECONDS, seconds)] += 1
        self._seconds += seconds

    @property
    def started(self) -> int:
        """Calls that began."""
        return self._started

    def handled(self) -> Iterator[tuple[str, int]]:
        """Give the calls that ended, by the names of their codes."""
        for code, count in self._handled.items():
            yield code.name, count

    def seconds(self) -> tuple[list[tuple[str, float]], float]:
        """Return how many calls took up to each bound, and how long all of them took."""
        return list(zip(_BOUNDS, accumulate(self._buckets), strict=True)), self._seconds


class RpcMetrics(Collector):
    """The series of all RPCs."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._series: dict[tuple[str, str, str], RpcSeries] = {}
        registry.register(self)

    def of(self, kind: str, service: str, method: str) -> RpcSeries:
        """Return the series of an RPC, which are on the page from then on."""
        return self._series.setdefault((kind, service, method), RpcSeries())

    @override
    def collect(self) -> Iterator[Metric]:
        """Give the series as they are now."""
        started = CounterMetricFamily(
            "grpc_server_started", "RPCs that the server began to handle.", labels=_LABELS
        )
        handled = CounterMetricFamily(
            "grpc_server_handled",
            "RPCs that the server came to the end of, by the status they ended with.",
            labels=(*_LABELS, "grpc_code"),
        )
        seconds = HistogramMetricFamily(
            "grpc_server_handling_seconds",
            "Seconds from the arrival of an RPC at the server's code to its end.",
            labels=_LABELS,
        )
        for labels, series in self._series.items():
            started.add_metric(labels, series.started)
            for code, count in series.handled():
                handled.add_metric((*labels, code), count)
            seconds.add_metric(labels, *series.seconds())
        yield from (started, handled, seconds)
