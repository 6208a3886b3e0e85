"""The machine's clock."""

import asyncio
import time
from datetime import UTC, datetime


class SystemClock:
    """The port Clock."""

    def now(self) -> datetime:
        """Return the time in UTC."""
        return datetime.now(UTC)


class SystemTimer:
    """The port Timer."""

    def now(self) -> float:
        """Return seconds from anywhere, which only go forward."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Return after these seconds."""
        await asyncio.sleep(seconds)
