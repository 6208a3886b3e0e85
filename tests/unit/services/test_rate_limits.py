"""Rates hold in one process, over several, and without what they tell each other by."""

from collections.abc import Mapping
from dataclasses import dataclass

import pytest

from tokenauthority_server.adapters.memory.rates import MemoryRateExchange
from tokenauthority_server.domain.errors import RateLimitedError, StoreUnavailableError
from tokenauthority_server.domain.rates import Quota, Rate, Use
from tokenauthority_server.services.rate_limits import TICK, RateLimits

LOGIN = Quota("shop", "/tokenauthority.v1.AccountService/Login")
SECOND = 1_000_000_000


@dataclass
class Clock:
    now: int = 5 * SECOND

    def __call__(self) -> int:
        return self.now

    def go_on(self, seconds: float) -> None:
        self.now += round(seconds * SECOND)


class NoExchange:
    """The store is away."""

    async def exchange(self, _: Mapping[Quota, Use]) -> Mapping[Quota, int]:
        raise StoreUnavailableError("Redis", "ConnectionError")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def limits(clock: Clock) -> RateLimits:
    return RateLimits(MemoryRateExchange(clock), clock)


def admitted(limits: RateLimits, calls: int, rate: Rate, quota: Quota = LOGIN) -> int:
    """How many of so many calls at once are let through."""
    passed = 0
    for _ in range(calls):
        try:
            limits.admit(quota, rate)
        except RateLimitedError:
            continue
        passed += 1
    return passed


@pytest.mark.parametrize("rate", [Rate(1), Rate(3), Rate(20), Rate(20, 60), Rate(999)])
def test_a_periods_calls_may_come_at_once_and_then_at_the_even_rate(
    limits: RateLimits, clock: Clock, rate: Rate
) -> None:
    assert admitted(limits, rate.calls + 5, rate) == rate.calls
    for _ in range(10):
        clock.now += rate.call_ns
        assert admitted(limits, 3, rate) == 1


def test_after_a_period_of_rest_all_calls_are_there_again_and_no_more(
    limits: RateLimits, clock: Clock
) -> None:
    assert admitted(limits, 30, Rate(20)) == 20
    clock.go_on(100)
    assert admitted(limits, 30, Rate(20)) == 20


def test_the_refusal_says_of_what_and_until_when(limits: RateLimits, clock: Clock) -> None:
    admitted(limits, 20, Rate(20))
    with pytest.raises(RateLimitedError) as caught:
        limits.admit(LOGIN, Rate(20))

    assert caught.value.quota == "shop: AccountService/Login, 20/s"
    assert caught.value.retry_after_seconds == pytest.approx(0.05)
    clock.go_on(caught.value.retry_after_seconds)
    assert admitted(limits, 2, Rate(20)) == 1


def test_who_is_refused_pays_nothing_for_it(limits: RateLimits, clock: Clock) -> None:
    admitted(limits, 10_000, Rate(20))
    clock.go_on(0.05)
    assert admitted(limits, 1, Rate(20)) == 1


def test_each_caller_and_each_rpc_has_a_rate_of_its_own(limits: RateLimits) -> None:
    others = (LOGIN._replace(caller="other"), LOGIN._replace(rpc="/other.v1.Other/Login"))
    assert admitted(limits, 30, Rate(20)) == 20
    for quota in others:
        assert admitted(limits, 30, Rate(20), quota) == 20


async def test_what_others_let_through_counts_here_after_a_tick(clock: Clock) -> None:
    shared = MemoryRateExchange(clock)
    one, other = RateLimits(shared, clock), RateLimits(shared, clock)
    assert admitted(one, 15, Rate(20)) == 15
    await one.tick()
    # It has to have calls of its own to ask.
    assert admitted(other, 1, Rate(20)) == 1
    await other.tick()
    assert admitted(other, 10, Rate(20)) == 4


