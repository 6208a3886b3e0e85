"""A clock that a test moves, and that lets everybody do what is due meanwhile."""

import asyncio
from heapq import heappop, heappush
from itertools import count

TURNS = 60
"""Of the loop: more than anything here takes that waits for nobody."""


async def turns() -> None:
    """Let everybody go on until all wait."""
    for _ in range(TURNS):
        await asyncio.sleep(0)


class HandTicks:
    """The port Ticks."""

    def __init__(self) -> None:
        self.time = 1_000.0
        self._numbers = count()
        self._sleepers: list[tuple[float, int, asyncio.Event]] = []

    def now(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        over = asyncio.Event()
        heappush(self._sleepers, (self.time + seconds, next(self._numbers), over))
        await over.wait()

    async def go_on(self, seconds: float) -> None:
        """Move on, from sleeper to sleeper."""
        until = self.time + seconds
        await turns()
        while self._sleepers and self._sleepers[0][0] <= until:
            due, _, over = heappop(self._sleepers)
            self.time = max(self.time, due)
            over.set()
            await turns()
        self.time = until

    def jump(self, seconds: float) -> None:
        """Move on while the process stands still: nobody does anything."""
        self.time += seconds
