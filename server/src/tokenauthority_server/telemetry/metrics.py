"""The metrics of the server, each name here or in the file of its subject beside this one.

Codes are written as in the contract and in the log (`NOT_FOUND`). Every series of an RPC exists
before its first call: a rate over a series that appears with its first error misses that error.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import grpc
import prometheus_client
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info

from tokenauthority_server.telemetry.rpc_metrics import RpcMetrics, RpcSeries

# A pass with little to do takes some milliseconds; its time is up after some seconds.
_PASS_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)

PASS_OUTCOMES: Final = ("done", "unfinished", "failed")
"""What a pass of the janitor may come to: nothing left, its time was up, or an error."""

# They would double the page, and nothing reads them. The library has one switch a process.
_disable_created_series: Callable[[], None] = prometheus_client.disable_created_metrics


@dataclass(frozen=True, slots=True)
class JanitorSeries:
    """The series of the janitor: `removed` by kind, `passes` by outcome."""

    removed: Mapping[str, Counter]
    passes: Mapping[str, Counter]
    last_success: Gauge
    seconds: Histogram


@dataclass(frozen=True, slots=True)
class LegacyTokenSeries:
    """The series of the platform's old tokens."""

    accepted: Counter
    refused: Counter
    last_accepted: Gauge


@dataclass(frozen=True, slots=True)
class TlsSeries:
    """The series of TLS: `expiry` by the setting of the file."""

    expiry: Mapping[str, Gauge]
    good: Gauge


@dataclass(frozen=True, slots=True)
class WatchSeries:
    """The series of WatchRevocations: `watchers` by mode, STRICT or RELAXED."""

    watchers: Mapping[str, Gauge]
    snapshots: Counter
    dropped: Counter


class Metrics:
    """The server's metrics, in a registry of their own."""

    def __init__(self, registry: CollectorRegistry, *, version: str) -> None:
        _disable_created_series()
        self.registry = registry
        self._rpcs = RpcMetrics(registry)
        self._store_up = Gauge(
            "tokenauthority_store_up",
            "Whether a store answered when it was last asked: 1, or 0.",
            ("store",),
            registry=registry,
        )
        self._refused = Counter(
            "tokenauthority_calls_refused",
            "Calls refused for who made them, or how often; unknown callers have no name.",
            ("caller", "reason"),
            registry=registry,
        )
        self._callers_file_good = Gauge(
            "tokenauthority_callers_file_good",
            "Whether the callers' file was good when it was last looked at: 1, or 0 where the last "
            "good one is used. 1 without a file.",
            registry=registry,
        )
        self._callers_file_good.set(1)
        build = Info("tokenauthority_build", "What is running.", registry=registry)
        build.info({"version": version, "grpc": grpc.__version__})
        prometheus_client.ProcessCollector(registry=registry)
        prometheus_client.PlatformCollector(registry=registry)
        prometheus_client.GCCollector(registry=registry)

    def rpc(self, *, kind: str, service: str, method: str) -> RpcSeries:
        """Return the series of an RPC; they are on the page from then on."""
        return self._rpcs.of(kind, service, method)

    def janitor(self, kinds: Iterable[str]) -> JanitorSeries:
        """Return the janitor's series; to be called once. All of them are on the page from then."""
        removed = Counter(
            "tokenauthority_janitor_removed",
            "Rows that this process's janitor removed.",
            ("kind",),
            registry=self.registry,
        )
        passes = Counter(
            "tokenauthority_janitor_passes",
            "Passes of the janitor: done, unfinished (the time was up), or failed.",
            ("outcome",),
            registry=self.registry,
        )
        return JanitorSeries(
            removed={kind: removed.labels(kind) for kind in kinds},
            passes={outcome: passes.labels(outcome) for outcome in PASS_OUTCOMES},
            last_success=Gauge(
                "tokenauthority_janitor_last_success_timestamp_seconds",
                "When a pass last ended without an error, in Unix seconds; 0 before the first.",
                registry=self.registry,
            ),
            seconds=Histogram(
                "tokenauthority_janitor_pass_seconds",
                "Seconds that a pass took, whatever it came to.",
                buckets=_PASS_SECONDS,
                registry=self.registry,
            ),
        )

    def legacy_tokens(self) -> LegacyTokenSeries:
        """Return the series of old tokens; to be called once, and only where they are accepted."""
        tokens = Counter(
            "tokenauthority_legacy_tokens",
            "Tokens of the platform's old form: accepted (signed with its secret and within their "
            "times; whether they were revoked is not looked at), or refused.",
            ("outcome",),
            registry=self.registry,
        )
        return LegacyTokenSeries(
            accepted=tokens.labels("accepted"),
            refused=tokens.labels("refused"),
            last_accepted=Gauge(
                "tokenauthority_legacy_token_last_accepted_timestamp_seconds",
                "When an old token was last accepted, in Unix seconds; 0 before the first.",
                registry=self.registry,
            ),
        )

    def refused(self, caller: str, reason: str) -> None:
        """Count a refusal. The names of callers are from a file, and so are few."""
        self._refused.labels(caller, reason).inc()

    def callers_file(self, good: bool) -> None:  # noqa: FBT001 - it is the one thing that is told
        """Note whether the callers' file is good."""
        self._callers_file_good.set(good)

    def tls(self, settings: Iterable[str]) -> TlsSeries:
        """Return the series of TLS; to be called once, and only where the port speaks it."""
        expiry = Gauge(
            "tokenauthority_tls_expiry_timestamp_seconds",
            "When the certificates that are in use end, by their setting, in Unix seconds.",
            ("setting",),
            registry=self.registry,
        )
        return TlsSeries(
            expiry={setting: expiry.labels(setting) for setting in settings},
            good=Gauge(
                "tokenauthority_tls_files_good",
                "Whether the files of TLS are what is in use: 1; or 0, while they are refused and "
                "the last good ones stay.",
                registry=self.registry,
            ),
        )

    def watches(self, modes: Iterable[str]) -> WatchSeries:
        """Return the series of those who watch revocations; to be called once."""
        watchers = Gauge(
            "tokenauthority_watchers",
            "Streams of WatchRevocations that are open; a revocation waits for the strict ones.",
            ("mode",),
            registry=self.registry,
        )
        return WatchSeries(
            watchers={mode: watchers.labels(mode) for mode in modes},
            snapshots=Counter(
                "tokenauthority_watch_snapshots",
                "Snapshots sent whole: to those who begin, and to those who fell behind.",
                registry=self.registry,
            ),
            dropped=Counter(
                "tokenauthority_watchers_dropped",
                "Streams of WatchRevocations ended because their callers took nothing any more.",
                registry=self.registry,
            ),
        )

    def store_up(self, store: str, *, up: bool) -> None:
        """Note whether a store answers."""
        self._store_up.labels(store).set(up)
