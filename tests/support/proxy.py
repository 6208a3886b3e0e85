"""What stands between the authority and a store: it can fall silent, and counts what is asked."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Protocol, Self
from urllib.parse import urlsplit

SSL_REQUEST = 80_877_103


class Proxy:
    """A TCP proxy on loopback. `url` leads through it to the store."""

    def __init__(self, url: str, count: "Callable[[Counter[str]], Reads]") -> None:
        parts = urlsplit(url)
        self._target = (parts.hostname or "127.0.0.1", parts.port or 0)
        self._parts = parts
        self._speaking = asyncio.Event()
        self._connections: set[asyncio.Task[None]] = set()
        self.url = ""
        self._count = count
        self.asked: Counter[str] = Counter()
        """What clients have sent. To PostgreSQL by the letter of the message: S is a Sync, which
        ends a round trip of the extended protocol, and Q one of the simple protocol. To Redis by
        the name of the command."""

    @classmethod
    @asynccontextmanager
    async def before(
        cls, url: str, count: "Callable[[Counter[str]], Reads] | None" = None
    ) -> AsyncIterator[Self]:
        """One before a PostgreSQL, or before what `count` reads the clients of."""
        proxy = cls(url, count or Frontend)
        proxy.speak()
        server = await asyncio.start_server(proxy._serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        login, _, _ = proxy._parts.netloc.rpartition("@")
        proxy.url = proxy._parts._replace(netloc=f"{login}@127.0.0.1:{port}").geturl()
        try:
            yield proxy
        finally:
            server.close()
            await proxy._hang_up()

    def silence(self) -> None:
        """Accept connections and bytes, and pass nothing on, as a network that swallows all."""
        self._speaking.clear()

    def speak(self) -> None:
        """Pass everything on again, what was held back first."""
        self._speaking.set()

    async def lead_to(self, url: str) -> None:
        """Lead elsewhere, as an address does after a failover: what was open is closed."""
        parts = urlsplit(url)
        self._target = (parts.hostname or "127.0.0.1", parts.port or 0)
        await self._hang_up()

    async def _hang_up(self) -> None:
        for connection in self._connections:
            connection.cancel()
        if self._connections:
            await asyncio.wait(self._connections)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)
        # A connection that the test's end cancels is no fault.
        with suppress(OSError, asyncio.CancelledError):
            await self._speaking.wait()
            store_reader, store_writer = await asyncio.open_connection(*self._target)
            async with asyncio.TaskGroup() as both:
                both.create_task(self._pump(reader, store_writer, self._count(self.asked).read))
                both.create_task(self._pump(store_reader, writer, len))
        writer.close()

    async def _pump(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        look: Callable[[bytes], object],
    ) -> None:
        try:
            while data := await reader.read(65_536):
                await self._speaking.wait()
                look(data)
                await self._pass_on(data, writer)
        except OSError:
            pass  # one side has gone, and so goes the other
        finally:
            writer.close()

    async def _pass_on(self, data: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(data)
        await writer.drain()


class Reads(Protocol):
    """Reads one client's side of a protocol, and counts."""

    def read(self, data: bytes) -> None: ...


class Frontend:
    """Reads one client's side of PostgreSQL's protocol, version 3."""

    def __init__(self, asked: Counter[str]) -> None:
        self._asked = asked
        self._rest = b""
        self._started = False

    def read(self, data: bytes) -> None:
        """Count the messages that are whole."""
        self._rest += data
        while (size := self._size()) and len(self._rest) >= size:
            if self._started:
                self._asked[chr(self._rest[0])] += 1
            else:
                # Messages of the start have no letter. After a question for TLS comes another one.
                self._started = int.from_bytes(self._rest[4:8], "big") != SSL_REQUEST
            self._rest = self._rest[size:]

    def _size(self) -> int:
        """Bytes of the next message, 0 when that is not known yet."""
        at = 1 if self._started else 0
        if len(self._rest) < at + 4:
            return 0
        return at + int.from_bytes(self._rest[at : at + 4], "big")


class Commands:
    """Reads one client's side of Redis's protocol (RESP)."""

    def __init__(self, asked: Counter[str]) -> None:
        self._asked = asked
        self._rest = b""

    def read(self, data: bytes) -> None:
        """Count the commands that are whole."""
        self._rest += data
        while command := self._next():
            self._asked[command] += 1

    def _next(self) -> str:
        """Take the next command, and return its name; "" when it is not whole yet."""
        head, _, rest = self._rest.partition(b"\r\n")
        name = b""
        for number in range(int(head[1:] or b"0")):
            size, line, rest = rest.partition(b"\r\n")
            end = int(size[1:] or b"0") + 2
            if not line or len(rest) < end:
                return ""
            name = name if number else rest[: end - 2]
            rest = rest[end:]
        self._rest = rest if name else self._rest
        return name.decode()
