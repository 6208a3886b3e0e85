"""The spreading of revocations, explored at random: the real code, in a world that is made up.

`make test` explores the same runs every time, `make test-faults` many more.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import pytest
from faults.harness.counts import FULL, rounds
from model.revocation.broken import EVERYDAY, RARE, WATCHING, Broken
from model.revocation.checker import Tally, ViolationError
from model.revocation.plan import Plan, plan
from model.revocation.shrink import shrunk
from model.revocation.troubles import TROUBLES
from model.revocation.worker import Parts
from model.revocation.world import run

PORTIONS = rounds(1, 20)
RUNS = rounds(6, 20)
"""In a portion."""
MOST_RUNS = rounds(12, 40)
"""In which a variant has to be caught."""
OFTEN = [name for trouble in TROUBLES for name in ("", trouble)]
"""Every second run has one trouble more often than others."""
SECONDS = 900
SHOWN = 60


def found(parts: Parts, of: Plan) -> ViolationError | None:
    try:
        run(of, parts)
    except ViolationError as error:
        return error
    return None


def noticed(broken: Broken, clients: int) -> bool:
    for seed in range(MOST_RUNS):
        error = found(broken.parts, plan(seed, broken.often, clients=clients))
        if error is not None:
            assert error.part in broken.breaks, error
            return True
    return False


@pytest.mark.timeout(SECONDS)
@pytest.mark.parametrize("portion", range(PORTIONS))
def test_runs(portion: int, explored: Callable[[Tally], None]) -> None:
    for seed in range(portion * RUNS, (portion + 1) * RUNS):
        tried = plan(seed, OFTEN[seed % len(OFTEN)])
        try:
            explored(run(tried))
        except ViolationError as error:
            least, how = shrunk(tried, error, partial(found, Parts()))
            trace = "\n".join(how.trace[-SHOWN:])
            pytest.fail(f"{error}, with seed {seed}.\nThe least of it: {how}\n{least}\n{trace}")


@pytest.mark.timeout(SECONDS)
def test_the_lease_is_being_changed(explored: Callable[[Tally], None]) -> None:
    for seed in range(rounds(1, 20)):
        explored(run(replace(plan(seed), leases=(1.5, 3.0))))


@pytest.mark.timeout(SECONDS)
@pytest.mark.parametrize(
    "broken", [*EVERYDAY, *RARE] if FULL else EVERYDAY, ids=lambda one: str(one.name)
)
def test_a_broken_rule_is_noticed(broken: Broken) -> None:
    assert noticed(broken, clients=0)


@pytest.mark.timeout(SECONDS)
@pytest.mark.parametrize("broken", WATCHING, ids=lambda one: str(one.name))
def test_a_broken_rule_of_watching_is_noticed(broken: Broken) -> None:
    assert noticed(broken, clients=3)


def test_a_seed_brings_a_run_back() -> None:
    broken = EVERYDAY[0]
    one, other = (found(broken.parts, plan(0, broken.often, clients=1)) for _ in range(2))
    assert one is not None
    assert other is not None
    assert list(one.trace) == list(other.trace)


def test_a_plan_is_cut_down_to_what_it_fails_by() -> None:
    broken = EVERYDAY[0]
    attempt = partial(found, broken.parts)
    tried = plan(0, broken.often, clients=1)
    error = attempt(tried)
    assert error is not None
    least, how = shrunk(tried, error, attempt)
    assert how.part == error.part
    assert len(least.events) < len(tried.events) / 10
