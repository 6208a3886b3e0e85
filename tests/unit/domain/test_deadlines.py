from tokenauthority_server.domain.deadlines import seconds_left, set_seconds_left


async def test_nobody_has_said_when_the_call_ends() -> None:
    assert seconds_left() is None


async def test_what_is_left_becomes_less() -> None:
    set_seconds_left(5.0)
    first = seconds_left()
    second = seconds_left()
    assert first is not None
    assert second is not None
    assert 4.0 < second <= first <= 5.0
    set_seconds_left(None)
    assert seconds_left() is None
