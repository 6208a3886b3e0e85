"""A rate is a number of calls in a period, and says what one of them is worth."""

import pytest

from tokenauthority_server.domain.rates import MAX_CALLS_PER_SECOND, Rate


@pytest.mark.parametrize(
    ("rate", "call_ns", "text"),
    [
        (Rate(500), 2_000_000, "500/s"),
        (Rate(3), 333_333_333, "3/s"),
        (Rate(20, 60), 3_000_000_000, "20/m"),
        (Rate(1, 3600), 3_600_000_000_000, "1/h"),
        (Rate(MAX_CALLS_PER_SECOND), 1000, "1000000/s"),
        (Rate(7, 5), 714_285_714, "7/5 s"),
    ],
)
def test_a_call_is_worth_its_part_of_the_period(rate: Rate, call_ns: int, text: str) -> None:
    assert (rate.call_ns, str(rate)) == (call_ns, text)
    # So that all calls of a period fit into it.
    assert rate.calls * rate.call_ns <= rate.period_ns


@pytest.mark.parametrize(
    ("calls", "seconds"), [(0, 1), (-1, 1), (MAX_CALLS_PER_SECOND + 1, 1), (10**10, 60)]
)
def test_a_rate_that_makes_no_sense_is_refused(calls: int, seconds: int) -> None:
    with pytest.raises(ValueError, match="calls a second"):
        Rate(calls, seconds)
