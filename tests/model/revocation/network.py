"""The way from a host to a store: replies late, requests lost, and some that arrive after all."""

import asyncio
from collections.abc import Awaitable, Callable
from contextvars import Context
from dataclasses import dataclass
from random import Random
from typing import TypeVar

from tokenauthority_server.domain.errors import StoreUnavailableError

T = TypeVar("T")

GIVES_UP = 0.25
"""A request that has had no answer for so many seconds has none for its sender."""


@dataclass(frozen=True)
class Weather:
    """How the way is. `lost` is the share of requests, and of replies, that never arrive."""

    slowest: float = 0.002
    lost: float = 0.0
    straggling: float = 0.0
    """The share of requests that arrive long after their sender has given up."""
    cut: bool = False


CALM = Weather()
CUT = Weather(cut=True)
FLAKY = Weather(lost=0.5)
STRAGGLERS_ARRIVE = (0.3, 6.0)


class Link:
    """One host's way to one store."""

    def __init__(self, store: str, random: Random) -> None:
        self._store = store
        self._random = random
        self.weather = CALM
        self.over = False
        self.sent = 0

    async def ask(
        self,
        work: Callable[[], Awaitable[T]],
        within: float = GIVES_UP,
        *,
        ends_with_me: bool = False,
    ) -> T:
        """Have the store do this; raise StoreUnavailableError where no answer arrives in time.

        It may be done all the same, unless `ends_with_me`: then it only waits for something.
        """
        self.sent += 1
        if self.over:
            raise StoreUnavailableError(self._store, "over")
        loop = asyncio.get_running_loop()
        reply: asyncio.Future[T] = loop.create_future()
        # In no host's context: what is on its way, or at the store, goes on without its sender.
        there = loop.create_task(self._there_and_back(work, reply), context=Context())
        try:
            async with asyncio.timeout(within):
                return await reply
        except TimeoutError:
            raise StoreUnavailableError(self._store, "TimeoutError") from None
        finally:
            if ends_with_me:
                there.cancel()

    async def _there_and_back(
        self, work: Callable[[], Awaitable[T]], reply: "asyncio.Future[T]"
    ) -> None:
        weather, random = self.weather, self._random
        if weather.cut or random.random() < weather.lost:
            return
        late = random.random() < weather.straggling
        await asyncio.sleep(
            random.uniform(*STRAGGLERS_ARRIVE) if late else random.uniform(0, weather.slowest)
        )
        try:
            answer = await work()
        except StoreUnavailableError as error:
            failure = error
        else:
            if self.weather.cut or random.random() < weather.lost:
                return
            await asyncio.sleep(random.uniform(0, weather.slowest))
            if not reply.done():
                reply.set_result(answer)
            return
        if not reply.done():
            reply.set_exception(failure)
