"""A thousand strict watchers on one worker: each is told, and each is waited for."""

import asyncio
import resource
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import grpc
import pytest
from support.authority import Served, serving
from support.callers import ANN

from tokenauthority.v1 import token_service_pb2 as pb
from tokenauthority.v1.token_service_pb2_grpc import TokenServiceStub
from tokenauthority_client import TokenAuthorityClient

WATCHERS = 1_000
CONNECTIONS = 10
LEASE = 8
SECONDS = 60
MOST_BYTES = 400_000
"""Of a watcher: both sides of its stream are in this process."""


@pytest.fixture
async def authority(database_url: str, redis_url: str) -> AsyncIterator[Served]:
    async with serving(database_url, redis_url, REVOCATION_LEASE_SECONDS=str(LEASE)) as served:
        yield served


class Watcher:
    """Reports whatever it is told, and applies nothing."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._call = TokenServiceStub(channel).WatchRevocations()
        self._report_id = 0
        self.cursor = ""
        self.leased = asyncio.Event()
        self.snapshots = 0

    async def run(self) -> None:
        await self._call.write(pb.WatchRevocationsRequest(mode=pb.WATCH_MODE_STRICT))
        while True:
            told = await self._call.read()
            assert isinstance(told, pb.WatchRevocationsResponse)
            if told.heartbeat.answered_report_id:
                self.leased.set()
            self.snapshots += told.snapshot.complete
            if told.cursor and not told.HasField("heartbeat"):
                self.cursor = told.cursor
                self._report_id += 1
                await self._call.write(
                    pb.WatchRevocationsRequest(
                        applied_cursor=told.cursor, report_id=self._report_id
                    )
                )


def resident() -> int:
    """Bytes that this process has had in memory at the most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


async def test_a_thousand_watchers_are_told_and_waited_for(authority: Served) -> None:
    client: TokenAuthorityClient = authority.client
    first, *pairs = [await client.create_pair(ANN) for _ in range(4)]
    # Those who revoke trust the log's data set when they have known it for a lease.
    assert (await client.revoke_token(first.access_token, timeout=SECONDS)).effective_everywhere
    before = resident()
    async with asyncio.timeout(SECONDS), AsyncExitStack() as stack:
        channels = [
            await stack.enter_async_context(
                grpc.aio.insecure_channel(
                    authority.authority.addresses.grpc, [("grpc.use_local_subchannel_pool", 1)]
                )
            )
            for _ in range(CONNECTIONS)
        ]
        watchers = [Watcher(channels[number % CONNECTIONS]) for number in range(WATCHERS)]
        running = [asyncio.create_task(watcher.run()) for watcher in watchers]
        stack.callback(lambda: [task.cancel() for task in running])
        await asyncio.gather(*(watcher.leased.wait() for watcher in watchers))
        assert resident() - before < WATCHERS * MOST_BYTES

        for pair in pairs:
            told = {watcher.cursor for watcher in watchers}
            begun = time.perf_counter()
            revoked = await client.revoke_token(pair.access_token, timeout=SECONDS / 2)
            assert revoked.effective_everywhere
            assert time.perf_counter() - begun < LEASE / 2
            # Not one of them was passed over.
            assert not {watcher.cursor for watcher in watchers} & told
        assert {watcher.snapshots for watcher in watchers} == {1}
        counted = await authority.samples("tokenauthority_watchers")
        assert counted == {("RELAXED",): 0, ("STRICT",): WATCHERS}
        assert not [task for task in running if task.done()]
