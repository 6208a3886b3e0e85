"""How far behind the log a verifier is, as a time."""

from tokenauthority_server.domain.revocation_ports import BEGINNING, Position, Ticks


class Lag:
    """Places that the log is known to have reached, and what of them is not applied yet.

    Each place counts from when it was heard of: a log that always goes on is no lag by itself.
    """

    def __init__(self, ticks: Ticks) -> None:
        self._ticks = ticks
        self._end = BEGINNING
        self._applied = BEGINNING
        self._lacking: tuple[Position, float] | None = None

    def begin(self, position: Position) -> None:
        """Count from there, where the log ends, and all of it has been applied."""
        self._end, self._applied, self._lacking = position, position, None

    def applied(self, position: Position) -> None:
        """Take note of how much of the log has been applied."""
        self._applied = position
        self.reached(position)

    def reached(self, end: Position) -> None:
        """Take note of how far the log goes."""
        self._end = max(self._end, end)
        if self._lacking is not None and self._lacking[0] <= self._applied:
            self._lacking = None
        if self._lacking is None and self._applied < self._end:
            self._lacking = self._end, self._ticks.now()

    def seconds(self) -> float:
        """Return how long ago a place was heard of that is not applied yet; 0 for none."""
        return 0.0 if self._lacking is None else self._ticks.now() - self._lacking[1]
