"""Connections to a worker, or to several that share its port: which of them has one is chance."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import grpc
from faults.harness.fleet import CHANNEL_OPTIONS, Worker

from tokenauthority.v1.token_service_pb2_grpc import TokenServiceStub

if TYPE_CHECKING:
    from tokenauthority.v1.token_service_pb2_grpc import TokenServiceAsyncStub


@dataclass(frozen=True)
class Connection:
    """One connection, under the name that its answers have in a history."""

    name: str
    channel: grpc.aio.Channel
    stub: "TokenServiceAsyncStub"


@asynccontextmanager
async def connections_to(worker: Worker, count: int) -> AsyncIterator[list[Connection]]:
    """So many of them, until the end of the block; the first is the worker's own."""
    found = [Connection(f"worker {worker.number}", worker.channel, worker.stub)]
    async with AsyncExitStack() as stack:
        for number in range(1, count):
            channel = grpc.aio.insecure_channel(worker.address, CHANNEL_OPTIONS)
            await stack.enter_async_context(channel)
            name = f"worker {worker.number} again, {number}"
            found.append(Connection(name, channel, TokenServiceStub(channel)))
        yield found
