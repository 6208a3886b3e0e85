"""Rows 24 and 27: PostgreSQL is killed while leases are held, and Redis after it.

Validations go on from the views, since nobody can revoke; revocations are `UNAVAILABLE`. With both
stores away the leases run out, and nobody can tell. All of it heals by itself.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from faults.harness.caller import reason_of
from faults.harness.counts import rounds
from faults.harness.fleet import Fleet
from faults.harness.forms import FORMS, Holding
from faults.harness.history import Source
from faults.harness.report import Measured
from faults.harness.trial import Trial
from grpc.aio import AioRpcError
from support.own_stores import OwnStores

LEASE = 1.0
HEALED_SECONDS = 6.0


@asynccontextmanager
async def trying(own: OwnStores, database_url: str) -> AsyncIterator[Trial]:
    """Two workers over stores that may be killed."""
    async with AsyncExitStack() as stack:
        fleet = await stack.enter_async_context(
            Fleet.of(2, database_url, own.valkey.url, REVOCATION_LEASE_SECONDS=f"{LEASE:.0f}")
        )
        yield await stack.enter_async_context(Trial.of(fleet, "24"))


async def nobody_revokes(trial: Trial, one: Holding) -> None:
    """Every form of it is UNAVAILABLE, at every worker."""
    for worker in trial.fleet.workers:
        for form in FORMS.values():
            with pytest.raises(AioRpcError) as caught:
                await form(worker, one)
            assert reason_of(caught.value) == "STORE_UNAVAILABLE"


async def test_views_go_on_without_postgres(
    own: OwnStores,
    own_database: str,
    counted: Callable[[int, int], Iterator[int]],
    measured: Measured,
) -> None:
    async with trying(own, own_database) as trial:
        for _ in counted(24, rounds(2, 30)):
            one = await trial.issue()
            asked = trial.history.count(Source.DATABASE)
            await asyncio.to_thread(own.postgres.kill)
            await nobody_revokes(trial, one)
            await asyncio.sleep(LEASE)
            await trial.leased()
            assert trial.history.count(Source.DATABASE) == asked
            own.postgres.restart()
            await trial.finish(one, "PostgreSQL was killed")
    measured(trial.history)


async def test_without_both_stores_nobody_can_tell(
    own: OwnStores, own_database: str, counted: Callable[[int, int], Iterator[int]]
) -> None:
    async with trying(own, own_database) as trial:
        for _ in counted(24, rounds(1, 20)):
            one = await trial.issue()
            own.kill()
            await asyncio.sleep(LEASE)
            before = dict(trial.history.unanswered)
            verdicts = sum(trial.history.count(source) for source in Source)
            await asyncio.gather(*(witness.ask_again() for witness in trial.witnesses))
            assert sum(trial.history.count(source) for source in Source) == verdicts
            for witness in trial.witnesses:
                assert trial.history.unanswered[witness.name] > before.get(witness.name, 0)
            own.restore()
            with trial.within(HEALED_SECONDS):
                await trial.leased()
            await trial.finish(one, "both stores were killed")
