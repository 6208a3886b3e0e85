"""How much time a machine that is busy has taken from this process."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Self

STEP = 0.02
"""Seconds."""


class Pace:
    """Authorities in this process keep their bounds by its timers, and are as late as those."""

    def __init__(self) -> None:
        self.lost = 0.0
        """Seconds, all in all, by which its timers were late."""

    @classmethod
    @asynccontextmanager
    async def kept(cls) -> AsyncIterator[Self]:
        pace = cls()
        keeping = asyncio.create_task(pace._keep())
        yield pace
        keeping.cancel()

    async def _keep(self) -> None:
        while True:
            began = time.monotonic()
            await asyncio.sleep(STEP)
            self.lost += time.monotonic() - began - STEP
