"""When a day ends, and when it can be added up; in memory, whose clock can be set."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from support.asking import LIFETIMES, ORIGIN, new_session

from tokenauthority_server.adapters.memory import (
    MemoryClock,
    MemoryDatabase,
    MemorySessionStore,
    MemoryTokenCounts,
)
from tokenauthority_server.domain.metrics import TokenMetrics

EVENING = date(2026, 3, 31)
MORNING = date(2026, 4, 1)


async def test_a_day_ends_at_midnight_and_is_added_up_an_hour_later() -> None:
    clock = MemoryClock(datetime(2026, 3, 31, 23, 59, 59, 999_999, tzinfo=UTC))
    database = MemoryDatabase(clock)
    sessions, counts = MemorySessionStore(database), MemoryTokenCounts(database)

    async def created(day: date | None) -> int:
        found = await counts.read(day, "", "")
        assert replace(found, created=0) == TokenMetrics()
        return found.created

    for _ in range(2):
        await sessions.create(new_session(), LIFETIMES, ORIGIN)
    clock.advance(timedelta(microseconds=1))
    await sessions.create(new_session(), LIFETIMES, ORIGIN)
    assert [await created(day) for day in (EVENING, MORNING, None)] == [2, 1, 1]
    clock.advance(timedelta(minutes=59))
    assert await counts.fold() == 0
    clock.advance(timedelta(minutes=1))
    assert await counts.fold() == 1
    assert [await created(day) for day in (EVENING, MORNING, None)] == [2, 1, 1]
