"""Keeps each caller to its rate of a method, so that the others do not notice it."""

from collections.abc import Callable

from tokenauthority_server.domain.errors import RateLimitedError
from tokenauthority_server.domain.rates import Quota
from tokenauthority_server.services.rate_limits import RateLimits
from tokenauthority_server.transport.interceptors.call import Call, Check, Context
from tokenauthority_server.transport.interceptors.log_allowance import LogAllowance
from tokenauthority_server.transport.policy import Method


def rate_limited(limits: RateLimits) -> Callable[[Method], Check]:
    """Return what refuses calls of a method that come too often; it raises RateLimitedError."""
    lines = LogAllowance("more calls above their rates, not logged")

    def limit(method: Method) -> Check:
        path = method.path

        def limited(_context: Context, call: Call) -> None:
            if call.admission and (rate := call.admission.rates.get(path)):
                try:
                    limits.admit(Quota(call.admission.caller.name, path), rate)
                except RateLimitedError:
                    call.logged = lines.take()
                    raise

        return limited

    return limit
