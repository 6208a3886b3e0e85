"""Messages between the supervisor and a worker: JSON behind its length, over a pair of sockets."""

import asyncio
import json
import struct
from typing import Any, Final

MOST_BYTES: Final = 16 * 1024 * 1024
"""Far above the metrics of a process, which are what is longest."""

_LENGTH: Final = struct.Struct(">I")

Message = dict[str, Any]


class BrokenFrameError(Exception):
    """What came is no message; nothing that follows can be made out."""


def frame(message: Message) -> bytes:
    """Return the message as it is sent; raise BrokenFrameError where it is too long."""
    body = json.dumps(message, separators=(",", ":")).encode()
    if len(body) > MOST_BYTES:
        raise BrokenFrameError(f"{len(body)} bytes, of {MOST_BYTES} at the most")
    return _LENGTH.pack(len(body)) + body


async def read_frame(reader: asyncio.StreamReader) -> Message | None:
    """Return the next message, or None when the other side is gone; raise BrokenFrameError."""
    try:
        (length,) = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))
        if length > MOST_BYTES:
            raise BrokenFrameError(f"{length} bytes, of {MOST_BYTES} at the most")
        body = await reader.readexactly(length)
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    try:
        message = json.loads(body)
    except ValueError:
        raise BrokenFrameError("no JSON") from None
    if not isinstance(message, dict):
        raise BrokenFrameError("no object")
    return message
