"""When sessions were last used, in memory."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

_PAUSE = timedelta(minutes=1)


class MemoryActivityLog:
    """An ActivityLog that loses nothing."""

    def __init__(self) -> None:
        self._last_use: dict[tuple[str, str], datetime] = {}

    def record(self, user_id: str, session_id: str, at: datetime) -> None:
        """Note a use."""
        last = self._last_use.get((user_id, session_id))
        if last is None or at - last >= _PAUSE:
            self._last_use[user_id, session_id] = at

    async def read(self, user_id: str, session_ids: Sequence[str]) -> Mapping[str, datetime]:
        """Return the last use of those sessions that are known."""
        return {
            session_id: self._last_use[user_id, session_id]
            for session_id in session_ids
            if (user_id, session_id) in self._last_use
        }
