"""Counts of changes by day, in memory."""

from collections import Counter
from dataclasses import fields
from datetime import date, timedelta

from tokenauthority_server.adapters.memory.database import MemoryDatabase
from tokenauthority_server.domain.metrics import LiveSessions, TokenMetrics

_KINDS = frozenset(one.name for one in fields(TokenMetrics)) - {"live_sessions"}


class MemoryTokenCounts:
    """A TokenCounts over a MemoryDatabase."""

    def __init__(self, database: MemoryDatabase) -> None:
        self._database = database

    async def fold(self) -> int:
        """Add up the days that are over and not added up yet; return how many those were."""
        database = self._database
        today = database.day_at(database.clock.now() - timedelta(hours=1))
        days = {day for _, day, _, _ in database.metrics if day < today} - database.totals.keys()
        for day in days:
            database.totals[day] = self._sum(day, "", "")
        return len(days)

    async def count_live_sessions(self, at_most_every: timedelta) -> bool:
        """Count all live sessions, unless that was done this recently; return whether it was."""
        database = self._database
        now = database.clock.now()
        last = database.live_sessions_count
        if last is not None and last.as_of_time > now - at_most_every:
            return False
        live = sum(database.session_is_live(row) for row in database.sessions.values())
        database.live_sessions_count = LiveSessions(count=live, as_of_time=now)
        return True

    async def read(self, day: date | None, user_id: str, device_id: str) -> TokenMetrics:
        """Return the counts of a day (None: today, UTC), of a user and of a device ("": of all)."""
        database = self._database
        now = database.clock.now()
        day = day or database.day_at(now)
        everybody = not user_id and not device_id
        if everybody and day in database.totals:
            counts = database.totals[day]
        else:
            counts = self._sum(day, user_id, device_id)
        live = database.live_sessions_count if everybody else None
        if user_id and not device_id:
            live = LiveSessions(count=len(list(database.live_sessions(user_id))), as_of_time=now)
        return TokenMetrics(
            **{kind: counts[kind] for kind in _KINDS & counts.keys()}, live_sessions=live
        )

    def _sum(self, day: date, user_id: str, device_id: str) -> Counter[str]:
        counts: Counter[str] = Counter()
        for (owner, on, device, kind), number in self._database.metrics.items():
            if on == day and user_id in ("", owner) and device_id in ("", device):
                counts[kind] += number
        return counts
