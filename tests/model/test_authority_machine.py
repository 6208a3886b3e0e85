"""The running authority against the model of the contract, over long random histories.

`make test` tells the same histories in every run, `make test-faults` new ones and many more.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import asyncpg
import grpc
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from model.authority_machine import AuthorityMachine
from model.authority_model import MOST_SESSIONS
from model.broken_rules import EVERYDAY, RARE, BrokenRule
from model.differences import BusyError, DifferenceError
from model.running_authority import RunningAuthority
from support.authority import serving
from support.postgres import Databases
from support.redis import NO_REDIS

FULL = os.environ.get("FAULTS") == "full"
# Each round is a test of its own, so that none takes longer than a few minutes.
ROUNDS, HISTORIES, STEPS = (20, 50, 100) if FULL else (1, 70, 40)
SECONDS = 600
"""For a round whose failing history is being made short; one that passes takes a tenth."""
ATTEMPTS = 3

HOW = settings(
    max_examples=HISTORIES,
    stateful_step_count=STEPS,
    derandomize=not FULL,
    # Nothing is written beside the tests; the blob that a failure prints brings its history back.
    database=None,
    print_blob=True,
    # A history asks a server and a database dozens of times, which takes what it takes.
    deadline=None,
    phases=[Phase.generate, Phase.shrink],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
# That it fails is enough; the shortest history of its kind does not matter.
TO_FAIL = settings(
    HOW,
    max_examples=1_000,
    stateful_step_count=50,
    derandomize=True,
    phases=[Phase.generate],
    print_blob=False,
)

# The janitor would find the rows of histories in which days have passed long out of use.
NEVER_SWEPT = """
CREATE FUNCTION never_swept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.sweep_on := date '9999-12-31';
    RETURN NEW;
END $$;
CREATE TRIGGER never_swept BEFORE INSERT OR UPDATE ON tokenauthority.sessions
FOR EACH ROW EXECUTE FUNCTION never_swept();
"""


@pytest.fixture(scope="module")
async def running(databases: Databases, redis_url: str) -> AsyncIterator[RunningAuthority]:
    async with run(databases, redis_url) as running:
        yield running


@pytest.fixture(scope="module")
async def asking(databases: Databases) -> AsyncIterator[RunningAuthority]:
    """One whose statements answer for everything: it never has a lease, nor a log."""
    async with run(databases, NO_REDIS) as running:
        yield running


@asynccontextmanager
async def run(databases: Databases, redis_url: str) -> AsyncIterator[RunningAuthority]:
    cap = str(MOST_SESSIONS)
    async with (
        databases.fresh() as url,
        serving(url, redis_url, ready=True, MAX_SESSIONS_PER_USER=cap) as served,
    ):
        connection = await asyncpg.connect(url)
        await connection.execute(NEVER_SWEPT)
        with grpc.insecure_channel(served.authority.addresses.grpc) as channel:
            loop, has_log = asyncio.get_running_loop(), redis_url != NO_REDIS
            yield RunningAuthority(channel, connection, loop, has_log=has_log)
        await connection.close()


@pytest.mark.timeout(SECONDS)
@pytest.mark.parametrize("number", range(ROUNDS))
async def test_histories(running: RunningAuthority, number: int) -> None:
    del number
    await unless_busy(lambda: tell(running, HOW))


@pytest.mark.timeout(SECONDS)
async def test_where_no_rule_is_broken_nothing_differs(asking: RunningAuthority) -> None:
    await unless_busy(lambda: tell(asking, settings(HOW, max_examples=10)))


@pytest.mark.timeout(SECONDS)
@pytest.mark.parametrize(
    "rule", [*EVERYDAY, *RARE] if FULL else EVERYDAY, ids=lambda rule: str(rule.name)
)
async def test_a_broken_rule_is_noticed(asking: RunningAuthority, rule: BrokenRule) -> None:
    def noticed() -> None:
        with rule.broken(asking), pytest.raises(DifferenceError):
            tell(asking, TO_FAIL)

    await unless_busy(noticed)


def tell(running: RunningAuthority, how: settings) -> None:
    run_state_machine_as_test(
        lambda: AuthorityMachine(running),  # type: ignore[arg-type] # any that makes one will do
        settings=how,
    )


async def unless_busy(work: Callable[[], None]) -> None:
    """Do it in a thread, since this one serves; again where the machine was too busy for it."""
    for left in reversed(range(ATTEMPTS)):
        try:
            return await asyncio.to_thread(work)
        except BusyError:
            if not left:
                raise
    raise AssertionError("the loop above returns or raises")
