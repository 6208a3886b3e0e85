"""The one interceptor of the server, and the layers that it puts around every method."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence

import grpc

from tokenauthority_server.services.rate_limits import RateLimits
from tokenauthority_server.telemetry.metrics import Metrics
from tokenauthority_server.transport.interceptors.access_log import access_log
from tokenauthority_server.transport.interceptors.arity import Handler, to_behavior, to_handler
from tokenauthority_server.transport.interceptors.authentication import Identify, authenticated
from tokenauthority_server.transport.interceptors.authorization import authorized
from tokenauthority_server.transport.interceptors.call import Layer
from tokenauthority_server.transport.interceptors.context import request_context
from tokenauthority_server.transport.interceptors.deadline import default_deadline
from tokenauthority_server.transport.interceptors.errors import explain_errors
from tokenauthority_server.transport.interceptors.metrics import measured
from tokenauthority_server.transport.interceptors.rate_limit import rate_limited
from tokenauthority_server.transport.interceptors.reading import Reading
from tokenauthority_server.transport.policy import Callers, Method


def layers(
    metrics: Metrics, methods: Mapping[str, Method], identify: Identify, limits: RateLimits
) -> tuple[Layer, ...]:
    """Return the layers around every method, outermost first."""
    return (
        # Names the call; everything after it can tell the name.
        request_context,
        # Sees every call, and how it ended, refused ones too.
        access_log,
        measured(metrics, methods.values()),
        # What is outside of it must not fail; what is inside may raise whatever it likes.
        explain_errors,
        default_deadline,
        # These refuse by raising, and within the deadline: before a byte of the request is read.
        authenticated(identify),
        authorized,
        rate_limited(limits),
    )


class Chain(grpc.aio.ServerInterceptor):
    """Puts the layers around each method, once; methods that it does not know are not served."""

    def __init__(self, methods: Mapping[str, Method], layers: Sequence[Layer]) -> None:
        self._methods = methods
        self._layers = layers
        self._reading = {
            Callers.LISTED: Reading(),
            Callers.OPEN: Reading(everybody=True),
        }
        self._wrapped: dict[str, Handler] = {}

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Handler | None]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Handler | None:
        """Return the wrapped method, or None: gRPC then answers UNIMPLEMENTED by itself."""
        path = handler_call_details.method
        wrapped = self._wrapped.get(path)
        if wrapped is not None:
            return wrapped
        method = self._methods.get(path)
        handler = await continuation(handler_call_details) if method else None
        if method is None or handler is None:
            return None
        wrapped = self._wrapped[path] = self._wrap(handler, method)
        return wrapped

    def _wrap(self, handler: Handler, method: Method) -> Handler:
        behavior = to_behavior(handler, self._reading[method.policy.callers])
        for layer in reversed(self._layers):
            behavior = layer(behavior, method)
        return to_handler(behavior, handler)
