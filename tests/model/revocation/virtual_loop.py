"""An event loop whose time jumps to the next timer, so that nobody waits for anything.

It knows of hosts: what runs in the context of a host that stands still is held until it goes on.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from contextvars import Context, ContextVar, copy_context
from typing import Any, TypeVarTuple

Ts = TypeVarTuple("Ts")

MOST_TURNS_AT_ONCE = 20_000
"""Of the loop without any time going by: more than that is somebody who never waits."""


class StuckError(Exception):
    """Nothing will ever happen again, or something happens without end in no time."""


class Gate:
    """What a host's callbacks go through: shut while the host stands still."""

    def __init__(self) -> None:
        self.shut = False
        self.held: deque[_Gated] = deque()

    def open(self) -> None:
        """Let everything go on in the order in which it was held."""
        self.shut = False
        held, self.held = self.held, deque()
        for one in held:
            one.again()


GATE: ContextVar[Gate | None] = ContextVar("GATE", default=None)


class VirtualLoop(asyncio.BaseEventLoop):
    """A loop without files, sockets or threads; `time` is in virtual seconds from 0."""

    def __init__(self) -> None:
        super().__init__()
        self._time = 0.0
        self._turns = 0
        self.steps = 0
        # BaseEventLoop asks it what has happened, for as long as nothing is due.
        self._selector = self
        self.complaints: list[str] = []
        """What went wrong where nobody could be told."""
        self.set_exception_handler(self._complain)

    def time(self) -> float:
        return self._time

    def select(self, timeout: float | None) -> list[object]:
        self.steps += 1
        if timeout is None:
            raise StuckError("everybody waits for ever")
        self._turns = 0 if timeout else self._turns + 1
        if self._turns > MOST_TURNS_AT_ONCE:
            raise StuckError("somebody never waits")
        self._time += timeout
        return []

    def _process_events(self, events: list[object]) -> None:
        assert not events

    def _write_to_self(self) -> None:
        """There is no other thread that could have put anything in."""

    def _complain(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        self.complaints.append(f"{context.get('message')}: {context.get('exception')!r}")

    def call_soon(
        self, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.Handle:
        gated = self._gated(callback, context)
        if gated is None:
            return super().call_soon(callback, *args, context=context)
        gated.handle = super().call_soon(gated.run, *args, context=gated.context)
        return gated.handle

    def call_at(
        self,
        when: float,
        callback: Callable[[*Ts], object],
        *args: *Ts,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        gated = self._gated(callback, context)
        if gated is None:
            return super().call_at(when, callback, *args, context=context)
        handle = super().call_at(when, gated.run, *args, context=gated.context)
        gated.handle = handle
        return handle

    def _gated(self, callback: Callable[..., object], context: Context | None) -> "_Gated | None":
        if context is None:
            context = copy_context()
        gate = context.get(GATE)
        return None if gate is None else _Gated(self, gate, callback, context)


class _Gated:
    """A callback of a host: held where the host stands still when its time has come."""

    __slots__ = ("_args", "_callback", "_gate", "_loop", "context", "handle")

    def __init__(
        self, loop: VirtualLoop, gate: Gate, callback: Callable[..., object], context: Context
    ) -> None:
        self._loop = loop
        self._gate = gate
        self._callback = callback
        self._args: tuple[Any, ...] = ()
        self.context = context
        self.handle: asyncio.Handle | None = None

    def run(self, *args: object) -> None:
        assert self.handle is not None
        if self._gate.shut:
            self._args = args
            self._gate.held.append(self)
        elif not self.handle.cancelled():
            self._callback(*args)

    def again(self) -> None:
        # Ungated by itself, so that its place in the order is kept: `run` looks at the gate.
        asyncio.BaseEventLoop.call_soon(self._loop, self.run, *self._args, context=self.context)
