"""The log of revocations in memory."""

import asyncio
import secrets
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from tokenauthority_server.domain.errors import StoreUnavailableError
from tokenauthority_server.domain.revocation_ports import (
    BEGINNING,
    Entry,
    Granted,
    OtherData,
    Position,
    Renewed,
    Row,
    Rows,
    Standing,
    Struck,
    Ticks,
)
from tokenauthority_server.domain.revocations import LiveFact

MOST_FACTS: Final = 100
MOST_ENTRIES: Final = 100
MOST_GRANTED: Final = 10_000
KEPT_MILLISECONDS: Final = 300_000


@dataclass
class Data:
    """What a data set consists of."""

    identity: str
    made_by: str
    rows: dict[str, Row] = field(default_factory=dict)
    log: list[Entry] = field(default_factory=list)
    last: Position = BEGINNING


class MemoryDataSet:
    """A server and what it holds, shared by the logs of all who use it.

    `ahead` is how far its clock is ahead of the ticks, in seconds.
    """

    def __init__(self, ticks: Ticks) -> None:
        self.ticks = ticks
        self.ahead = 0.0
        self._server = secrets.token_hex(20)
        self._data: Data | None = None
        # By arrival, so that all happens in the same order each time.
        self._waiting: dict[asyncio.Event, None] = {}
        self.reports = 0

    def empty(self) -> None:
        """Forget everything, as the same server."""
        self._data = None

    def copy(self) -> Data | None:
        """Return what a replica would hold now."""
        data = self._data
        return data and replace(data, rows=dict(data.rows), log=list(data.log))

    def restore(self, copy: Data | None) -> None:
        """Go on as another server, from a copy."""
        self._server = secrets.token_hex(20)
        self._data = copy and replace(copy, rows=dict(copy.rows), log=list(copy.log))
        self.wake()

    @property
    def now(self) -> int:
        """The server's clock, in milliseconds."""
        return int((self.ticks.now() + self.ahead) * 1000)

    @property
    def entries(self) -> list[Entry]:
        """All entries, in order; reading them makes no identity."""
        return self._data.log if self._data else []

    def found(self) -> Data:
        """Return what there is, or make it, under a new identity."""
        if self._data is None or self._data.made_by != self._server:
            self._data = Data(secrets.token_hex(16), self._server)
            self.tell()
        return self._data

    def tell(self) -> None:
        """Wake those who wait for reports."""
        self.reports += 1
        self.wake()

    def wake(self) -> None:
        """Let those who wait look again."""
        for event in self._waiting:
            event.set()

    async def wait(self, until: Callable[[], object], seconds: float) -> None:
        """Return when the condition holds, or after so long."""
        end = self.ticks.now() + seconds
        event = asyncio.Event()
        self._waiting[event] = None
        try:
            while not until() and (remaining := end - self.ticks.now()) > 0:
                event.clear()
                await self._first(event, remaining)
        finally:
            del self._waiting[event]

    async def _first(self, event: asyncio.Event, seconds: float) -> None:
        waits = [
            asyncio.ensure_future(event.wait()),
            asyncio.ensure_future(self.ticks.sleep(seconds)),
        ]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in waits:
                one.cancel()


class MemoryRevocationLog:
    """The port RevocationLog. While `cut` its data set is away for whoever has this log."""

    def __init__(self, data_set: MemoryDataSet) -> None:
        self._set = data_set
        self._told: int | None = None
        self.cut = False

    async def look(self) -> Standing:
        """See RevocationLog.look."""
        data = self._found()
        return Standing(data.identity, data.last)

    async def append(self, facts: Sequence[LiveFact]) -> Standing:
        """See RevocationLog.append."""
        data, now = self._found(), self._set.now
        parts = [tuple(facts[at : at + MOST_FACTS]) for at in range(0, len(facts), MOST_FACTS)]
        for part in parts or [()]:
            previous = data.last
            data.last = (
                Position(now, 0)
                if now > previous.milliseconds
                else previous._replace(number=previous.number + 1)
            )
            data.log.append(
                Entry(identity=data.identity, position=data.last, previous=previous, facts=part)
            )
        oldest = Position(now - KEPT_MILLISECONDS, 0)
        while data.log[0].position < oldest:
            del data.log[0]
        self._set.wake()
        return Standing(data.identity, data.last)

    async def follow(self, after: Position, seconds: float) -> Sequence[Entry]:
        """See RevocationLog.follow."""
        self._reach()
        await self._set.wait(lambda: self.cut or self._after(after), seconds)
        self._reach()
        return self._after(after)[:MOST_ENTRIES]

    async def grant(self, identity: str, row: str, position: Position) -> Granted | OtherData:
        """See RevocationLog.grant."""
        data = self._found()
        if data.identity != identity:
            return OtherData(data.identity)
        data.rows[row] = Row(0, position)
        entries = self._after(position)
        return Granted(entries if len(entries) <= MOST_GRANTED else [], data.last)

    async def renew(
        self, identity: str, row: str, moved: Row, *, tell: bool
    ) -> Renewed | Struck | OtherData:
        """See RevocationLog.renew."""
        data = self._found()
        if data.identity != identity:
            return OtherData(data.identity)
        known = data.rows.get(row)
        if known is None or moved.counter <= known.counter:
            return Struck()
        data.rows[row] = moved
        if tell:
            self._set.tell()
        return Renewed(data.last)

    async def rows(self) -> Rows:
        """See RevocationLog.rows."""
        data = self._found()
        return Rows(data.identity, data.last, dict(data.rows))

    async def wait_for_reports(self, seconds: float) -> None:
        """See RevocationLog.wait_for_reports."""
        told = self._told if self._told is not None else self._set.reports
        await self._set.wait(lambda: self.cut or self._set.reports != told, seconds)
        # Something may be told while this is cut off, so the next call returns at once.
        self._told = -1 if self.cut else self._set.reports
        self._reach()

    async def strike(self, identity: str, row: str, counter: int) -> bool:
        """See RevocationLog.strike."""
        data = self._found()
        known = data.rows.get(row)
        if data.identity != identity or known is None or known.counter != counter:
            return False
        del data.rows[row]
        self._set.tell()
        return True

    async def leave(self, row: str) -> None:
        """See RevocationLog.leave."""
        if self._found().rows.pop(row, None) is not None:
            self._set.tell()

    def _after(self, position: Position) -> list[Entry]:
        entries = self._set.entries
        return entries[bisect_right(entries, position, key=lambda one: one.position) :]

    def _found(self) -> Data:
        self._reach()
        return self._set.found()

    def _reach(self) -> None:
        if self.cut:
            raise StoreUnavailableError("Redis", "cut off")
