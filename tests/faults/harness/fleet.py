"""Real server processes over the same stores, which a test may kill and start again."""

import asyncio
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Self

import grpc
from support.commands import HERE, KEY, environment
from support.http import HttpClient

from tokenauthority.v1.token_service_pb2_grpc import TokenServiceStub
from tokenauthority_client import TokenAuthorityClient

if TYPE_CHECKING:
    from tokenauthority.v1.token_service_pb2_grpc import TokenServiceAsyncStub

HOST = "127.0.0.1"
# Below those of outgoing connections and of the embedded stores: a port stays a worker's own while
# the worker is dead.
PORTS = range(10_000, 20_000)
START_SECONDS = 30
STOP_SECONDS = 20
TAIL_LINES = 30
TESTS = Path(__file__).parents[2]
WITHOUT = (sys.executable, str(TESTS / "faults" / "harness" / "without.py"))
DEFAULTS = {"DRAIN_SECONDS": "0", "LOG_LEVEL": "warning"}
# A worker that is back is found at once.
CHANNEL_OPTIONS = (
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.initial_reconnect_backoff_ms", 50),
    ("grpc.min_reconnect_backoff_ms", 1_000),
    ("grpc.max_reconnect_backoff_ms", 200),
    ("grpc.max_receive_message_length", 16 * 1024 * 1024),
)


class Worker:
    """One server process. Its ports stay the same however often it is started.

    `stub` and `client` share a channel, which connects again by itself.
    """

    def __init__(
        self, number: int, folder: Path, settings: Mapping[str, str], without: str = ""
    ) -> None:
        grpc_port, http_port = free_port(), free_port()
        ports = {"GRPC_PORT": str(grpc_port), "HTTP_PORT": str(http_port)}
        self.number = number
        self.address = f"{HOST}:{grpc_port}"
        self.http = HttpClient(http_port)
        self.channel = grpc.aio.insecure_channel(self.address, CHANNEL_OPTIONS)
        self.stub: TokenServiceAsyncStub = TokenServiceStub(self.channel)
        self.client = TokenAuthorityClient(self.channel)
        self.log = folder / f"worker-{number}.log"
        self.log.touch()
        self._settings = {**settings, **ports}
        self._command = [*WITHOUT, without] if without else [str(HERE / "tokenauthority"), "serve"]
        self._process: subprocess.Popen[bytes] | None = None

    def __repr__(self) -> str:
        return f"<Worker {self.number} on {self.address}>"

    @property
    def pid(self) -> int:
        assert self._process is not None, f"{self} was never started"
        return self._process.pid

    @property
    def runs(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def tail(self) -> str:
        """The end of what it has logged, in all its lives."""
        return "\n".join(self.log.read_text("utf-8", "replace").splitlines()[-TAIL_LINES:])

    async def start(self, *, ready: bool = True) -> None:
        """Start the process; return when it is ready, or as soon as it listens."""
        assert not self.runs, f"{self} runs already"
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: ASYNC220, S603 - our command, and no wait
                self._command,
                cwd=self.log.parent,
                env=environment(self._settings),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        await self.answers("/readyz" if ready else "/livez")

    async def answers(self, path: str, seconds: float = START_SECONDS) -> None:
        """Return when a probe says yes, and calls get through."""
        deadline = time.monotonic() + seconds
        while not await self._says_yes(path):
            assert self.runs, f"{self} has ended:\n{self.tail}"
            assert time.monotonic() < deadline, f"{self}: no {path} in time:\n{self.tail}"
            await asyncio.sleep(0.02)
        async with asyncio.timeout_at(asyncio.get_running_loop().time() + START_SECONDS):
            await self.channel.channel_ready()

    async def kill(self) -> None:
        """End it as a crash would; it may have ended already."""
        if self._process is not None:
            self._process.kill()
            await self._ended()

    def signal(self, how: signal.Signals) -> None:
        """Stop it where it stands, or let it go on."""
        os.kill(self.pid, how)

    async def stop(self) -> None:
        """Ask it to end, and see that it does so cleanly."""
        assert self._process is not None, f"{self} was never started"
        self._process.send_signal(signal.SIGTERM)
        code = await self._ended()
        assert code == 0, f"{self} ended with {code}:\n{self.tail}"

    async def restart(self, *, ready: bool = True) -> None:
        """Stop it, unless it has ended already, and start it on the same ports."""
        if self.runs:
            await self.stop()
        await self.start(ready=ready)

    async def close(self) -> None:
        """Leave nothing of it."""
        await self.kill()
        await self.channel.close()

    async def _says_yes(self, path: str) -> bool:
        with suppress(OSError, IndexError):  # nobody there, or gone before the answer
            return (await self.http.ask(path)).status == 200
        return False

    async def _ended(self) -> int:
        assert self._process is not None
        deadline = time.monotonic() + STOP_SECONDS
        while (code := self._process.poll()) is None:
            assert time.monotonic() < deadline, f"{self} does not end:\n{self.tail}"
            await asyncio.sleep(0.005)
        return code


class Fleet:
    """Workers that share their stores and the key that seals."""

    running: ClassVar[set["Fleet"]] = set()
    """Those whose logs are worth showing when a test fails."""

    def __init__(self, database_url: str, workers: list[Worker]) -> None:
        self.database_url = database_url
        self.workers = workers

    @classmethod
    @asynccontextmanager
    async def of(
        cls,
        count: int,
        database_url: str,
        redis_url: str | Sequence[str],
        *,
        ready: bool = True,
        without: str = "",
        **settings: str,
    ) -> AsyncIterator[Self]:
        """So many workers over a migrated database; none outlives the block.

        Each may have a way of its own to Redis. `ready=False` does not wait for their stores,
        `without` takes a guard away: see without.py.
        """
        stores = {"DATABASE_URL": database_url, "KEY_ENCRYPTION_KEY": KEY}
        ways = [redis_url] * count if isinstance(redis_url, str) else redis_url
        with tempfile.TemporaryDirectory(prefix="tests-fleet-") as name:
            merged = {**DEFAULTS, **stores, **settings}
            workers = [
                Worker(number, Path(name), {**merged, "REDIS_URL": way}, without)
                for number, way in enumerate(ways)
            ]
            fleet = cls(database_url, workers)
            cls.running.add(fleet)
            try:
                await asyncio.gather(*(worker.start(ready=ready) for worker in fleet.workers))
                async with AsyncExitStack() as clients:
                    for worker in fleet.workers:
                        await clients.enter_async_context(worker.client)
                    yield fleet
            except BaseException:
                print(fleet.logs)  # noqa: T201 - pytest shows it with the failure
                raise
            finally:
                cls.running.discard(fleet)
                for worker in fleet.workers:
                    await worker.close()

    @property
    def logs(self) -> str:
        """The ends of all logs."""
        return "\n".join(f"--- {worker}\n{worker.tail}" for worker in self.workers)


def free_port() -> int:
    """One that nobody listens on, and that is given out to nobody by itself."""
    for _ in range(100):
        port = secrets.choice(PORTS)
        with socket.socket() as probe, suppress(OSError):
            probe.bind((HOST, port))
            return port
    raise AssertionError(f"no port from {PORTS.start} to {PORTS.stop - 1} is free")
