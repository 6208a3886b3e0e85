"""RateExchange in memory."""

import time
from collections.abc import Callable, Mapping

from tokenauthority_server.domain.rates import Quota, Use


class MemoryRateExchange:
    """The port RateExchange, for one process. `now` is a clock in nanoseconds."""

    def __init__(self, now: Callable[[], int] = time.monotonic_ns) -> None:
        self._now = now
        self._full_at: dict[Quota, int] = {}

    async def exchange(self, uses: Mapping[Quota, Use]) -> Mapping[Quota, int]:
        """See RateExchange.exchange."""
        now = self._now()
        for quota, use in uses.items():
            full_at = max(self._full_at.get(quota, 0), now) + use.taken
            self._full_at[quota] = min(full_at, now + use.most)
        ahead = {quota: self._full_at[quota] - now for quota in uses}
        self._full_at = {quota: at for quota, at in self._full_at.items() if at > now}
        return ahead
