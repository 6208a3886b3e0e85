"""Waiting for news, or for a time."""

import asyncio
from collections.abc import Awaitable

from tokenauthority_server.domain.revocation_ports import Ticks


async def news_or_time(news: asyncio.Event, ticks: Ticks, seconds: float) -> None:
    """Return when there is news, or after so many seconds; what was news is none any more."""
    if not news.is_set() and seconds > 0:
        await _first(news.wait(), ticks.sleep(seconds))
    news.clear()


async def _first(*waits: Awaitable[object]) -> None:
    tasks = [asyncio.ensure_future(one) for one in waits]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
