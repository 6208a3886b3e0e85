"""A host: a process with a clock of its own, which can stand still, go on, and die."""

import asyncio
from collections.abc import Callable, Coroutine
from contextvars import copy_context
from enum import Enum, auto
from random import Random
from typing import Any, Final, TypeVar

from model.revocation.virtual_loop import GATE, Gate

T = TypeVar("T")

MOST_DRIFT: Final = 0.02


class HostTicks:
    """The port Ticks: a clock that started anywhere, and is quicker or slower than true time."""

    def __init__(self, start: float, rate: float) -> None:
        self._start = start
        self._rate = rate

    def now(self) -> float:
        return self._start + asyncio.get_running_loop().time() * self._rate

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds / self._rate)

    @classmethod
    def any(cls, random: Random) -> "HostTicks":
        """Return a clock that is wrong by no more than docs/revocation.md allows."""
        wrong = random.choice([-1.0, 1.0, random.uniform(-1, 1)]) * MOST_DRIFT
        return cls(random.uniform(0, 1e6), 1 + wrong)


class State(Enum):
    RUNNING = auto()
    PAUSED = auto()
    DEAD = auto()


class Host:
    """Runs what is given to it as a process would; clocks run on while it is paused."""

    def __init__(self, name: str, ticks: HostTicks) -> None:
        self.name = name
        self.ticks = ticks
        self.state = State.RUNNING
        self._gate = Gate()
        self._context = copy_context()
        self._context.run(GATE.set, self._gate)
        self._tasks: set[asyncio.Task[Any]] = set()

    @property
    def running(self) -> bool:
        return self.state is State.RUNNING

    def start(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Have this done by the host."""
        task = asyncio.get_running_loop().create_task(work, context=self._context.copy())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def do(self, what: Callable[[], T]) -> T:
        """Do this at once as the host would, which must be running."""
        assert self.running
        return self._context.copy().run(what)

    def pause(self) -> None:
        if self.running:
            self.state = State.PAUSED
            self._gate.shut = True

    def resume(self, first: Callable[[], object]) -> None:
        """Go on; `first` is done before anything that has been held meanwhile."""
        if self.state is State.PAUSED:
            self.state = State.RUNNING
            first()
            self._gate.open()

    def kill(self) -> None:
        """Let nothing of it ever happen again; what it has sent is still on its way."""
        self.state = State.DEAD
        self._gate.shut = True

    def bury(self) -> None:
        """End its tasks. The world must be over: what they do in their ends reaches nobody."""
        for task in list(self._tasks):
            task.cancel()
        self._gate.open()
