"""How long to wait before a worker is started again."""

from typing import Final

FIRST_SECONDS: Final = 0.1
LONGEST_SECONDS: Final = 10.0
STEADY_SECONDS: Final = 10.0
"""A worker that was ready for so long did not end because of what it is."""


class Pauses:
    """Twice as long after each end in a row, up to a bound; short again after a steady life."""

    def __init__(self) -> None:
        self._next = FIRST_SECONDS

    def after(self, ready_seconds: float) -> float:
        """Return the seconds to wait, when a worker has ended that was ready for so long."""
        if ready_seconds >= STEADY_SECONDS:
            self._next = FIRST_SECONDS
        pause = self._next
        self._next = min(2 * pause, LONGEST_SECONDS)
        return pause
