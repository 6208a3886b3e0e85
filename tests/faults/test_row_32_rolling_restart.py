"""Row 32: every worker is restarted in turn under load. No call fails.

The callers use the client over a channel of their own that knows all workers' addresses and watches
their health: a worker that drains is sent nothing more, nor is one that has just started.
"""

import asyncio
import json
from collections.abc import Callable, Iterator

import grpc
from faults.harness.counts import rounds
from faults.harness.fleet import Fleet, Worker
from faults.harness.load import PAUSE
from prometheus_client.parser import text_string_to_metric_families
from support.waiting import eventually

from tokenauthority_client import Subject, TokenAuthorityClient

CALLERS = 6
SERVICE_CONFIG = {
    "loadBalancingConfig": [{"round_robin": {}}],
    "healthCheckConfig": {"serviceName": "tokenauthority.v1.TokenService"},
}
OPTIONS = (
    ("grpc.service_config", json.dumps(SERVICE_CONFIG)),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 2_000),
)


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


async def in_use(worker: Worker) -> None:
    """Return when the callers have found it, as a rollout waits some seconds for each replica."""

    async def asked() -> bool:
        page = (await worker.http.ask("/metrics")).body.decode()
        return any(
            sample.name == "grpc_server_handled_total"
            and sample.labels["grpc_method"] == "Revoke"
            and sample.value > 0
            for family in text_string_to_metric_families(page)
            for sample in family.samples
        )

    await eventually(asked)


async def test_no_call_fails(
    database_url: str, redis_url: str, counted: Callable[[int, int], Iterator[int]]
) -> None:
    # Guards: without `healthCheckConfig`, or without the server's telling that it drains, calls
    # that came while a worker shut down were CANCELLED. A channel that tries one address after the
    # other, gRPC's own way, loses them too.
    async with Fleet.of(2, database_url, redis_url, DRAIN_SECONDS="1") as fleet:
        target = "ipv4:" + ",".join(worker.address for worker in fleet.workers)
        async with (
            grpc.aio.insecure_channel(target, OPTIONS) as channel,
            TokenAuthorityClient(channel) as client,
            asyncio.TaskGroup() as group,
        ):
            callers = Callers(client)
            for number in range(CALLERS):
                group.create_task(callers.live(f"u-32-{number}"))
            for worker in fleet.workers:
                await in_use(worker)
            for _ in counted(32, rounds(1, 20)):
                for worker in fleet.workers:
                    await worker.restart()
                    await in_use(worker)
            callers.over = True
