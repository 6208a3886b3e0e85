"""Removing what matters no more, a little at a time."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from tokenauthority_server.domain.ports import Upkeep
from tokenauthority_server.domain.upkeep import Leftover

BATCH = 1_000
"""Rows removed at once: few enough to lock them for some milliseconds only."""

MONTHS_AHEAD = 2
"""A month of the audit trail is there long before its first event, whatever is away meanwhile."""

Note = Callable[[Leftover, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pass:
    """What a pass came to: rows removed by kind, and audit months made and dropped.

    `finished` says that nothing was left to remove; else the time was up.
    """

    removed: Mapping[Leftover, int]
    months: int
    finished: bool


def _unnoted(what: Leftover, removed: int) -> None:
    """Note nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Janitor:
    """Removes what has outlived its use. `keep` is for audit events and token metrics.

    `now` counts seconds from anywhere: it measures how long a pass takes.
    """

    upkeep: Upkeep
    keep: timedelta
    now: Callable[[], float] = time.monotonic

    async def tidy(self, seconds: float, note: Note = _unnoted) -> Pass:
        """Turn the audit trail's months, then remove batches of every kind in turn.

        Ends when nothing is left, or with the round in which the seconds are over: each kind has
        its turn in every pass, however much there is of the others. `note` hears of each batch,
        also in a pass that fails. Raises StoreUnavailableError.
        """
        until = self.now() + seconds
        removed = dict.fromkeys(Leftover, 0)
        months = await self.upkeep.turn_months(MONTHS_AHEAD, self.keep)
        left = list(Leftover)
        while left:
            left = [what for what in left if await self._sweep(what, removed, note)]
            if self.now() >= until:
                break
        return Pass(removed=removed, months=months, finished=not left)

    async def _sweep(self, what: Leftover, removed: dict[Leftover, int], note: Note) -> bool:
        """Remove a batch; return whether there may be more."""
        count = await self.upkeep.sweep(what, BATCH, self.keep)
        removed[what] += count
        note(what, count)
        return count >= BATCH
