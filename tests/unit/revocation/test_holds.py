"""The least place that a running sub-lease holds."""

from unit.revocation.passing_on import at

from tokenauthority_server.revocation.holds import Holds


def test_the_least_place_counts_as_long_as_it_is_held() -> None:
    holds = Holds()
    assert holds.floor(0) is None
    assert holds.floor_ends(0) is None
    assert holds.put("a", at(5), 10, 0)
    assert holds.put("b", at(3), 7, 0)
    assert holds.put("c", at(3), 8, 0)
    assert holds.floor(0) == at(3)
    assert holds.floor_ends(0) == 8
    assert holds.floor(7.5) == at(3)
    assert holds.floor(8) == at(5)
    assert holds.floor(10) is None


def test_a_later_place_is_held_instead() -> None:
    holds = Holds()
    holds.put("a", at(3), 10, 0)
    holds.put("a", at(5), 12, 0)
    assert holds.floor(0) == at(5)
    assert holds.floor(11) == at(5)


def test_a_sub_lease_is_never_shortened() -> None:
    holds = Holds()
    holds.put("a", at(3), 10, 0)
    holds.put("a", at(3), 5, 0)
    assert holds.floor(9) == at(3)


def test_moving_lengthens_nothing_and_makes_nothing() -> None:
    holds = Holds()
    holds.move("a", at(9))
    assert holds.floor(0) is None
    holds.put("a", at(3), 10, 0)
    holds.move("a", at(9))
    assert holds.floor(9) == at(9)
    assert holds.floor(10) is None


def test_their_number_is_bounded_and_those_that_are_over_make_room() -> None:
    holds = Holds(most=3)
    assert holds.put("a", at(3), 20, 0)
    assert holds.put("b", at(4), 10, 0)
    assert holds.put("c", at(4), 30, 0)
    assert not holds.put("d", at(4), 30, 9)
    assert holds.put("c", at(5), 31, 9)
    assert holds.put("d", at(5), 30, 10)
    assert holds.floor(10) == at(3)


def test_all_can_be_forgotten() -> None:
    holds = Holds()
    holds.put("a", at(3), 10, 0)
    holds.clear()
    assert holds.floor(0) is None
    holds.put("a", at(1), 10, 0)
    assert holds.floor(0) == at(1)
