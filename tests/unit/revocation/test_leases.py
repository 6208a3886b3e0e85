"""A lease ends for its verifier before anybody writes it off, whatever their clocks do."""

import pytest

from tokenauthority_server.revocation.leases import Terms, lease_of, row_name

DRIFT = 0.02
TERMS = Terms(3.0)


def test_it_ends_first_where_one_clock_is_slow_and_the_other_quick() -> None:
    assert TERMS.usable / (1 - DRIFT) < TERMS.lease / (1 + DRIFT)


def test_two_renewals_may_be_lost() -> None:
    assert 2 * TERMS.heartbeat < TERMS.usable


def test_a_revoker_waits_for_longer_than_a_verifier_is_waited_for() -> None:
    assert TERMS.lease + TERMS.heartbeat < TERMS.longest_wait


def test_a_row_of_a_longer_lease_is_waited_for_as_long() -> None:
    # The guard of a rolling change of the setting: without the name the shorter one counted.
    assert lease_of(row_name("one", Terms(7.5)), TERMS) == 7.5
    assert lease_of(row_name("one", Terms(1.0)), TERMS) == TERMS.lease


@pytest.mark.parametrize("name", ["one", "one:", "one:x", "one:-1", "one:99999999", ":5000"])
def test_a_row_that_does_not_tell_is_one_of_ones_own(name: str) -> None:
    assert lease_of(name, TERMS) == TERMS.lease
