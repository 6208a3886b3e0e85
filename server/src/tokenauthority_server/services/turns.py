"""Whose turn it is for work that a processor does for one caller at a time."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from tokenauthority_server.domain.errors import OverloadedError

MOST_WAITING: Final = 128
"""What one thread gets through within the patience, when all of them are hashes of argon2id."""

PATIENCE_SECONDS: Final = 3.0


class Turns:
    """Lets so many work at once. The others wait in lines, of which each has its turn in turn.

    When there is room for no more, the last of the longest line goes: whoever comes in hundreds
    keeps nobody out but himself. Nobody waits for longer than the patience.
    """

    def __init__(
        self,
        at_once: int,
        *,
        most_waiting: int = MOST_WAITING,
        patience: float = PATIENCE_SECONDS,
    ) -> None:
        self._free = at_once
        self._most_waiting = most_waiting
        self._patience = patience
        self._lines: dict[str, deque[asyncio.Future[None]]] = {}

    @asynccontextmanager
    async def turn(self, place: str) -> AsyncIterator[None]:
        """Wait in the line of this name, then have the turn; raise OverloadedError."""
        await self._wait(place)
        try:
            yield
        finally:
            self._pass_on()

    async def _wait(self, place: str) -> None:
        if self._free:
            self._free -= 1
            return
        self._make_room(place)
        mine = asyncio.get_running_loop().create_future()
        self._lines.setdefault(place, deque()).append(mine)
        try:
            async with asyncio.timeout(self._patience):
                await mine
        except TimeoutError as error:
            self._leave(place, mine)
            raise OverloadedError from error
        except asyncio.CancelledError:
            self._leave(place, mine)
            raise

    def _make_room(self, place: str) -> None:
        if sum(map(len, self._lines.values())) < self._most_waiting:
            return
        longest = max(self._lines, key=lambda one: len(self._lines[one]))
        if len(self._lines[longest]) <= len(self._lines.get(place, ())) + 1:
            raise OverloadedError
        last = self._lines[longest].pop()
        if not last.done():
            last.set_exception(OverloadedError())

    def _leave(self, place: str, mine: asyncio.Future[None]) -> None:
        line = self._lines.get(place, deque())
        if mine in line:
            line.remove(mine)
            if not line:
                del self._lines[place]
        elif mine.done() and not mine.cancelled() and mine.exception() is None:
            # The turn came just when nobody waited for it any more.
            self._pass_on()

    def _pass_on(self) -> None:
        while self._lines:
            place = next(iter(self._lines))
            line = self._lines.pop(place)
            following = line.popleft()
            if line:
                self._lines[place] = line
            # One that was cancelled just now has not left its line yet.
            if not following.done():
                following.set_result(None)
                return
        self._free += 1
