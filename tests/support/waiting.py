"""Waiting for what will be so, within bounds."""

import asyncio
import time
from collections.abc import Awaitable, Callable


async def until(condition: Callable[[], object]) -> None:
    """Return when the condition holds; give up after five seconds."""
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - a server tells nobody when a call has ended
            await asyncio.sleep(0.005)


async def eventually(condition: Callable[[], Awaitable[bool]], seconds: float = 5.0) -> None:
    """Return when the condition holds; give up after these seconds."""
    async with asyncio.timeout(seconds):
        while not await condition():  # noqa: ASYNC110 - stores tell nobody
            await asyncio.sleep(0.005)


def wait_until(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} seconds"
        time.sleep(0.002)
