"""HTTP/2 by hand over a plain socket: what no gRPC client would send, and what comes back."""

import asyncio
import base64
import struct
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Self

from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    Event,
    ResponseReceived,
    StreamEnded,
    StreamReset,
    TrailersReceived,
)
from h2.exceptions import ProtocolError

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
ANSWER_SECONDS = 20
GRPC = "application/grpc"

Header = tuple[str, str | bytes]


@dataclass
class Answer:
    """All that came on one stream. `reset` is the code of its RST_STREAM, if there was one."""

    headers: dict[bytes, bytes] = field(default_factory=dict)
    body: bytes = b""
    reset: int | None = None
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def http(self) -> str:
        """The status of HTTP; empty when no headers came."""
        return self.headers.get(b":status", b"").decode("utf-8", "replace")

    @property
    def status(self) -> int | None:
        """The status of gRPC, if there is one."""
        code = self.headers.get(b"grpc-status")
        return None if code is None else int(code)

    @property
    def text(self) -> str:
        return self.headers.get(b"grpc-message", b"").decode("utf-8", "replace")

    @property
    def reason(self) -> str:
        """The authority's reason; empty for what gRPC says by itself."""
        # RFC 4648 without padding, as gRPC sends it.
        packed = _unbase64(self.headers.get(b"grpc-status-details-bin", b""))
        info = ErrorInfo()
        for detail in Status.FromString(packed).details:
            if detail.Unpack(info):
                return info.reason
        return ""


class Wire:
    """One connection. What is said by its methods is sent by `flush`, and by `send` at once."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        *,
        opens_windows: bool = True,
    ) -> None:
        config = H2Configuration(
            validate_outbound_headers=False,
            normalize_outbound_headers=False,
            validate_inbound_headers=False,
        )
        self.h2 = H2Connection(config)
        self.answers: dict[int, Answer] = {}
        self.sent: Counter[int] = Counter()
        """Bytes by their streams: what the other side has made room for."""
        self.closed = asyncio.Event()
        """Set when the other side has closed the connection."""
        self.goodbye: ConnectionTerminated | None = None
        """The GOAWAY, if one came."""
        self._reader = reader
        self._writer = writer
        self._opens_windows = opens_windows
        self._moved = asyncio.Event()
        self._reading = asyncio.create_task(self._read())

    @classmethod
    @asynccontextmanager
    async def to(
        cls, address: str, *, opens_windows: bool = True, initial_window: int | None = None
    ) -> AsyncIterator[Self]:
        """A connection whose greetings are exchanged.

        Without `opens_windows` nothing more can be sent to it than its first windows allow.
        """
        reader, writer = await asyncio.open_connection(*address.split(":"))
        wire = cls(reader, writer, opens_windows=opens_windows)
        try:
            wire.h2.initiate_connection()
            if initial_window is not None:
                wire.h2.update_settings({4: initial_window})
            await wire.flush()
            yield wire
        finally:
            await wire.close()

    def open(
        self,
        path: str,
        *,
        end: bool = False,
        method: str = "POST",
        content_type: str = GRPC,
        more: Iterable[Header] = (),
    ) -> int:
        """Begin a call; return its stream."""
        headers = [*headers_of(path, method, content_type), *more]
        return self.begin(headers, whole=True, end=end)

    def begin(self, headers: Iterable[Header], *, whole: bool = False, end: bool = False) -> int:
        """Begin a call with these headers in the place of usual ones, or with these alone."""
        given = list(headers)
        if not whole:
            names = {name for name, _ in given}
            given = [*given, *(one for one in headers_of("/") if one[0] not in names)]
            given.sort(key=lambda header: not header[0].startswith(":"))
        stream = self.h2.get_next_available_stream_id()
        self.answers[stream] = Answer()
        self.h2.send_headers(stream, given, end_stream=end)
        return stream

    async def call(
        self, path: str, body: bytes, *, more: Iterable[Header] = (), compressed: bool = False
    ) -> Answer:
        """Make one whole call, and return its answer."""
        stream = self.open(path, more=more)
        await self.write(stream, framed(body, compressed=compressed), end=True)
        return await self.answer(stream)

    async def write(self, stream: int, data: bytes, *, end: bool = False) -> None:
        """Send bytes on a stream as fast as the windows allow; stop where it is refused."""
        view = memoryview(data)
        with suppress(ProtocolError):  # it was refused, or ended before all was sent
            while view and not self.answers[stream].ended.is_set() and not self.closed.is_set():
                room = min(
                    self.h2.local_flow_control_window(stream), self.h2.max_outbound_frame_size
                )
                if room <= 0:
                    self._moved.clear()
                    await self.flush()
                    await self._moved.wait()
                    continue
                self.h2.send_data(stream, bytes(view[:room]))
                self.sent[stream] += len(view[:room])
                view = view[room:]
            if end:
                self.h2.end_stream(stream)
        await self.flush()

    async def answer(self, stream: int, seconds: float = ANSWER_SECONDS) -> Answer:
        """The answer on a stream, when it has ended or the connection has."""
        answer = self.answers[stream]
        await asyncio.wait_for(answer.ended.wait(), seconds)
        return answer

    async def flush(self) -> None:
        await self.send(self.h2.data_to_send())

    async def send(self, data: bytes) -> None:
        """Send bytes as they are; those that the other side does not want are lost."""
        with suppress(OSError):
            self._writer.write(data)
            await self._writer.drain()

    async def close(self) -> None:
        """Close it without a word."""
        self._reading.cancel()
        self._writer.transport.abort()
        await asyncio.wait({self._reading})

    async def _read(self) -> None:
        try:
            while data := await self._reader.read(65_536):
                for event in self.h2.receive_data(data):
                    self._take(event)
                await self.flush()
                self._moved.set()
        except (OSError, ProtocolError):
            pass  # it was reset, or says what nobody understands: it is over
        finally:
            self.closed.set()
            self._moved.set()
            for answer in self.answers.values():
                answer.ended.set()

    def _take(self, event: Event) -> None:
        match event:
            case ResponseReceived(stream_id=stream) | TrailersReceived(stream_id=stream):
                self._of(stream).headers.update(event.headers or ())
            case DataReceived(stream_id=stream):
                self._of(stream).body += event.data or b""
                if self._opens_windows:
                    self.h2.acknowledge_received_data(event.flow_controlled_length, stream)
            case StreamReset(stream_id=stream):
                self._of(stream).reset = int(event.error_code or 0)
                self._of(stream).ended.set()
            case StreamEnded(stream_id=stream):
                self._of(stream).ended.set()
            case ConnectionTerminated():
                self.goodbye = event
            case _:
                pass

    def _of(self, stream: int | None) -> Answer:
        return self.answers.setdefault(stream or 0, Answer())


def headers_of(path: str, method: str = "POST", content_type: str = GRPC) -> list[Header]:
    """The headers with which a call begins."""
    return [
        (":method", method),
        (":scheme", "http"),
        (":path", path),
        (":authority", "localhost"),
        ("content-type", content_type),
        ("te", "trailers"),
    ]


def framed(body: bytes, *, compressed: bool = False) -> bytes:
    """A message as gRPC puts it on a stream: a flag, its length, and itself."""
    return struct.pack(">?I", compressed, len(body)) + body


def _unbase64(text: bytes) -> bytes:
    return base64.b64decode(text + b"=" * (-len(text) % 4))
