"""Counts and times each call under the usual names (telemetry.metrics)."""

from collections.abc import Iterable
from time import perf_counter
from typing import Any, Final

from tokenauthority_server.telemetry.metrics import Metrics
from tokenauthority_server.transport.interceptors.call import Behavior, Call, Context, Layer
from tokenauthority_server.transport.policy import Method

_OF_CALLERS: Final = frozenset({"CALLER_UNKNOWN", "CALLER_NOT_ALLOWED", "RATE_LIMITED"})


def measured(metrics: Metrics, methods: Iterable[Method]) -> Layer:
    """Return the layer that counts; the series of all the methods exist from now on."""
    series = {
        method.path: metrics.rpc(kind=method.kind, service=method.service, method=method.name)
        for method in methods
    }

    def measure(behavior: Behavior, method: Method) -> Behavior:
        own = series[method.path]

        async def counted(request: Any, context: Context, call: Call) -> Any:
            own.started.inc()
            try:
                return await behavior(request, context, call)
            finally:
                own.handled[call.code].inc()
                own.seconds.observe(perf_counter() - call.started)
                if call.reason in _OF_CALLERS:
                    metrics.refused(call.caller, call.reason)

        return counted

    return measure
