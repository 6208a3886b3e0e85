"""Ids of audit events: UUIDv7 (RFC 9562), so that a range of ids is a range of time."""

import os
import time
from uuid import UUID


def event_id() -> UUID:
    """Return a new id: 48 bits of Unix milliseconds, then 74 random ones."""
    milliseconds = time.time_ns() // 1_000_000
    random = int.from_bytes(os.urandom(10), "big")
    high, low = random >> 68, random & ((1 << 62) - 1)
    return UUID(int=milliseconds << 80 | 0x7 << 76 | high << 64 | 0b10 << 62 | low)
