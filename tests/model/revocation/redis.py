"""Redis: the log in memory, with a replica, and what the checker sees of it."""

import asyncio
from collections.abc import Callable, Sequence

from model.revocation.host import HostTicks
from model.revocation.network import Link

from tokenauthority_server.adapters.memory.revocation_log import (
    Data,
    MemoryDataSet,
    MemoryRevocationLog,
)
from tokenauthority_server.domain.errors import StoreUnavailableError
from tokenauthority_server.domain.revocation_ports import (
    Entry,
    Granted,
    OtherData,
    Position,
    Renewed,
    RevocationLog,
    Row,
    Rows,
    Standing,
    Struck,
)
from tokenauthority_server.domain.revocations import LiveFact

COPIED_EVERY = 0.1
MOST_BEHIND = 6.0


class Redis:
    """The server, of whose data a replica has older copies."""

    def __init__(
        self,
        appended: Callable[[Sequence[LiveFact]], None],
        struck: Callable[[str], None],
        note: Callable[[str], None],
    ) -> None:
        self.data_set = MemoryDataSet(HostTicks(1_000_000.0, 1.0))
        self.appended = appended
        self.struck = struck
        self.note = note
        self.down = False
        self._copies: list[Data | None] = []

    async def replicate(self) -> None:
        """Keep copies, for ever."""
        while True:
            self._copies.append(self.data_set.copy())
            del self._copies[: -int(MOST_BEHIND / COPIED_EVERY)]
            await asyncio.sleep(COPIED_EVERY)

    def fail_over(self, behind: float) -> None:
        """Let the replica take over."""
        back = min(int(behind / COPIED_EVERY), len(self._copies) - 1)
        self.data_set.restore(self._copies[-1 - back] if behind else self.data_set.copy())

    def up(self) -> None:
        """Be there again."""
        self.down = False

    def restart_empty(self) -> None:
        self.data_set.restore(None)

    def trim(self, kept: int) -> None:
        """Forget all entries but the last ones, as where they are old."""
        log = self.data_set.found().log
        del log[: len(log) - kept]


class ServerLog(MemoryRevocationLog):
    """Refuses while the server is down, and shows the checker what is appended."""

    def __init__(self, redis: Redis) -> None:
        super().__init__(redis.data_set)
        self._redis = redis

    async def append(self, facts: Sequence[LiveFact]) -> Standing:
        standing = await super().append(facts)
        told = [f"{one.fact.kind} {one.fact.target or one.fact.user_id}" for one in facts]
        self._redis.note(f"{standing.position} {', '.join(told)} appended")
        self._redis.appended(facts)
        return standing

    async def grant(self, identity: str, row: str, position: Position) -> Granted | OtherData:
        granted = await super().grant(identity, row, position)
        self._redis.note(f"{row} at {position}: {type(granted).__name__}")
        return granted

    async def renew(
        self, identity: str, row: str, moved: Row, *, tell: bool
    ) -> Renewed | Struck | OtherData:
        renewed = await super().renew(identity, row, moved, tell=tell)
        self._redis.note(f"{row} at {moved.position}, {moved.counter}: {type(renewed).__name__}")
        return renewed

    async def strike(self, identity: str, row: str, counter: int) -> bool:
        struck = await super().strike(identity, row, counter)
        self._redis.note(f"{row}, {counter}: {'struck' if struck else 'not struck'}")
        if struck:
            self._redis.struck(row)
        return struck

    def _reach(self) -> None:
        if self._redis.down:
            raise StoreUnavailableError("Redis", "down")


class DistantLog:
    """The port RevocationLog over a link."""

    def __init__(self, log: RevocationLog, link: Link) -> None:
        self._log = log
        self._link = link

    async def look(self) -> Standing:
        return await self._link.ask(self._log.look)

    async def append(self, facts: Sequence[LiveFact]) -> Standing:
        return await self._link.ask(lambda: self._log.append(facts))

    async def follow(self, after: Position, seconds: float) -> Sequence[Entry]:
        return await self._link.ask(
            lambda: self._log.follow(after, seconds), seconds + 1, ends_with_me=True
        )

    async def grant(self, identity: str, row: str, position: Position) -> Granted | OtherData:
        return await self._link.ask(lambda: self._log.grant(identity, row, position))

    async def renew(
        self, identity: str, row: str, moved: Row, *, tell: bool
    ) -> Renewed | Struck | OtherData:
        return await self._link.ask(lambda: self._log.renew(identity, row, moved, tell=tell))

    async def rows(self) -> Rows:
        return await self._link.ask(self._log.rows)

    async def wait_for_reports(self, seconds: float) -> None:
        await self._link.ask(
            lambda: self._log.wait_for_reports(seconds), seconds + 1, ends_with_me=True
        )

    async def strike(self, identity: str, row: str, counter: int) -> bool:
        return await self._link.ask(lambda: self._log.strike(identity, row, counter))

    async def leave(self, row: str) -> None:
        await self._link.ask(lambda: self._log.leave(row))
