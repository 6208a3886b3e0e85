"""What is shown of the revocations: read when the page is asked for, and kept by nobody twice."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from prometheus_client import CollectorRegistry, Histogram
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

# A few round trips, or a wait for a lease that runs out.
_SECONDS: Final = (0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class RevocationReading:
    """The state of this process's verifier; times are in seconds.

    `lease_age` is since the last renewal, and `log_lag` how far the last applied entry is behind
    the last one known of.
    """

    facts: Mapping[str, int]
    checks: Mapping[str, int]
    lease_left: float
    lease_age: float
    log_lag: float
    verifiers: int
    struck: int
    resynchronised: int
    found: int
    unlogged: int


class RevocationMetrics(Collector):
    """The series of the view, its lease and the log, and how long revocations take."""

    def __init__(self, registry: CollectorRegistry, read: Callable[[], RevocationReading]) -> None:
        self._read = read
        seconds = Histogram(
            "tokenauthority_revocation_settle_seconds",
            "Seconds from a committed revocation to its acknowledgement, by whether it was then "
            "effective everywhere.",
            ("effective_everywhere",),
            buckets=_SECONDS,
            registry=registry,
        )
        self._seconds = {known: seconds.labels(str(known).lower()) for known in (True, False)}
        registry.register(self)

    def settled(self, effective: bool, seconds: float) -> None:  # noqa: FBT001 - it is what is told
        """Note what came of a revocation."""
        self._seconds[effective].observe(seconds)

    def describe(self) -> Iterator[Metric]:
        """Give nothing: the names are told by `collect`."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        """Give the series as they are now."""
        now = self._read()
        held = now.lease_left > 0
        yield _by_label(
            GaugeMetricFamily(
                "tokenauthority_revocation_view_facts",
                "Revocations that this process holds in memory, by what they are about.",
                labels=("kind",),
            ),
            now.facts,
        )
        yield _by_label(
            CounterMetricFamily(
                "tokenauthority_revocation_checks",
                "Tokens that were looked up: alive or dead by the view, or asked of the database.",
                labels=("result",),
            ),
            now.checks,
        )
        yield _by_label(
            GaugeMetricFamily(
                "tokenauthority_revocation_mode",
                "What validations rest on: 1 for the one that it is, else 0.",
                labels=("mode",),
            ),
            {"leased_view": int(held), "database": int(not held)},
        )
        for name, text, value in (
            (
                "lease_left_seconds",
                "Seconds until the lease runs out; 0 without one.",
                now.lease_left,
            ),
            ("lease_age_seconds", "Seconds since the lease was last renewed.", now.lease_age),
            ("log_lag_seconds", "How far this process is behind the end of the log.", now.log_lag),
            ("verifiers", "Verifiers that revocations wait for.", now.verifiers),
            ("unlogged_facts", "Revocations that wait to be appended to the log.", now.unlogged),
        ):
            yield GaugeMetricFamily(f"tokenauthority_revocation_{name}", text, value=value)
        for name, text, count in (
            ("verifiers_struck", "Verifiers that this process wrote off.", now.struck),
            (
                "resynchronisations",
                "Times that all was loaded from the database.",
                now.resynchronised,
            ),
            ("facts_found", "Revocations that the log had not brought.", now.found),
        ):
            yield CounterMetricFamily(f"tokenauthority_revocation_{name}", text, value=count)


def _by_label(family: Metric, values: Mapping[str, int]) -> Metric:
    for label, value in values.items():
        family.add_metric((label,), value)  # type: ignore[attr-defined] # of both families
    return family
