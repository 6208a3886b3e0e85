"""The system's own randomness and time."""

import re
from datetime import UTC, datetime, timedelta

from tokenauthority_server.adapters.clock import SystemClock
from tokenauthority_server.adapters.entropy import SystemEntropy
from tokenauthority_server.domain.ports import Clock, Entropy


def test_session_ids_have_their_form_and_never_repeat() -> None:
    entropy: Entropy = SystemEntropy()
    made = {entropy.session_id() for _ in range(1000)}
    assert len(made) == 1000
    assert all(re.fullmatch(r"sess_[A-Za-z0-9_-]{43}", one) for one in made)


def test_the_clock_tells_the_time_in_utc() -> None:
    clock: Clock = SystemClock()
    before = datetime.now(UTC)
    told = clock.now()
    assert before <= told <= datetime.now(UTC)
    assert told.utcoffset() == timedelta(0)
