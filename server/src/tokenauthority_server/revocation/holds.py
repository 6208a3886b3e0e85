"""Sub-leases of watchers, as they hold back the place that their verifier reports.

Only time ends one: whoever held it may use it still, though nothing is heard of it any more.
"""

from typing import Final

from tokenauthority_server.domain.revocation_ports import Position

MOST: Final = 4_000
"""Those of watchers that are gone count as long as they run, so there are more than watchers."""


class Holds:
    """Which place each watcher has applied, and until when its sub-lease runs.

    Watchers are mostly at one place or two: that is how they are sorted, so that the least place is
    found without asking each of thousands.
    """

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._places: dict[object, Position] = {}
        self._ends: dict[Position, dict[object, float]] = {}

    def put(self, watcher: object, position: Position, ends: float, now: float) -> bool:
        """Hold that place until then on the worker's clock; return False where there is no room.

        The place that the watcher held before goes, but not a sub-lease that ends later.
        """
        known = self._places.get(watcher)
        if known is None:
            if len(self._places) >= self._most:
                self._sweep(now)
            if len(self._places) >= self._most:
                return False
        else:
            ends = max(ends, self._ends[known][watcher])
            self._take(watcher)
        self._places[watcher] = position
        self._ends.setdefault(position, {})[watcher] = ends
        return True

    def move(self, watcher: object, position: Position) -> None:
        """Let a watcher whose sub-lease runs hold this place instead of the one before."""
        known = self._places.get(watcher)
        if known is not None:
            ends = self._ends[known][watcher]
            self.put(watcher, position, ends, ends)

    def clear(self) -> None:
        """Forget all: their places are of a data set that is gone."""
        self._places.clear()
        self._ends.clear()

    def floor(self, now: float) -> Position | None:
        """Return the least place that is held; None for none."""
        while self._ends:
            least = min(self._ends)
            watcher, ends = next(iter(self._ends[least].items()))
            if ends > now:
                return least
            self._take(watcher)
        return None

    def floor_ends(self, now: float) -> float | None:
        """Return when the least place is held no more if nothing happens; None for no place."""
        least = self.floor(now)
        return None if least is None else max(self._ends[least].values())

    def _sweep(self, now: float) -> None:
        for there in tuple(self._ends.values()):
            for watcher, ends in tuple(there.items()):
                if ends <= now:
                    self._take(watcher)

    def _take(self, watcher: object) -> None:
        place = self._places.pop(watcher)
        there = self._ends[place]
        del there[watcher]
        if not there:
            del self._ends[place]
