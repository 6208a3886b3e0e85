"""Data sets that hold revocation logs, and a hand on their servers."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

import redis.asyncio
from support.valkey_nodes import ValkeyCluster, WatchedPrimary
from support.waiting import eventually

from tokenauthority_server.adapters.memory.revocation_log import MemoryDataSet, MemoryRevocationLog
from tokenauthority_server.adapters.redis.connection import GONE, Client, connect
from tokenauthority_server.adapters.redis.revocation_log import IDENTITY, RedisRevocationLog
from tokenauthority_server.domain.revocation_ports import Position, RevocationLog


class RealTicks:
    """The port Ticks, by the machine's clock."""

    def now(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class DataSet(Protocol):
    """What holds a log, and what can happen to it."""

    def log(self) -> RevocationLog:
        """Return a log of its own, on the same data as every other."""
        ...

    async def empty(self) -> None:
        """Lose everything, on the same server."""
        ...

    async def promote(self) -> None:
        """Go on as another server, with all that there is."""
        ...

    async def set_end(self, end: Position) -> None:
        """Let the log end there, as a server has left it whose clock is another one."""
        ...


class MemoryServer:
    def __init__(self) -> None:
        self.data = MemoryDataSet(RealTicks())

    def log(self) -> RevocationLog:
        return MemoryRevocationLog(self.data)

    async def empty(self) -> None:
        self.data.empty()

    async def promote(self) -> None:
        self.data.restore(self.data.copy())

    async def set_end(self, end: Position) -> None:
        self.data.found().last = end


@dataclass
class RedisServer:
    """One server, which `node` is a client of."""

    node: redis.asyncio.Redis
    patient: Client

    def log(self) -> RevocationLog:
        return RedisRevocationLog(self.node, self.patient)

    async def empty(self) -> None:
        await self.node.flushall()

    async def promote(self) -> None:
        # A replica of nobody who is there, and none any more: what a failover makes of one.
        await self.node.replicaof("127.0.0.1", 1)
        await self.node.replicaof("NO", "ONE")

    async def set_end(self, end: Position) -> None:
        await self.node.hset(IDENTITY, "last", str(end))


@dataclass
class ServersByName:
    """Nodes of a cluster, or a primary that sentinels watch."""

    client: Client
    patient: Client
    servers: ValkeyCluster | WatchedPrimary

    def log(self) -> RevocationLog:
        return RedisRevocationLog(self.client, self.patient)

    async def empty(self) -> None:
        await self.client.flushall()

    async def promote(self) -> None:
        await asyncio.to_thread(self.servers.switch)
        await eventually(self._is_writable, 15)

    async def _is_writable(self) -> bool:
        """Whether the client has found the one primary that takes writes."""
        try:
            await self.client.set("ta:{revocation}:test", 1, ex=60)
        except GONE:
            return False
        return True

    async def set_end(self, end: Position) -> None:
        await self.client.hset(IDENTITY, "last", str(end))


@asynccontextmanager
async def log_of_server(url: str) -> AsyncIterator[RedisServer]:
    """Give the log of an empty server."""
    async with _clients(url) as (client, patient):
        assert isinstance(client, redis.asyncio.Redis)
        server = RedisServer(client, patient)
        await server.empty()
        yield server


@asynccontextmanager
async def log_of(servers: ValkeyCluster | WatchedPrimary) -> AsyncIterator[ServersByName]:
    """Give the log of servers that were emptied."""
    async with _clients(servers.url) as (client, patient):
        data = ServersByName(client, patient, servers)
        await data.empty()
        yield data


@asynccontextmanager
async def _clients(url: str) -> AsyncIterator[tuple[Client, Client]]:
    # Neither is in a hurry: what takes the machine a while is no fault of the log.
    async with AsyncExitStack() as stack:
        clients = connect(url, patient=True), connect(url, patient=True)
        for client in clients:
            stack.push_async_callback(client.aclose)
        yield clients
