"""Keeps each caller to its rate of a method, so that the others do not notice it."""

from typing import Any

from tokenauthority_server.domain.errors import RateLimitedError
from tokenauthority_server.domain.rates import Quota
from tokenauthority_server.services.rate_limits import RateLimits
from tokenauthority_server.transport.interceptors.call import Behavior, Call, Context, Layer
from tokenauthority_server.transport.interceptors.log_allowance import LogAllowance
from tokenauthority_server.transport.policy import Method


def rate_limited(limits: RateLimits) -> Layer:
    """Return the layer that refuses what comes too often; it raises RateLimitedError."""
    lines = LogAllowance("more calls above their rates, not logged")

    def limit(behavior: Behavior, method: Method) -> Behavior:
        path = method.path

        async def limited(request: Any, context: Context, call: Call) -> Any:
            if call.admission and (rate := call.admission.rates.get(path)):
                try:
                    limits.admit(Quota(call.admission.caller.name, path), rate)
                except RateLimitedError:
                    call.logged = lines.take()
                    raise
            return await behavior(request, context, call)

        return limited

    return limit
