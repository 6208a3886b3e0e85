"""GetTokenMetrics, and what keeps its answers quick."""

from dataclasses import replace
from datetime import timedelta

import pytest
from support.asking import ADA, BOB, LIFETIMES, ORIGIN, new_session

from tokenauthority_server.adapters.memory import (
    MemoryDatabase,
    MemorySessionStore,
    MemoryTokenCounts,
)
from tokenauthority_server.domain.errors import InvalidRequestError
from tokenauthority_server.domain.metrics import LiveSessions, TokenMetrics
from tokenauthority_server.services.counting import COUNT_EVERY, TICK, Counting


@pytest.fixture
async def database() -> MemoryDatabase:
    database = MemoryDatabase()
    for user in (ADA, ADA, BOB):
        await MemorySessionStore(database).create(new_session(user), LIFETIMES, ORIGIN)
    return database


@pytest.fixture
def counting(database: MemoryDatabase) -> Counting:
    return Counting(MemoryTokenCounts(database))


@pytest.mark.parametrize("day", ["", "2026-01-01"])
async def test_a_day_is_asked_for(counting: Counting, day: str) -> None:
    assert await counting.token_metrics(day, "", "") == TokenMetrics(created=3)
    assert (await counting.token_metrics(day, ADA.user_id, "")).created == 2
    assert await counting.token_metrics(day, ADA.user_id, "laptop") == TokenMetrics()
    assert await counting.token_metrics(day, "", "phone") == TokenMetrics(created=3)
    assert await counting.token_metrics("2025-12-31", "", "") == TokenMetrics()


@pytest.mark.parametrize(
    "day",
    [
        *("today", "20260101", "2026-W01-1", "2026-1-1", "2026-02-30", "2026-13-01", "0000-01-01"),
        *(" 2026-01-01", "2026-01-01\n", "2026-01-01T00:00:00Z", "٢٠٢٦-٠١-٠١", "12026-01-01"),  # noqa: RUF001
    ],
)
async def test_anything_else_is_no_day(counting: Counting, day: str) -> None:
    with pytest.raises(InvalidRequestError) as refused:
        await counting.token_metrics(day, "", "")
    assert [one.field for one in refused.value.violations] == ["day"]


async def test_live_sessions_are_never_told_older_than_a_minute(
    database: MemoryDatabase, counting: Counting
) -> None:
    counts = []
    for _ in range(60):
        await counting.tick()
        live = (await counting.token_metrics("", "", "")).live_sessions
        assert live is not None
        counts.append(live)
        database.clock.advance(TICK - timedelta(microseconds=1))
        assert database.clock.now() - live.as_of_time < timedelta(minutes=1)
        database.clock.advance(timedelta(microseconds=1))
    # And they are counted no oftener than has to be.
    assert len(set(counts)) == 60 * TICK // (COUNT_EVERY)
    assert {live.count for live in counts} == {3}


async def test_days_that_are_over_are_added_up(
    database: MemoryDatabase, counting: Counting
) -> None:
    database.clock.advance(timedelta(days=2))
    await counting.tick()
    assert len(database.totals) == 1
    found = await counting.token_metrics("2026-01-01", "", "")
    live = LiveSessions(count=3, as_of_time=database.clock.now())
    assert found == TokenMetrics(created=3, live_sessions=live)
    assert replace(found, live_sessions=None) == TokenMetrics(created=3)
