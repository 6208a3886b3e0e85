"""How long it takes until what was heard of is applied."""

from unit.revocation.hand_ticks import HandTicks

from tokenauthority_server.domain.revocation_ports import Position
from tokenauthority_server.revocation.lag import Lag


def at(number: int) -> Position:
    return Position(1, number)


def test_a_place_counts_from_when_it_was_heard_of_until_it_is_applied() -> None:
    ticks = HandTicks()
    lag = Lag(ticks)
    lag.begin(at(5))
    lag.reached(at(4))
    assert lag.seconds() == 0
    lag.reached(at(6))
    ticks.jump(2)
    lag.reached(at(7))
    assert lag.seconds() == 2
    lag.applied(at(7))
    assert lag.seconds() == 0


def test_a_log_that_goes_on_all_the_time_is_no_lag_by_itself() -> None:
    ticks = HandTicks()
    lag = Lag(ticks)
    lag.begin(at(0))
    for number in range(1, 100):
        lag.reached(at(number))
        ticks.jump(1)
        lag.applied(at(number - 1))
        assert lag.seconds() <= 1


def test_who_begins_anew_lacks_nothing() -> None:
    ticks = HandTicks()
    lag = Lag(ticks)
    lag.reached(at(9))
    ticks.jump(1)
    lag.begin(at(3))
    assert lag.seconds() == 0
    lag.reached(at(3))
    assert lag.seconds() == 0
