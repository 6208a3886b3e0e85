"""Keeps callers to their rates, without asking anybody while a call waits."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from tokenauthority_server.domain.errors import RateLimitedError
from tokenauthority_server.domain.rates import Quota, Rate, RateExchange, Use

TICK: Final = timedelta(milliseconds=100)
"""How often the processes tell each other. What all of them let through beyond a rate is what
they let through within it, once."""


MOST_PERIODS: Final = 10
"""Nobody waits longer than so many periods, however much was let through."""


@dataclass(slots=True)
class _Bucket:
    """`full_at` is when all calls are made up for; `untold` is what the others do not know of.

    `period` is that of its rate.
    """

    period: int
    full_at: int = 0
    untold: int = 0


class RateLimits:
    """Decides by what was last heard of the other processes and what came here since.

    Where nothing is heard of them each process keeps to the whole rate by itself. What was let
    through beyond a rate is not forgiven: it is made up for, by all, before more is let through.
    `now` is a clock in nanoseconds that never goes back.
    """

    def __init__(self, exchange: RateExchange, now: Callable[[], int]) -> None:
        self._exchange = exchange
        self._now = now
        self._buckets: dict[Quota, _Bucket] = {}

    def admit(self, quota: Quota, rate: Rate) -> None:
        """Return when a call is within its rate; raise RateLimitedError with how long to wait."""
        now = self._now()
        bucket = self._buckets.get(quota)
        # A rate of another period, after a change, would have to wait for what the former one has.
        if bucket is None or bucket.period != rate.period_ns:
            bucket = self._buckets[quota] = _Bucket(rate.period_ns)
        full_at = max(bucket.full_at, now) + rate.call_ns
        wait = full_at - now - rate.period_ns
        if wait > 0:
            _, _, rpc = quota.rpc.rpartition(".")
            raise RateLimitedError(f"{quota.caller}: {rpc}, {rate}", wait / 1_000_000_000)
        bucket.full_at = full_at
        bucket.untold += rate.call_ns

    async def tick(self) -> None:
        """Tell the others what came here, and learn of them; raise StoreUnavailableError.

        One at a time. What is not told because of an error is not told later: it counts here.
        """
        now = self._now()
        uses: dict[Quota, Use] = {}
        told: dict[Quota, _Bucket] = {}
        for quota, bucket in list(self._buckets.items()):
            if bucket.untold:
                uses[quota] = Use(bucket.untold, MOST_PERIODS * bucket.period)
                bucket.untold = 0
                told[quota] = bucket
            elif bucket.full_at <= now:
                del self._buckets[quota]
        if not uses:
            return
        ahead = await self._exchange.exchange(uses)
        for quota, bucket in told.items():
            # Reckoned from before the question, so that nobody pays for the way there and back.
            # And never below what is known here: the others may have lost what they were told.
            bucket.full_at = max(bucket.full_at, now + ahead[quota] + bucket.untold)

    def __len__(self) -> int:
        """Return how many quotas are being used; those that are full again are forgotten."""
        return len(self._buckets)
