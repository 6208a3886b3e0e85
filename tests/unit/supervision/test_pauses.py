"""How long a worker stays away."""

from tokenauthority_server.supervision.pauses import STEADY_SECONDS, Pauses


def test_twice_as_long_each_time_and_never_longer_than_ten_seconds() -> None:
    pauses = Pauses()
    assert [pauses.after(0) for _ in range(9)] == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10, 10]


def test_short_again_after_a_steady_life() -> None:
    pauses = Pauses()
    for _ in range(5):
        pauses.after(STEADY_SECONDS - 0.1)
    assert [pauses.after(STEADY_SECONDS), pauses.after(0)] == [0.1, 0.2]
