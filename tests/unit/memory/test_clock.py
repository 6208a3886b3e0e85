from datetime import UTC, datetime, timedelta

from tokenauthority_server.adapters.memory import MemoryClock


def test_it_stands_still_until_it_is_moved() -> None:
    clock = MemoryClock()
    start = clock.now()
    assert clock.now() == start
    assert start.tzinfo is not None
    clock.advance(timedelta(minutes=5))
    assert clock.now() == start + timedelta(minutes=5)


def test_it_starts_where_it_is_told() -> None:
    noon = datetime(2030, 1, 1, 12, tzinfo=UTC)
    assert MemoryClock(noon).now() == noon
