"""What is shown of the tokens that are remembered: read when the page is asked for."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from typing_extensions import override


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryReading:
    """The state of a memory of tokens; `size` is the bytes that they take, about."""

    hits: int
    misses: int
    evicted: int
    tokens: int
    size: int


class VerifiedTokenMetrics(Collector):
    """The series of one memory. It counts in plain numbers: a lock would cost more than a hit."""

    def __init__(self, registry: CollectorRegistry, read: Callable[[], MemoryReading]) -> None:
        self._read = read
        registry.register(self)

    @override
    def collect(self) -> Iterator[Metric]:
        """Give the series as they are now."""
        now = self._read()
        recalled = CounterMetricFamily(
            "tokenauthority_verified_tokens_recalled",
            "Access tokens looked for among those that were verified before, by whether it was one "
            "of them: hit, or miss.",
            labels=("outcome",),
        )
        recalled.add_metric(("hit",), now.hits)
        recalled.add_metric(("miss",), now.misses)
        yield recalled
        yield CounterMetricFamily(
            "tokenauthority_verified_tokens_evicted",
            "Verified tokens that were forgotten to make room for others.",
            value=now.evicted,
        )
        yield GaugeMetricFamily(
            "tokenauthority_verified_tokens", "Verified tokens that are remembered.", now.tokens
        )
        yield GaugeMetricFamily(
            "tokenauthority_verified_tokens_bytes",
            "Bytes that the remembered tokens take, about; their bound is kept by this figure.",
            now.size,
        )
