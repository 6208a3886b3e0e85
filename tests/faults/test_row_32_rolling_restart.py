"""Row 32: every worker is restarted in turn under load. No call fails.

The callers use the client as its README says, with the workers' addresses in one target.
"""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager

from faults.harness.counts import rounds
from faults.harness.fleet import Fleet, Worker
from faults.harness.load import PAUSE
from prometheus_client.parser import text_string_to_metric_families
from support.waiting import eventually

from tokenauthority_client import Subject, TokenAuthorityClient

CALLERS = 6
ENOUGH = 50
"""Calls in which a worker that takes its turn would have been asked for sure."""
LONG_ENOUGH = 0.2
"""Seconds in which nobody pauses between two calls."""


class Callers:
    """Each opens, uses and ends sessions until told to stop. A call that fails is raised."""

    def __init__(self, client: TokenAuthorityClient) -> None:
        self.over = False
        self._client = client

    async def live(self, user_id: str) -> None:
        client = self._client
        while not self.over:
            pair = await client.create_pair(Subject(user_id=user_id, username=user_id))
            for _ in range(5):
                assert await client.validate(pair.access_token)
                pair = (await client.refresh(pair.refresh_token)).pair
                await asyncio.sleep(PAUSE)
            listed = await client.list_sessions(user_id)
            assert pair.session_id in {session.session_id for session in listed.sessions}
            await client.revoke_session(pair.session_id)
            assert not await client.validate(pair.access_token)


async def handled(worker: Worker, method: str = "") -> float:
    """How many calls it has answered, of one method or of all."""
    page = (await worker.http.ask("/metrics")).body.decode()
    return sum(
        sample.value
        for family in text_string_to_metric_families(page)
        for sample in family.samples
        if sample.name == "grpc_server_handled_total"
        and sample.labels["grpc_service"] == "tokenauthority.v1.TokenService"
        and method in {"", sample.labels["grpc_method"]}
    )


async def in_use(worker: Worker) -> None:
    """Return when the callers have found it, as a rollout waits some seconds for each replica."""

    async def asked() -> bool:
        return await handled(worker, "Revoke") > 0

    await eventually(asked)


@asynccontextmanager
async def under_load(fleet: Fleet) -> AsyncIterator[None]:
    """Callers of all workers, as long as the block lasts. A call that fails ends the block."""
    target = "ipv4:" + ",".join(worker.address for worker in fleet.workers)
    async with TokenAuthorityClient(target) as client, asyncio.TaskGroup() as group:
        callers = Callers(client)
        for number in range(CALLERS):
            group.create_task(callers.live(f"u-32-{number}"))
        for worker in fleet.workers:
            await in_use(worker)
        yield
        callers.over = True


async def test_no_call_fails(
    database_url: str, redis_url: str, counted: Callable[[int, int], Iterator[int]]
) -> None:
    # The workers leave nobody the time to learn that they stop.
    async with Fleet.of(2, database_url, redis_url, DRAIN_SECONDS="0") as fleet, under_load(fleet):
        for _ in counted(32, rounds(1, 20)):
            for worker in fleet.workers:
                await worker.restart()
                await in_use(worker)
        # At last one dies with calls of all callers. Guard: without the client's `retryPolicy`
        # these were UNAVAILABLE, always; a restart lost one in some thousand, as CANCELLED.
        dying, other = fleet.workers
        os.kill(dying.pid, signal.SIGSTOP)

        async def every_caller_waits() -> bool:
            before = await handled(other)
            await asyncio.sleep(LONG_ENOUGH)
            return await handled(other) == before

        await eventually(every_caller_waits)
        await dying.kill()


async def test_a_worker_that_drains_is_sent_nothing_more(database_url: str, redis_url: str) -> None:
    # Guards: without the server's telling that it drains, or without the client's
    # `healthCheckConfig`, the worker went on taking its turn.
    async with Fleet.of(2, database_url, redis_url, DRAIN_SECONDS="60") as fleet, under_load(fleet):
        leaving, staying = fleet.workers
        os.kill(leaving.pid, signal.SIGTERM)

        async def left_alone() -> bool:
            before = await handled(leaving)
            enough = await handled(staying) + ENOUGH

            async def went_on() -> bool:
                return await handled(staying) >= enough

            await eventually(went_on)
            return await handled(leaving) == before

        await eventually(left_alone)
