"""Ways in which Redis loses what it held, while those who use it are led to what is left."""

import asyncio
import secrets
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any, Final, Self
from urllib.parse import urlsplit

from faults.harness.network import Network
from redis.asyncio import Redis
from redis.exceptions import ResponseError
from support.waiting import eventually

from tokenauthority_server.embedded import EmbeddedValkey

LEVEL_SECONDS: Final = 20.0
SNAPSHOT: Final = "dump.rdb"


class LosableRedis:
    """A primary and its replica. `ways` lead to the primary, one for each of those who use it."""

    def __init__(self, primary: "Node", replica: "Node", link: Network) -> None:
        self.ways: list[Network] = []
        self._primary = primary
        self._replica = replica
        self._link = link

    @classmethod
    @asynccontextmanager
    async def of(cls, ways: int) -> AsyncIterator[Self]:
        """Both with nothing in them; they end with the block."""
        password = secrets.token_urlsafe(24)
        async with AsyncExitStack() as stack:
            primary = stack.enter_context(Node.started(password))
            replica = stack.enter_context(Node.started(password))
            link = await stack.enter_async_context(Network.before(primary.url))
            found = cls(primary, replica, link)
            for _ in range(ways):
                way = await stack.enter_async_context(Network.before(primary.url))
                found.ways.append(way)
            await found.heal()
            yield found

    async def part(self) -> None:
        """Have a copy that grows old: the replica is cut off, and a snapshot is written."""
        await self._primary.save()
        self._link.silence()

    async def empty(self) -> None:
        """Remove all that it holds."""
        await self._primary.do("FLUSHALL")

    async def restart_empty(self) -> None:
        """Kill it, and start it with nothing."""
        await self._primary.kill()
        self._primary.snapshot.unlink(missing_ok=True)
        self._primary.restart()

    async def restart_older(self) -> None:
        """Kill it, and start it from the snapshot."""
        await self._primary.kill()
        self._primary.restart()

    async def fail_over(self) -> None:
        """Kill it, and promote the replica."""
        await self._primary.kill()
        self._primary, self._replica = self._replica, self._primary
        await self._primary.do("REPLICAOF", "NO", "ONE")
        for way in self.ways:
            way.turn_to(self._primary.url)
            way.reset()
        self._replica.restart()

    async def heal(self) -> None:
        """Have good ways, and a replica again that is level with the primary."""
        for way in self.ways:
            way.heal()
        self._link.turn_to(self._primary.url)
        self._link.reset()
        self._link.heal()
        await self._replica.follow(self._link.url)


class Node:
    """One server."""

    def __init__(self, server: EmbeddedValkey, folder: Path, password: str) -> None:
        self.snapshot = folder / SNAPSHOT
        self.kill: Callable[[], Awaitable[None]] = lambda: asyncio.to_thread(server.kill)
        self.restart = server.restart
        self._server = server
        self._password = password

    @classmethod
    @contextmanager
    def started(cls, password: str) -> Iterator[Self]:
        """A server with nothing in it, and this password; it ends with the block."""
        with tempfile.TemporaryDirectory(prefix="tests-faults-") as name:
            parent = Path(name)
            parent.chmod(0o711)  # started by root the server may run as another user
            folder = parent / "valkey"
            folder.mkdir(mode=0o700)
            (folder / "password").touch(mode=0o600)
            (folder / "password").write_text(password)
            with EmbeddedValkey.start(parent) as server:
                yield cls(server, folder, password)

    @property
    def url(self) -> str:
        """Where it is; the same after a restart."""
        return self._server.url

    async def do(self, *command: str) -> Any:
        """Have it do a command."""
        client: Any = Redis.from_url(self.url)  # its methods for any command have no types
        try:
            return await client.execute_command(*command)
        finally:
            await client.aclose()

    async def save(self) -> None:
        """Write a snapshot, after one that it may be writing for a replica."""

        async def has_saved() -> bool:
            with suppress(ResponseError):
                return bool(await self.do("SAVE"))
            return False

        await eventually(has_saved, LEVEL_SECONDS)

    async def follow(self, url: str) -> None:
        """Be a replica of the one that the address leads to; return when it is level."""
        primary = urlsplit(url)
        await self.do("CONFIG", "SET", "masterauth", self._password)
        await self.do("REPLICAOF", str(primary.hostname), str(primary.port))

        async def is_level() -> bool:
            return bool((await self.do("INFO", "replication"))["master_link_status"] == "up")

        await eventually(is_level, LEVEL_SECONDS)


Loss = Callable[[LosableRedis], Awaitable[None]]
LOSSES: Final[Mapping[str, Loss]] = {
    "emptied": LosableRedis.empty,
    "restarted empty": LosableRedis.restart_empty,
    "restarted with an older copy": LosableRedis.restart_older,
    "failed over to an older copy": LosableRedis.fail_over,
}
