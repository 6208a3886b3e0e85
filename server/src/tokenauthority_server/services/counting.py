"""GetTokenMetrics, and what keeps its answers quick."""

import re
from dataclasses import dataclass
from datetime import date, timedelta

from tokenauthority_server.domain.errors import InvalidRequestError, Violation
from tokenauthority_server.domain.metrics import TokenMetrics
from tokenauthority_server.domain.ports import TokenCounts

TICK = timedelta(seconds=10)
"""How often `tick` is due."""

COUNT_EVERY = timedelta(seconds=50)
"""Live sessions are counted at most this often. With a tick more no count that is served is older
than a minute."""

# date.fromisoformat takes other forms too.
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


@dataclass(frozen=True, slots=True)
class Counting:
    """Adds up what was counted."""

    counts: TokenCounts

    async def tick(self) -> None:
        """Do what is due of adding up and counting; of replicas that come at once one does it.

        Raises StoreUnavailableError; what was not done is done the next time.
        """
        await self.counts.count_live_sessions(COUNT_EVERY)
        await self.counts.fold()

    async def token_metrics(self, day: str, user_id: str, device_id: str) -> TokenMetrics:
        """Return the counts of a day, of one user or device or of all ("").

        `day` is written YYYY-MM-DD (UTC); empty is today. Raises InvalidRequestError.
        """
        return await self.counts.read(_parse(day), user_id, device_id)


def _parse(day: str) -> date | None:
    if not day:
        return None
    try:
        if _DAY.fullmatch(day):
            return date.fromisoformat(day)
    except ValueError:
        pass
    raise InvalidRequestError(Violation("day", "must be a date, written YYYY-MM-DD"))
