"""The ring holds what was applied lately, and knows what it does not hold."""

from math import inf

import pytest
from unit.revocation.passing_on import at, fact

from tokenauthority_server.domain.revocation_ports import BEGINNING, Standing
from tokenauthority_server.revocation.journal import Journal

NOW = 100.0


def place(number: int, identity: str = "one") -> Standing:
    return Standing(identity, at(number))


@pytest.fixture
def journal() -> Journal[str]:
    journal: Journal[str] = Journal(most_records=3, most_facts=4)
    journal.begin(place(1))
    return journal


def test_nothing_is_held_before_it_begins() -> None:
    journal: Journal[str] = Journal()
    journal.add(at(1), [fact("a")], NOW)
    assert journal.first == journal.end
    assert not journal.holds(journal.end)
    assert not journal.reaches(Standing("one", BEGINNING))


def test_what_is_added_is_held_in_order(journal: Journal[str]) -> None:
    begin = journal.end
    journal.add(at(2), [fact("a")], NOW)
    journal.add(None, [fact("b")], NOW)
    assert journal.end == begin + 2
    assert [journal.at(begin + i).standing for i in (0, 1)] == [place(2), place(2)]
    assert [journal.at(begin + i).logged for i in (0, 1)] == [True, False]
    assert journal.standing == place(2)


def test_the_number_of_records_is_bounded(journal: Journal[str]) -> None:
    begin = journal.end
    for number in range(2, 7):
        journal.add(at(number), [], NOW)
    assert journal.end - journal.first == 3
    assert not journal.holds(begin)
    assert journal.holds(journal.first)
    assert journal.at(journal.first).standing == place(4)


def test_the_number_of_facts_is_bounded(journal: Journal[str]) -> None:
    journal.add(at(2), [fact("a"), fact("b")], NOW)
    journal.add(at(3), [fact("c"), fact("d"), fact("e")], NOW)
    assert journal.at(journal.first).standing == place(3)
    journal.add(at(4), [fact(name) for name in "abcde"], NOW)
    assert journal.first == journal.end
    assert journal.standing == place(4)


def test_it_reaches_back_as_far_as_it_holds(journal: Journal[str]) -> None:
    assert journal.reaches(place(1))
    assert journal.reaches(place(9))
    assert not journal.reaches(place(0))
    assert not journal.reaches(place(1, "other"))
    for number in range(2, 6):
        journal.add(at(number), [], NOW)
    assert not journal.reaches(place(1))
    assert journal.reaches(place(2))


def test_facts_of_the_database_that_are_lost_are_missed(journal: Journal[str]) -> None:
    journal.add(None, [fact("a")], NOW)
    assert journal.reaches(place(1))
    for _ in range(3):
        journal.add(None, [], NOW)
    # Whoever is at this place may have been told of it before "a" was found, or after.
    assert not journal.reaches(place(1))
    assert journal.reaches(place(2))


def test_beginning_anew_leaves_nobody_where_he_was(journal: Journal[str]) -> None:
    journal.add(at(2), [], NOW)
    end = journal.end
    journal.begin(place(7))
    assert not journal.holds(end)
    assert journal.holds(journal.end)
    assert journal.reaches(place(7))
    assert not journal.reaches(place(2))


def test_it_tells_when_a_place_was_left_behind(journal: Journal[str]) -> None:
    assert journal.left_behind(at(1)) == inf
    journal.add(None, [fact("a")], NOW)
    assert journal.left_behind(at(1)) == inf
    journal.add(at(3), [], NOW + 1)
    journal.add(at(5), [], NOW + 2)
    assert [journal.left_behind(at(one)) - NOW for one in (1, 2, 3, 4)] == [1, 1, 2, 2]
    assert journal.left_behind(at(5)) == journal.left_behind(at(9)) == inf
    assert journal.left_behind(at(0)) == -inf
    for number in (6, 7, 8):
        journal.add(at(number), [], NOW + 3)
    assert journal.left_behind(at(4)) == -inf
    assert journal.left_behind(at(5)) == NOW + 3
