"""Bounds the calls of those that set no deadline. A caller's own deadline is gRPC's to keep."""

import asyncio
from collections.abc import Awaitable
from typing import Any

from tokenauthority_server.domain.errors import OverloadedError


async def within(seconds: float, answered: Awaitable[Any]) -> Any:
    """Return what is awaited; raise OverloadedError when that takes longer."""
    try:
        async with asyncio.timeout(seconds) as timer:
            return await answered
    except TimeoutError as error:
        if timer.expired():
            raise OverloadedError from error
        raise
