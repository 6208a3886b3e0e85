"""When the call ends that something is done for, where that is known."""

from contextvars import ContextVar
from time import monotonic
from typing import Final

_ends: Final[ContextVar[float | None]] = ContextVar("call_ends", default=None)


def set_seconds_left(seconds: float | None) -> None:
    """Say in how many seconds the call of this context ends; None where nobody knows."""
    # Not by the event loop's clock: asking which loop it is takes a system call.
    _ends.set(None if seconds is None else monotonic() + seconds)


def seconds_left() -> float | None:
    """Return how many seconds are left, None where nobody has said so; below 0 it is over."""
    ends = _ends.get()
    return None if ends is None else ends - monotonic()
