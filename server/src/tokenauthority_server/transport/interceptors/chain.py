"""What is around every method: the one way that each call goes, from its beginning to its end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import grpc

from tokenauthority_server.domain.deadlines import set_seconds_left
from tokenauthority_server.services.rate_limits import RateLimits
from tokenauthority_server.telemetry.metrics import Metrics
from tokenauthority_server.transport.interceptors.access_log import access_log
from tokenauthority_server.transport.interceptors.arity import Handler, answering, to_handler
from tokenauthority_server.transport.interceptors.authentication import Identify, authenticated
from tokenauthority_server.transport.interceptors.authorization import authorized
from tokenauthority_server.transport.interceptors.call import Check, Context
from tokenauthority_server.transport.interceptors.context import begin
from tokenauthority_server.transport.interceptors.deadline import within
from tokenauthority_server.transport.interceptors.errors import explain
from tokenauthority_server.transport.interceptors.metrics import measured
from tokenauthority_server.transport.interceptors.rate_limit import rate_limited
from tokenauthority_server.transport.interceptors.reading import Reading
from tokenauthority_server.transport.policy import Callers, Method


class Chain:
    """Puts it around each method, once. Methods that it does not know are not served."""

    def __init__(
        self,
        methods: Mapping[str, Method],
        metrics: Metrics,
        identify: Identify,
        limits: RateLimits,
    ) -> None:
        self._methods = methods
        self._measure = measured(metrics, methods.values())
        self._admissions = (authenticated(identify), authorized, rate_limited(limits))
        self._reading = {
            Callers.LISTED: Reading(),
            Callers.OPEN: Reading(everybody=True),
        }

    def wrap(self, path: str, handler: Handler) -> Handler | None:
        """Return what to serve in the handler's place; None for a method that has no policy."""
        method = self._methods.get(path)
        return self._wrap(handler, method) if method else None

    def _wrap(self, handler: Handler, method: Method) -> Handler:
        policy = method.policy
        answer = answering(handler, self._reading[policy.callers])
        checks = self._checks(method)
        begun, counted = self._measure(method)
        log = access_log(method)
        seconds = policy.default_deadline

        # One function rather than one a layer: each would cost a call some microseconds.
        async def serve(requests: Any, context: Context) -> Any:
            # What is outside of the `try` must not fail; what is inside may raise what it likes.
            call = begin(context)
            begun()
            try:
                for check in checks:
                    check(context, call)
                answered = answer(requests, context)
                if seconds is not None and call.caller_deadline is None:
                    answered = within(seconds, answered)
                if policy.audited:
                    # A change may wait for others, and says so rather than come too late.
                    set_seconds_left(call.caller_deadline or seconds)
                response = await answered
            except BaseException as error:
                await explain(error, context, call, method)
                raise
            else:
                call.code = grpc.StatusCode.OK
                return response
            finally:
                call.end()
                counted(call)
                if log is not None and call.logged:
                    log(context, call)

        return to_handler(serve, handler)

    def _checks(self, method: Method) -> tuple[Check, ...]:
        """Return what refuses calls, by raising, before a byte of the request is read."""
        if method.policy.callers is Callers.OPEN:
            return ()
        return tuple(check(method) for check in self._admissions)
