"""A network before a store that can be made as bad as networks get, and good again."""

import asyncio
import random
import socket
import struct
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from urllib.parse import urlsplit

from support.proxy import Proxy, Reads

# A close with this option set sends RST and drops what is still to be sent.
AT_ONCE = struct.pack("ii", 1, 0)
SLICE_PAUSE = 0.002
"""Seconds between two slices."""


class Network(Proxy):
    """A proxy on loopback whose faults are switched on for all connections, open ones and new ones.

    `silence` and `speak` are its base's: what was held back meanwhile arrives late.
    """

    def __init__(self, url: str, count: Callable[[Counter[str]], Reads]) -> None:
        super().__init__(url, count)
        self._clients: set[asyncio.StreamWriter] = set()
        self._random = random.Random()  # noqa: S311 - moments and sizes, no secrets
        self._latency = 0.0
        self._slice = 0
        self._swallowing = False
        self._refusing = False
        self._lifetime = 0.0
        self._part = b""
        self._found = asyncio.Event()

    def delay(self, milliseconds: float) -> None:
        """Hold back all that is sent for this long, each way."""
        self._latency = milliseconds / 1000

    def slice(self, most: int) -> None:
        """Pass on from one to so many bytes at a time, with a pause after each."""
        self._slice = most

    def blackhole(self) -> None:
        """Accept connections and bytes, and lose every byte for good."""
        self._swallowing = True

    def swallow_from(self, part: bytes) -> asyncio.Event:
        """Lose every byte from that on which brings this; the event tells when."""
        self._part = part
        self._found = asyncio.Event()
        return self._found

    def reset(self) -> None:
        """Reset the open connections now. New ones are not touched."""
        for client in list(self._clients):
            self._cut(client)

    def reset_within(self, seconds: float) -> None:
        """Reset each connection, open or new, at a random moment of its next so many seconds."""
        self._lifetime = seconds
        for client in self._clients:
            self._cut_later(client)

    def drop(self, within: float = 0.2) -> None:
        """Reset new connections at once, and the open ones at random moments of these seconds."""
        self._refusing = True
        self.reset_within(within)

    def turn_to(self, url: str) -> None:
        """Lead new connections to another server, and leave those that are open where they are."""
        parts = urlsplit(url)
        self._target = (parts.hostname or "127.0.0.1", parts.port or 0)

    def heal(self) -> None:
        """Be a good network again. Connections that have lost bytes are reset: they make no sense.

        Connections that were to be reset later still are.
        """
        if self._swallowing:
            self.reset()
        self._latency = self._lifetime = 0.0
        self._slice = 0
        self._part = b""
        self._swallowing = self._refusing = False
        self.speak()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._refusing:
            self._cut(writer)
            return
        self._clients.add(writer)
        if self._lifetime:
            self._cut_later(writer)
        try:
            await super()._serve(reader, writer)
        finally:
            self._clients.discard(writer)

    async def _pass_on(self, data: bytes, writer: asyncio.StreamWriter) -> None:
        if self._part and self._part in data:
            self._part = b""
            self._swallowing = True
            self._found.set()
        if self._latency:
            await asyncio.sleep(self._latency)
        while self._slice and data and not self._swallowing:
            size = self._random.randint(1, self._slice)
            await super()._pass_on(data[:size], writer)
            data = data[size:]
            await asyncio.sleep(SLICE_PAUSE)
        if data and not self._swallowing:
            await super()._pass_on(data, writer)

    def _cut_later(self, client: asyncio.StreamWriter) -> None:
        moment = self._random.uniform(0, self._lifetime)
        asyncio.get_running_loop().call_later(moment, self._cut, client)

    def _cut(self, client: asyncio.StreamWriter) -> None:
        # One that is closed already has no socket to set anything on.
        with suppress(OSError):
            client.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
        client.transport.abort()
