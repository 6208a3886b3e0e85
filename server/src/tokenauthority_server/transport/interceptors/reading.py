"""Reads single requests, and bounds what is held of those that are slow to arrive.

Once gRPC is asked for a request it takes all of it, 16 MiB at the most, and holds what has come
until it is whole: many that never become whole would be all of the memory. A request that fits a
call's first window (64 KiB) is there when it is asked for; the others have a number of places.
"""

import asyncio
from contextvars import Context as ContextVars
from typing import Final

import grpc

from tokenauthority_server.domain.errors import OverloadedError
from tokenauthority_server.transport.errors import MalformedRequestError
from tokenauthority_server.transport.interceptors.call import Context

SLOW_PLACES: Final = 16
OPEN_PLACES: Final = 4
"""Of their own for methods that are open to everybody: who calls those is nobody's caller."""
SLOW_SECONDS: Final = 0.25
"""After so long a request needs one of the places."""
HANG_UP_SECONDS: Final = 0.05
LONGEST_SECONDS: Final = 10.0
"""How long it may keep it."""


class Reading:
    """Reads the requests of those who share its places: of callers, or of everybody.

    To be made in the event loop that reads. It is asked for once: to ask for it is a system call,
    and so takes as long as much of what is done for a call.
    """

    def __init__(self, *, everybody: bool = False) -> None:
        self._loop = asyncio.get_running_loop()
        self.places = OPEN_PLACES if everybody else SLOW_PLACES
        self.slow = 0
        """How many places are taken."""
        # In the order in which they began. One timer looks at all of them: hardly any is slow, and
        # a timer for each would cost more than the reading.
        self._reads: dict[_Read, None] = {}
        self._is_watching = False

    async def the_only(self, context: Context) -> bytes:
        """Return the bytes of a call's one request.

        Raises MalformedRequestError where there is none, or only a part of one, and OverloadedError
        where it is too slow, or slow while too many others are.
        """
        task = asyncio.current_task(self._loop)
        if task is None:  # pragma: no cover - for the type checker: gRPC has one for each call
            raise RuntimeError
        read = _Read(task, self._loop.time())
        self._reads[read] = None
        if not self._is_watching:
            self._is_watching = True
            self._look_again(SLOW_SECONDS)
        try:
            request = await context.read()
        except asyncio.CancelledError as error:
            # Where the caller has hung up as well, that is what ends it.
            if read.is_ended and read.task.uncancel() <= read.cancellations:
                raise OverloadedError from error
            raise
        finally:
            del self._reads[read]
            self.slow -= read.has_place
        if request is grpc.aio.EOF:
            # So it is also where the caller has hung up, which is heard a moment later.
            await asyncio.sleep(HANG_UP_SECONDS)
            raise MalformedRequestError
        message: bytes = request
        return message

    def _look(self) -> None:
        """Give places to those that have become slow, and end those for which none is left."""
        now = self._loop.time()
        dues = []
        for read in self._reads:
            if now >= read.due and not read.has_place and self.slow < self.places:
                read.has_place = True
                self.slow += 1
                read.due += LONGEST_SECONDS
            if now >= read.due:
                # In the loop's next turn: what arrived while the loop was busy is taken note of
                # first.
                self._loop.call_later(0, self._end, read)
                continue
            dues.append(read.due)
            if not read.has_place:
                # Those that follow began later.
                break
        self._is_watching = bool(dues)
        if dues:
            self._look_again(min(dues) - now)

    def _look_again(self, seconds: float) -> None:
        # Outside of the call's context: it is about no call in particular.
        self._loop.call_later(seconds, self._look, context=ContextVars())

    def _end(self, read: "_Read") -> None:
        if read in self._reads and not read.is_ended:
            read.is_ended = True
            read.task.cancel()


class _Read:
    """A request that is being read. When it is `due` it needs a place, or has to give it back."""

    __slots__ = ("cancellations", "due", "has_place", "is_ended", "task")

    def __init__(self, task: "asyncio.Task[object]", begun: float) -> None:
        self.task = task
        self.cancellations = task.cancelling()
        self.due = begun + SLOW_SECONDS
        self.has_place = False
        self.is_ended = False
