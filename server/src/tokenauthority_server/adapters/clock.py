"""The machine's clock."""

import asyncio
import time
from datetime import UTC, datetime
from typing import Final

# Elsewhere than on Linux the monotonic clock itself runs while the machine sleeps.
_BOOT_TIME: Final = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


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


class BootTicks:
    """The port Ticks."""

    def now(self) -> float:
        """Return seconds since the machine was started, its sleep included."""
        return time.clock_gettime(_BOOT_TIME)

    async def sleep(self, seconds: float) -> None:
        """Return after these seconds."""
        await asyncio.sleep(seconds)
