"""Callers who flood a server with what costs them least: `python -m faults.harness.floods`.

A process of its own, since whoever measures what others notice must not be slowed down by it.
"""

import asyncio
import struct
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from hpack import Encoder
from support.wire import PREFACE, Header, framed, headers_of

VALIDATE = "/tokenauthority.v1.TokenService/Validate"
CANCEL = struct.pack(">I", 8)
STEP = 0.005
TESTS = Path(__file__).parents[2]

# RFC 9113, section 6.
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PING, WINDOW_UPDATE, CONTINUATION = (
    0, 1, 2, 3, 4, 6, 8, 9,
)  # fmt: skip
END_STREAM, ACK, END_HEADERS = 1, 1, 4

Frames = Callable[[int], bytes]


def frame(kind: int, flags: int, stream: int, body: bytes = b"") -> bytes:
    """A frame of RFC 9113, section 4.1."""
    return struct.pack(">I", len(body))[1:] + struct.pack(">BBI", kind, flags, stream) + body


def block(path: str | bytes = VALIDATE, more: Iterable[Header] = ()) -> bytes:
    """Headers in a form that means the same on every connection and at any time."""
    headers = [(":path", path), *headers_of("")[:2], *headers_of("")[3:], *more]
    return Encoder().encode([(name, value, True) for name, value in headers])


def stream(number: int) -> int:
    return 2 * number + 1


def call(headers: bytes, *, body: bytes | None = None, reset: bool = False) -> Frames:
    """Calls with these headers: one a number, each on a stream of its own."""
    end = 0 if body is not None or reset else END_STREAM

    def frames(number: int) -> bytes:
        made = frame(HEADERS, END_HEADERS | end, stream(number), headers)
        if body is not None:
            made += frame(DATA, END_STREAM, stream(number), framed(body))
        return made + (frame(RST_STREAM, 0, stream(number), CANCEL) if reset else b"")

    return frames


def after_one_call(flags: int, then: Frames) -> Frames:
    """A call that is begun, and what follows it for ever."""
    return lambda number: then(number) if number else frame(HEADERS, flags, 1, block())


def always(frames: bytes) -> Frames:
    return lambda _: frames


SECRET = b"Bearer of-a-caller\xff"
CALLS: dict[str, Frames] = {
    "resets": call(block(), reset=True),
    "resets of whole calls": call(block(), body=b"", reset=True),
    "calls without an end": lambda number: frame(HEADERS, END_HEADERS, stream(number), block()),
    "calls": call(block(), body=b""),
    "no request": call(block()),
    "unknown methods": lambda number: call(block(f"/a.v1.B/C{number}"))(number),
    "paths that are no text": call(block(b"/\xff\xfe")),
    "metadata that are no text": call(block(more=[("authorization", SECRET)]), body=b""),
    "deadlines that are none": call(block(more=[("grpc-timeout", "soon")])),
    "metadata above the limit": call(block(more=[("x", "y" * 15_000), ("z", "y" * 1_000)])),
    "requests that are none": call(block(), body=b"\xff"),
}
"""Five hundred a second of each."""
FRAMES: dict[str, Frames] = {
    "pings": always(frame(PING, 0, 0, bytes(8))),
    "settings": always(frame(SETTINGS, 0, 0)),
    "priorities": always(frame(PRIORITY, 0, 1, bytes([0, 0, 0, 0, 1]))),
    "window updates": always(frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", 1))),
    "empty data": after_one_call(END_HEADERS, always(frame(DATA, 0, 1))),
    "empty continuations": after_one_call(0, always(frame(CONTINUATION, 0, 1))),
    "endless headers": after_one_call(
        0, lambda number: frame(CONTINUATION, 0, 1, Encoder().encode([(f"x-{number}", "y" * 50)]))
    ),
    "frames of no kind": always(frame(99, 0, 0, bytes(100))),
    "frames that are too large": always(frame(DATA, 0, 1, bytes(20_000))),
}
"""Ten thousand a second of each."""
RATES = dict.fromkeys(CALLS, 500) | dict.fromkeys(FRAMES, 10_000)


async def one_connection(address: str, frames: Frames, seconds: float, rate: float) -> None:
    """Send at this rate, and take whatever comes; begin anew when it is closed."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with suppress(OSError):
            await _until_closed(address, frames, end, rate)
        await asyncio.sleep(STEP)


async def _until_closed(address: str, frames: Frames, end: float, rate: float) -> None:
    reader, writer = await asyncio.open_connection(*address.split(":"))
    taking = asyncio.create_task(_take(reader))
    began, sent = time.monotonic(), 0
    try:
        writer.write(PREFACE + frame(SETTINGS, 0, 0) + frame(SETTINGS, ACK, 0))
        while (now := time.monotonic()) < end and not taking.done():
            due = int((now - began) * rate)
            writer.write(b"".join(frames(number) for number in range(sent, due)))
            sent = due
            await writer.drain()
            await asyncio.sleep(STEP)
    finally:
        taking.cancel()
        writer.transport.abort()


async def _take(reader: asyncio.StreamReader) -> None:
    with suppress(OSError):
        while await reader.read(65_536):
            pass


async def main(address: str, name: str, seconds: float, connections: int) -> None:
    frames = (CALLS | FRAMES)[name]
    rate = RATES[name] / connections
    async with asyncio.TaskGroup() as group:
        for _ in range(connections):
            group.create_task(one_connection(address, frames, seconds, rate))


@asynccontextmanager
async def flooded(
    address: str, name: str, seconds: float, connections: int = 4
) -> AsyncIterator[None]:
    """A flood that is there from the beginning of the block to its end, at the most so long."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "faults.harness.floods", address, name, str(seconds),
        str(connections), cwd=TESTS, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        assert await asyncio.wait_for(process.stdout.readline(), 20) == b"floods\n"
        await asyncio.sleep(0.1)
        yield
        assert process.returncode is None, f"the flood of {name} was over before its time"
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


if __name__ == "__main__":
    print("floods", flush=True)  # noqa: T201 - whoever started it waits for this
    asyncio.run(main(sys.argv[1], sys.argv[2], float(sys.argv[3]), int(sys.argv[4])))
