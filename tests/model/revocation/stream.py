"""A stream between a client and a worker: in order both ways, held up while the way is cut."""

import asyncio
from collections.abc import Sequence
from contextvars import Context
from dataclasses import dataclass
from random import Random
from typing import Final, TypeAlias

from model.revocation.network import Link

from tokenauthority_server.domain.revocations import LiveFact

SENT_AGAIN_AFTER: Final = 0.2
"""What is lost on the way arrives all the same, as it is sent again."""


@dataclass(frozen=True)
class Told:
    """What a worker sends: the Encoder's messages."""

    cursor: str
    facts: Sequence[LiveFact] = ()
    lease: float = 0.0
    answered: int = 0


class ToldAsIs:
    """The Encoder, for streams that carry anything."""

    def size(self, fact: LiveFact) -> int:
        del fact
        return 1_000

    def snapshot(self, cursor: str, facts: Sequence[LiveFact], *, complete: bool) -> Told:
        assert complete or not cursor
        return Told(cursor, tuple(facts))

    def revocations(self, cursor: str, facts: Sequence[LiveFact]) -> Told:
        return Told(cursor, tuple(facts))

    def heartbeat(self, cursor: str, lease: float, answered: int) -> Told:
        return Told(cursor, lease=lease, answered=answered)


@dataclass(frozen=True)
class Report:
    """What a client sends."""

    report_id: int
    cursor: str


Item: TypeAlias = Told | Report | None
"""None is the end."""


class Stream:
    """Both ways of it. Whoever closes it is heard of by the other as everything else is."""

    def __init__(self, link: Link, random: Random) -> None:
        self._link = link
        self._random = random
        self.down: asyncio.Queue[Item] = asyncio.Queue()
        self.up: asyncio.Queue[Item] = asyncio.Queue()
        # A worker does not go on before its message has been taken off its hands.
        self._sent_down: asyncio.Queue[Item] = asyncio.Queue(1)
        self._sent_up: asyncio.Queue[Item] = asyncio.Queue()
        loop = asyncio.get_running_loop()
        ways = ((self._sent_down, self.down), (self._sent_up, self.up))
        # In no host's context: what was sent is on its way.
        self._carrying = [loop.create_task(self._carry(*way), context=Context()) for way in ways]

    async def send_down(self, item: Item) -> None:
        await self._sent_down.put(item)

    def send_up(self, item: Item) -> None:
        self._sent_up.put_nowait(item)

    async def _carry(self, sent: "asyncio.Queue[Item]", arrived: "asyncio.Queue[Item]") -> None:
        while True:
            item = await sent.get()
            weather = self._link.weather
            await asyncio.sleep(self._random.uniform(0, weather.slowest))
            # Whether it gets through is decided anew each time: there is no event to wait for.
            while (  # noqa: ASYNC110 - see above
                self._link.weather.cut or self._random.random() < self._link.weather.lost
            ):
                await asyncio.sleep(SENT_AGAIN_AFTER)
            arrived.put_nowait(item)
            if item is None:
                return
