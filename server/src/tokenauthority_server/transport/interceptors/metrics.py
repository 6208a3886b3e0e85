"""Counts and times each call under the usual names (telemetry.rpc_metrics)."""

from collections.abc import Callable, Iterable
from typing import Final, TypeAlias

from tokenauthority_server.telemetry.metrics import Metrics
from tokenauthority_server.transport.interceptors.call import Call
from tokenauthority_server.transport.policy import Method

_OF_CALLERS: Final = frozenset({"CALLER_UNKNOWN", "CALLER_NOT_ALLOWED", "RATE_LIMITED"})

Measured: TypeAlias = tuple[Callable[[], None], Callable[[Call], None]]
"""What to do when a call begins, and when it has ended."""


def measured(metrics: Metrics, methods: Iterable[Method]) -> Callable[[Method], Measured]:
    """Return what counts the calls of a method; the series of all methods exist from now on."""
    series = {
        method.path: metrics.rpc(kind=method.kind, service=method.service, method=method.name)
        for method in methods
    }

    def measure(method: Method) -> Measured:
        own = series[method.path]

        def ended(call: Call) -> None:
            own.ended(call.code, call.seconds)
            if call.reason in _OF_CALLERS:
                metrics.refused(call.caller, call.reason)

        return own.begun, ended

    return measure
