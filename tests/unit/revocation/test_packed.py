"""What is packed into a number comes out again."""

from hypothesis import given
from hypothesis import strategies as st

from tokenauthority_server.domain.revocations import RevocationReason
from tokenauthority_server.revocation.packed import (
    MINUTE,
    Highest,
    Once,
    epoch_of,
    expiry_of,
    minute_after,
    reason_of,
)

reasons = st.sampled_from(RevocationReason)
expiries = st.integers(0, (1 << 36) - 1)


@given(reasons, expiries)
def test_of_a_token(reason: RevocationReason, expiry: int) -> None:
    once = Once()
    once.add("a", reason, expiry, 7)
    assert (reason_of(once.numbers["a"]), expiry_of(once.numbers["a"])) == (reason, expiry)
    assert epoch_of(once.numbers["a"]) == 0


@given(reasons, expiries, st.integers(0, (1 << 63) - 1), st.integers(0, (1 << 32) - 1))
def test_of_a_user(reason: RevocationReason, expiry: int, epoch: int, minute: int) -> None:
    users = Highest()
    users.add("a", epoch, spared="", reason=reason, expiry=expiry, minute=minute)
    number = users.numbers["a"]
    assert (reason_of(number), expiry_of(number), epoch_of(number)) == (reason, expiry, epoch)
    assert users.drop(minute * MINUTE - 1, 10) == 0
    assert users.drop(minute * MINUTE, 10) == 1
    assert not users.numbers


def test_an_expiry_that_is_too_late_to_tell_is_the_latest() -> None:
    once = Once()
    once.add("a", RevocationReason.ADMIN, 1 << 50, 7)
    assert expiry_of(once.numbers["a"]) == (1 << 36) - 1
    assert reason_of(once.numbers["a"]) is RevocationReason.ADMIN


def test_minutes_are_whole_and_never_before_the_time() -> None:
    assert [minute_after(60.0, left) for left in (-500, 0, 0.1, 60, 61)] == [1, 1, 2, 2, 3]
