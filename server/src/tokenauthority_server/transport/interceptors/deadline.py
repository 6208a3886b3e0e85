"""Bounds the calls of those that set no deadline. A caller's own deadline is gRPC's to keep."""

import asyncio
from typing import Any

from tokenauthority_server.domain.errors import OverloadedError
from tokenauthority_server.transport.interceptors.call import Behavior, Call, Context
from tokenauthority_server.transport.policy import Method


def default_deadline(behavior: Behavior, method: Method) -> Behavior:
    """Give a call without a deadline the one of its policy; raise OverloadedError past it."""
    seconds = method.policy.default_deadline
    if seconds is None:
        return behavior

    async def bounded(request: Any, context: Context, call: Call) -> Any:
        if call.caller_deadline is not None:
            return await behavior(request, context, call)
        try:
            async with asyncio.timeout(seconds) as timer:
                return await behavior(request, context, call)
        except TimeoutError as error:
            if timer.expired():
                raise OverloadedError from error
            raise

    return bounded
