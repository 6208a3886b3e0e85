"""How often a caller may call, and how the processes of the authority tell each other of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple, Protocol

MAX_CALLS_PER_SECOND: Final = 1_000_000
"""A call is worth a microsecond at least, which is what the processes reckon with."""

_PERIODS: Final = {1: "s", 60: "m", 3600: "h"}
_NANOSECONDS: Final = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Rate:
    """So many calls in each period of so many seconds.

    It is a bucket that holds the calls of one period and fills evenly: after a pause they may come
    at once, and then at the even rate. Raises ValueError for a rate of no calls, or of too many.
    """

    calls: int
    seconds: int = 1
    call_ns: int = field(init=False, repr=False, compare=False)
    """What one call is worth, in nanoseconds."""
    period_ns: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not 1 <= self.calls <= MAX_CALLS_PER_SECOND * self.seconds:
            raise ValueError(f"must be 1 to {MAX_CALLS_PER_SECOND:,} calls a second")
        object.__setattr__(self, "period_ns", self.seconds * _NANOSECONDS)
        object.__setattr__(self, "call_ns", self.period_ns // self.calls)

    def __str__(self) -> str:
        """Return it as it is written in a callers' file."""
        return f"{self.calls}/{_PERIODS.get(self.seconds, f'{self.seconds} s')}"


class Quota(NamedTuple):
    """What a rate is counted for: a caller by its name, and an RPC by its path."""

    caller: str
    rpc: str


class Use(NamedTuple):
    """What was let through, and the most that may be owed for it, in nanoseconds."""

    taken: int
    most: int


class RateExchange(Protocol):
    """What all processes know of the rates that are being used."""

    async def exchange(self, uses: Mapping[Quota, Use]) -> Mapping[Quota, int]:
        """Add what was taken of each quota; return how much all processes are ahead in each.

        That is the time after which its bucket is full again, in nanoseconds, and never above the
        most of its use, whatever the clocks of stores do. Quotas of one caller are added together
        or not at all. A time that is over is forgotten. Raises StoreUnavailableError, and then
        anything may have been added or not; it must not be sent again.
        """
        ...
