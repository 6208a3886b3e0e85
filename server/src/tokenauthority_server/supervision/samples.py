"""Metrics of several processes on one page: each sample has the label `worker`."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from prometheus_client import Metric
from prometheus_client.registry import Collector
from typing_extensions import override

Families = Sequence[Sequence[Any]]
"""Each with its name, help, type, unit and samples, as JSON takes them."""


def packed(collector: Collector) -> Families:
    """Return what the collector has, to be sent to another process."""
    return [
        [
            family.name,
            family.documentation,
            family.type,
            family.unit,
            [[sample.name, sample.labels, sample.value] for sample in family.samples],
        ]
        for family in collector.collect()
    ]


class Merged(Collector):
    """What several processes have packed, by the name of each; and what is of none of them."""

    def __init__(self, processes: Mapping[str, Families], own: Collector) -> None:
        self._processes = processes
        self._own = own

    @override
    def collect(self) -> Iterable[Metric]:
        yield from self._own.collect()
        merged: dict[str, Metric] = {}
        for process, families in self._processes.items():
            for name, documentation, kind, unit, samples in families:
                family = merged.setdefault(name, Metric(name, documentation, kind, unit))
                for sample, labels, value in samples:
                    family.add_sample(sample, {**labels, "worker": process}, value)
        yield from merged.values()


def add_up(stores: Iterator[Mapping[str, str]]) -> dict[str, str]:
    """Return each store as all the workers see it: down when one says so, up when all do."""
    seen: dict[str, set[str]] = {}
    for one in stores:
        for store, word in one.items():
            seen.setdefault(store, set()).add(word)
    return {
        store: next(word for word in ("down", "unknown", "up") if word in words)
        for store, words in seen.items()
    }