async def test_what_was_let_through_beyond_the_rate_is_made_up_for(clock: Clock) -> None:
    shared = MemoryRateExchange(clock)
    processes = [RateLimits(shared, clock) for _ in range(3)]
    # None of them has heard of the others: what the rate may be exceeded by, at the most.
    assert [admitted(one, 50, Rate(20)) for one in processes] == [20, 20, 20]
    for _ in range(2):
        for one in processes:
            await one.tick()
    total, seconds = 60, 0.0
    while seconds < 10:
        clock.go_on(TICK.total_seconds())
        seconds += TICK.total_seconds()
        total += sum(admitted(one, 50, Rate(20)) for one in processes)
        for one in processes:
            await one.tick()
    # In the long run the rate, and the burst of one period that each may begin with.
    assert 20 * 10 <= total <= 20 * 10 + 60


async def test_without_the_others_each_keeps_to_the_whole_rate(clock: Clock) -> None:
    alone = RateLimits(NoExchange(), clock)
    assert admitted(alone, 50, Rate(20)) == 20
    with pytest.raises(StoreUnavailableError):
        await alone.tick()
    assert admitted(alone, 50, Rate(20)) == 0
    clock.go_on(1)
    assert admitted(alone, 50, Rate(20)) == 20


async def test_a_store_that_has_forgotten_gives_nothing_back(clock: Clock) -> None:
    class Forgetful:
        async def exchange(self, uses: Mapping[Quota, Use]) -> Mapping[Quota, int]:
            return dict.fromkeys(uses, 0)

    limits = RateLimits(Forgetful(), clock)
    assert admitted(limits, 20, Rate(20)) == 20
    await limits.tick()
    assert admitted(limits, 20, Rate(20)) == 0


async def test_calls_that_come_while_the_others_are_told_count(clock: Clock) -> None:
    class Slow:
        async def exchange(self, uses: Mapping[Quota, Use]) -> Mapping[Quota, int]:
            assert admitted(slowed, 5, Rate(20)) == 5
            # Others have let through two calls.
            return {quota: use.taken + 2 * Rate(20).call_ns for quota, use in uses.items()}

    slowed = RateLimits(Slow(), clock)
    assert admitted(slowed, 10, Rate(20)) == 10
    await slowed.tick()
    assert admitted(slowed, 20, Rate(20)) == 3


async def test_nobody_waits_for_more_than_ten_periods(clock: Clock) -> None:
    shared = MemoryRateExchange(clock)
    processes = [RateLimits(shared, clock) for _ in range(30)]
    for one in processes:
        assert admitted(one, 50, Rate(20)) == 20
        await one.tick()
    clock.go_on(10)
    assert admitted(processes[-1], 50, Rate(20)) == 20


async def test_a_rate_that_was_changed_counts_within_ten_of_its_periods(clock: Clock) -> None:
    limits = RateLimits(MemoryRateExchange(clock), clock)
    assert admitted(limits, 30, Rate(20, 3600)) == 20
    await limits.tick()
    assert admitted(limits, 30, Rate(20)) == 20
    await limits.tick()
    clock.go_on(10)
    assert admitted(limits, 30, Rate(20)) == 20


async def test_a_rate_may_change_while_the_others_are_told(clock: Clock) -> None:
    class Slow:
        async def exchange(self, uses: Mapping[Quota, Use]) -> Mapping[Quota, int]:
            assert admitted(slowed, 30, Rate(20)) == 20
            return {quota: use.most for quota, use in uses.items()}

    slowed = RateLimits(Slow(), clock)
    assert admitted(slowed, 30, Rate(20, 3600)) == 20
    await slowed.tick()
    clock.go_on(1)
    assert admitted(slowed, 30, Rate(20)) == 20


async def test_what_is_full_again_is_forgotten(limits: RateLimits, clock: Clock) -> None:
    for number in range(100):
        admitted(limits, 1, Rate(20), Quota("shop", f"/s/{number}"))
    assert len(limits) == 100
    await limits.tick()
    assert len(limits) == 100
    clock.go_on(1)
    await limits.tick()
    assert len(limits) == 0
