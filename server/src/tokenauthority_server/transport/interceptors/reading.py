"""Reads single requests, and bounds what is held of those that are slow to arrive.

Once gRPC is asked for a request it takes all of it, 16 MiB at the most, and holds what has come
until it is whole: many that never become whole would be all of the memory. A request that fits a
call's first window (64 KiB) is there when it is asked for; the others have a number of places.
"""

import asyncio
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
    """Reads the requests of those who share its places: of callers, or of everybody."""

    def __init__(self, *, everybody: bool = False) -> None:
        self.places = OPEN_PLACES if everybody else SLOW_PLACES
        self.slow = 0
        """How many places are taken."""

    async def the_only(self, context: Context) -> bytes:
        """Return the bytes of a call's one request.

        Raises MalformedRequestError where there is none, or only a part of one, and OverloadedError
        where it is too slow, or slow while too many others are.
        """
        try:
            async with asyncio.timeout(None) as timer:
                place = _Place(self, timer)
                try:
                    request = await context.read()
                finally:
                    place.leave()
        except TimeoutError as error:
            raise OverloadedError from error
        if request is grpc.aio.EOF:
            # So it is also where the caller has hung up, which is heard a moment later.
            await asyncio.sleep(HANG_UP_SECONDS)
            raise MalformedRequestError
        read: bytes = request
        return read


class _Place:
    """Taken when a request turns out to be slow; where none is left, its reading ends."""

    __slots__ = ("_loop", "_reading", "_taken", "_timer", "_watch")

    def __init__(self, reading: Reading, timer: asyncio.Timeout) -> None:
        self._reading = reading
        self._timer = timer
        self._taken = False
        self._loop = asyncio.get_running_loop()
        self._watch = self._loop.call_later(SLOW_SECONDS, self._take)

    def leave(self) -> None:
        self._watch.cancel()
        self._reading.slow -= self._taken

    def _take(self) -> None:
        if self._reading.slow >= self._reading.places:
            # In the loop's next turn: what arrived while the loop was busy is taken note of first.
            self._timer.reschedule(self._loop.time())
            return
        self._taken = True
        self._reading.slow += 1
        self._timer.reschedule(self._loop.time() + LONGEST_SECONDS)
