"""The rows of all verifiers, as a revoker sees them: whom it waits for, and for how long."""

import asyncio
from dataclasses import dataclass
from typing import Any, Final

import structlog

from tokenauthority_server.domain.deadlines import seconds_left
from tokenauthority_server.domain.errors import StoreUnavailableError
from tokenauthority_server.domain.revocation_ports import (
    Position,
    RevocationLog,
    Row,
    Standing,
    Ticks,
)
from tokenauthority_server.revocation.leases import Terms, lease_of
from tokenauthority_server.revocation.pausing import news_or_time

ANSWER_SECONDS: Final = 0.1
"""What is left of a call's time for its answer: better that it is not known than none at all."""

_log: structlog.typing.FilteringBoundLogger = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Seen:
    """A row, and since when, by this clock, it has had this counter."""

    row: Row
    since: float
    lease: float


class _Waiting:
    """A revoker that waits until everybody is past a place."""

    __slots__ = ("looks", "over", "standing")

    def __init__(self, standing: Standing, looks: int) -> None:
        self.standing = standing
        self.looks = looks
        self.over: asyncio.Future[bool] = asyncio.get_running_loop().create_future()


class RowWatch:
    """Watches the rows all the time, so that a dead verifier is struck once, and not waited for.

    A row is written off when its counter has not moved for a whole lease since it was seen: its
    verifier asked for its lease before that, and uses less than the whole of it.
    """

    def __init__(self, log: RevocationLog, terms: Terms, ticks: Ticks) -> None:
        self.struck = 0
        self._log = log
        self._terms = terms
        self._ticks = ticks
        self._identity = ""
        self._known_since = 0.0
        self._longest = terms.lease
        """The longest lease that any verifier was ever seen to have."""
        self._rows: dict[str, _Seen] = {}
        self._looks = 0
        """How many looks have begun."""
        self._waiting: dict[_Waiting, None] = {}
        """The longest first."""
        self._anyone_waits = asyncio.Event()
        self._wanted = asyncio.Event()

    @property
    def verifiers(self) -> int:
        """How many rows there are."""
        return len(self._rows)

    async def run(self) -> None:
        """Look at the rows, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._listen())
            tasks.create_task(self._look_for_ever())

    async def passed(self, standing: Standing) -> bool:
        """Wait until every verifier of this data set has applied the place, or is written off.

        Returns False when that is not known in time, or the data set is another one.
        """
        waiting = _Waiting(standing, self._looks)
        self._waiting[waiting] = None
        self._anyone_waits.set()
        self._wanted.set()
        limit: asyncio.Future[None] = asyncio.ensure_future(self._ticks.sleep(self._longest_wait()))
        try:
            both: tuple[asyncio.Future[Any], ...] = (waiting.over, limit)
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            return waiting.over.done() and waiting.over.result()
        finally:
            limit.cancel()
            self._waiting.pop(waiting, None)
            if not self._waiting:
                self._anyone_waits.clear()

    async def _listen(self) -> None:
        while True:
            await self._anyone_waits.wait()
            try:
                await self._log.wait_for_reports(self._terms.heartbeat)
            except StoreUnavailableError:
                await self._ticks.sleep(self._terms.heartbeat / 4)
            except Exception as error:  # noqa: BLE001 - the next look comes by its time
                self._failed(error)
                await self._ticks.sleep(self._terms.heartbeat / 4)
            self._wanted.set()

    async def _look_for_ever(self) -> None:
        while True:
            try:
                await self._look()
            except StoreUnavailableError:
                await self._ticks.sleep(self._terms.heartbeat / 4)
            except Exception as error:  # noqa: BLE001 - who waits is told that nothing is known
                self._failed(error)
                await self._ticks.sleep(self._terms.heartbeat / 4)
            await news_or_time(self._wanted, self._ticks, self._pause())

    def _failed(self, error: Exception) -> None:
        _log.error("watching the verifiers' rows fails", exc_info=error)

    async def _look(self) -> None:
        self._looks += 1
        look = self._looks
        found = await self._log.rows()
        now = self._ticks.now()
        if found.identity != self._identity:
            self._identity, self._known_since, self._rows = found.identity, now, {}
        self._rows = {name: self._seen(name, row, now) for name, row in found.rows.items()}
        self._longest = max([self._longest, *(seen.lease for seen in self._rows.values())])
        await self._strike(now)
        least = min((seen.row.position for seen in self._rows.values()), default=None)
        for waiting in list(self._waiting):
            # Only what was read after its place was appended tells of everybody.
            if waiting.looks < look and not waiting.over.done():
                self._judge(waiting, least, now)

    def _seen(self, name: str, row: Row, now: float) -> _Seen:
        seen = self._rows.get(name)
        moved = seen is None or seen.row.counter != row.counter
        since = now if moved or seen is None else seen.since
        return _Seen(row, since, lease_of(name, self._terms))

    async def _strike(self, now: float) -> None:
        for name, seen in list(self._rows.items()):
            if now - seen.since < seen.lease:
                continue
            if await self._log.strike(self._identity, name, seen.row.counter):
                self.struck += 1
                del self._rows[name]
                _log.info("a verifier was written off: its lease has run out", row=name)

    def _judge(self, waiting: _Waiting, least: Position | None, now: float) -> None:
        if waiting.standing.identity != self._identity:
            waiting.over.set_result(False)
        elif now >= self._trusted_from() and (least is None or least >= waiting.standing.position):
            waiting.over.set_result(True)

    def _trusted_from(self) -> float:
        """When the rows tell of everybody.

        Until then verifiers of the former data set may hold leases that this one never heard of.
        """
        return self._known_since + self._longest

    def _longest_wait(self) -> float:
        """How long a revoker waits: for one that died as it began, or until its call ends."""
        wait = self._terms.longest_wait + self._longest - self._terms.lease
        left = seconds_left()
        return wait if left is None else min(wait, left - ANSWER_SECONDS)

    def _pause(self) -> float:
        """How long until something may be due though nobody tells of it."""
        now = self._ticks.now()
        pause = self._terms.heartbeat
        if self._waiting:
            due = [seen.since + seen.lease for seen in self._rows.values()]
            due += [self._trusted_from()] if self._trusted_from() > now else []
            pause = min([pause, *(one - now for one in due)])
        return max(pause, self._terms.lease / 100)
