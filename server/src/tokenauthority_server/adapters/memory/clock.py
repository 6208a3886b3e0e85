"""A clock that stands still until it is moved."""

from datetime import UTC, datetime, timedelta

START = datetime(2026, 1, 1, 12, 0, 0, 250_000, tzinfo=UTC)
"""Not a whole second, so that rounding shows."""


class MemoryClock:
    """A Clock with a hand to move it."""

    def __init__(self, start: datetime = START) -> None:
        self._now = start

    def now(self) -> datetime:
        """Return the time that the clock was set to."""
        return self._now

    def advance(self, by: timedelta) -> None:
        """Move the clock forward."""
        self._now += by


class MemoryTimer:
    """A Timer whose waits are over at once, and counted."""

    def __init__(self) -> None:
        self._now = 0.0
        self.slept: list[float] = []

    def now(self) -> float:
        """Return the seconds that have been slept or added."""
        return self._now

    async def sleep(self, seconds: float) -> None:
        """Move on by these seconds."""
        self.slept.append(seconds)
        self.advance(seconds)

    def advance(self, seconds: float) -> None:
        """Let something have taken so long."""
        self._now += seconds
