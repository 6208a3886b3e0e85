"""One watcher's stream: what it is told next, and what it reports."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from tokenauthority_server.domain.errors import InvalidRequestError, OverloadedError, Violation
from tokenauthority_server.domain.revocation_ports import Standing
from tokenauthority_server.domain.watch_ports import WatchMode
from tokenauthority_server.revocation.cursors import cursor_of, standing_of

if TYPE_CHECKING:
    from tokenauthority_server.revocation.journal import Record
    from tokenauthority_server.revocation.watching import Watching

BEGIN_SECONDS: Final = 5.0
"""How long a watcher waits for a verifier that has just been started."""

M = TypeVar("M")


@dataclass(frozen=True, slots=True)
class Report:
    """A watcher's word that it has applied all up to that place."""

    report_id: int
    applied: Standing


class Watch(Generic[M]):
    """A watcher. What it is told comes from `messages`; `report` and `fail` do not wait for that.

    Where reports come faster than they are answered, only the newest is.
    """

    def __init__(self, watching: Watching[M], mode: WatchMode, resume_cursor: str) -> None:
        self._watching = watching
        self._mode = mode
        self._told = _place(resume_cursor, "resume_cursor") if resume_cursor else None
        self._index = -1
        self._holder = object()
        """Stands for it among those who hold sub-leases, so that these do not keep a stream."""
        self._report: Report | None = None
        self._reported: Report | None = None
        self._failure: BaseException | None = None
        self._woken = asyncio.Event()
        self._clock = asyncio.get_running_loop().time
        self._beat_at = self._clock() + watching.terms.heartbeat
        self._beat_after: int | None = None

    def wake(self) -> None:
        """Make it look whether there is something to tell."""
        self._woken.set()

    def fail(self, error: BaseException) -> None:
        """End the messages with this."""
        self._failure = error
        self.wake()

    def report(self, report_id: int, applied_cursor: str) -> None:
        """Take a report; raise InvalidRequestError for one that cannot be true."""
        if self._mode is WatchMode.RELAXED:
            raise _invalid("report_id", "goes with STRICT only")
        if report_id < 1:
            raise _invalid("report_id", "is required, and counts from 1")
        if self._reported and report_id <= self._reported.report_id:
            raise _invalid("report_id", "is not greater than the one before")
        if not applied_cursor:
            raise _invalid("applied_cursor", "is required")
        applied = _place(applied_cursor, "applied_cursor")
        told = self._told
        if told is None or (applied.identity == told.identity and applied.position > told.position):
            raise _invalid("applied_cursor", "has not been sent yet")
        before = self._reported and self._reported.applied
        if before and applied.identity == before.identity and applied.position < before.position:
            raise _invalid("applied_cursor", "is before the one that was reported last")
        self._reported = self._report = Report(report_id, applied)
        self.wake()

    async def messages(self) -> AsyncGenerator[M, None]:
        """Yield what it is to be told, for ever, and at least one message each heartbeat.

        Raises OverloadedError when the server stops, or its verifier does not begin, and what
        `fail` was given.
        """
        await self._resume()
        while True:
            self._check()
            journal = self._watching.journal
            if self._report:
                yield self._answer(self._report)
            elif not journal.holds(self._index):
                async for part in self._snapshot():
                    yield part
            elif self._beats(journal.end):
                if self._mode is WatchMode.STRICT or self._watching.is_leased:
                    yield self._heartbeat(0.0, 0)
            elif self._index < journal.end:
                for message in self._next(journal.at(self._index)):
                    yield message
            else:
                await self._wait(self._beat_at - self._clock())

    async def _resume(self) -> None:
        """Begin where the watcher has got to, if what came after that is known."""
        journal = self._watching.journal
        latest = self._clock() + BEGIN_SECONDS
        while journal.standing is None:
            self._check()
            if self._clock() >= latest:
                raise OverloadedError
            await self._wait(latest - self._clock())
        if self._told and journal.reaches(self._told):
            self._index = journal.first

    async def _snapshot(self) -> AsyncGenerator[M, None]:
        built = await self._watching.snapshot()
        *parts, last = built.parts
        for part in parts:
            self._check()
            yield part
        # Before it is sent: it may be reported before the sending of it is over.
        self._index, self._told = built.index, built.standing
        yield last

    def _next(self, record: Record[M]) -> Sequence[M]:
        """Return the messages of the next record; none for what the watcher has applied."""
        self._index += 1
        told, now = self._told, record.standing
        if told is None or told.identity != now.identity or told.position <= now.position:
            skips = record.logged and told == now
            self._told = now
            return () if skips else self._watching.messages_of(record)
        # It has come from a worker that was further in the log, and does not go back.
        return () if record.logged else self._watching.encoded(told, record.facts)

    def _beats(self, end: int) -> bool:
        """Return whether it is time for a heartbeat, and all has been told that was there then."""
        if self._beat_after is None and self._beat_at <= self._clock():
            self._beat_after = end
        if self._beat_after is None or self._index < self._beat_after:
            return False
        self._beat_after = None
        self._beat_at = self._clock() + self._watching.terms.heartbeat
        return True

    def _answer(self, report: Report) -> M:
        self._report = None
        lease = self._watching.grant(self._holder, report.applied)
        return self._heartbeat(lease, report.report_id if lease else 0)

    def _heartbeat(self, lease: float, answered: int) -> M:
        cursor = cursor_of(self._told) if self._told else ""
        return self._watching.encoder.heartbeat(cursor, lease, answered)

    def _check(self) -> None:
        if self._failure:
            raise self._failure
        if self._watching.draining:
            raise OverloadedError

    async def _wait(self, seconds: float) -> None:
        """Return when it is woken, or after so long."""
        timer = asyncio.get_running_loop().call_later(seconds, self.wake)
        await self._woken.wait()
        timer.cancel()
        self._woken.clear()


def _place(cursor: str, field: str) -> Standing:
    try:
        return standing_of(cursor)
    except ValueError as error:
        raise _invalid(field, "is none of the authority's cursors") from error


def _invalid(field: str, description: str) -> InvalidRequestError:
    return InvalidRequestError(Violation(field, description))
