"""A client that verifies by itself in strict mode: it holds a sub-lease of a worker's lease."""

import asyncio
from collections.abc import Callable
from contextlib import aclosing, suppress
from random import Random
from typing import Final

from model.revocation.events import LEASE
from model.revocation.host import Host, HostTicks
from model.revocation.network import Link
from model.revocation.stream import Report, Stream, Told

from tokenauthority_server.domain.errors import OverloadedError
from tokenauthority_server.domain.revocations import (
    Check,
    CheckSource,
    Death,
    Fact,
    FactKey,
    FactKind,
    LiveFact,
    death_by,
    targets,
)
from tokenauthority_server.domain.tokens import Claims
from tokenauthority_server.domain.watch_ports import WatchMode
from tokenauthority_server.revocation.watching import Watching

REPORTED_EVERY: Final = LEASE / 4
SILENT_FOR: Final = 1.5 * LEASE
"""After which a stream is given up."""
PAUSE: Final = 0.1


class Client:
    """Watches one worker after another. `find` gives a worker that takes streams, or None."""

    def __init__(
        self,
        *,
        number: int,
        name: str,
        seed: int,
        find: Callable[[Random], "Serving | None"],
    ) -> None:
        self._random = Random(f"{seed} {name}")  # noqa: S311 - a seed brings it back
        self.number = number
        self.host = Host(name, HostTicks.any(self._random))
        self.links = {"authority": Link("authority", self._random)}
        self.until = float("-inf")
        self._find = find
        self._facts: dict[FactKey, Fact] = {}
        self._cursor = ""
        self._stream: Stream | None = None
        self._report_id = 0
        self._sent: dict[int, float] = {}
        self.host.start(self._run())

    def check_now(self, claims: Claims) -> Check | None:
        """Answer under the sub-lease; None without one."""
        if self.host.ticks.now() >= self.until:
            return None
        return Check(CheckSource.LEASED_VIEW, (self._death(claims),))

    def hang_up(self) -> None:
        """Let the worker hear that this client has gone."""
        if self._stream is not None:
            self._stream.up.put_nowait(None)

    def over(self) -> None:
        """Let nothing more come of it."""
        self.host.bury()

    def _death(self, claims: Claims) -> Death | None:
        for user_id, kind, target in targets(claims):
            fact = self._facts.get(_place(user_id, kind, target))
            if fact is not None and (death := death_by(fact, claims)) is not None:
                return death
        return None

    def _apply(self, told: LiveFact) -> None:
        fact = told.fact
        place = _place(*fact.key)
        known = self._facts.get(place)
        if known is None or known.epoch < fact.epoch:
            self._facts[place] = fact

    async def _run(self) -> None:
        while True:
            worker = self._find(self._random)
            if worker is not None and not self.links["authority"].weather.cut:
                stream = Stream(self.links["authority"], self._random)
                self._stream = stream
                worker.serve(stream, self._cursor)
                reporting = asyncio.ensure_future(self._report_regularly(stream))
                try:
                    await self._follow(stream)
                finally:
                    reporting.cancel()
                    stream.send_up(None)
            await self.host.ticks.sleep(PAUSE)

    async def _follow(self, stream: Stream) -> None:
        self._report_id, self._sent = 0, {}
        with suppress(TimeoutError):
            while True:
                async with asyncio.timeout(SILENT_FOR):
                    told = await stream.down.get()
                if not isinstance(told, Told):
                    return
                self._take(told, stream)

    def _take(self, told: Told, stream: Stream) -> None:
        for fact in told.facts:
            self._apply(fact)
        if told.answered:
            self.until = max(self.until, self._sent[told.answered] + told.lease)
        elif told.cursor:
            news = told.cursor != self._cursor or not self._sent
            self._cursor = told.cursor
            if news:
                self._report(stream)

    async def _report_regularly(self, stream: Stream) -> None:
        while True:
            await self.host.ticks.sleep(REPORTED_EVERY)
            if self._sent:
                self._report(stream)

    def _report(self, stream: Stream) -> None:
        self._report_id += 1
        # Before it is sent: the sub-lease counts from then.
        self._sent[self._report_id] = self.host.ticks.now()
        stream.send_up(Report(self._report_id, self._cursor))


class Serving:
    """A worker's end of the streams: what the transport does."""

    def __init__(self, host: Host, watching: Watching[Told]) -> None:
        self._host = host
        self._watching = watching

    def serve(self, stream: Stream, cursor: str) -> None:
        """Serve it from now on, as long as the worker lives."""
        self._host.start(self._serve(stream, cursor))

    async def _serve(self, stream: Stream, cursor: str) -> None:
        try:
            watch = self._watching.join(WatchMode.STRICT, cursor)
        except OverloadedError:
            await stream.send_down(None)
            return

        async def read() -> None:
            while isinstance(report := await stream.up.get(), Report):
                watch.report(report.report_id, report.cursor)
            watch.fail(OverloadedError())

        reading = asyncio.ensure_future(read())
        try:
            async with aclosing(watch.messages()) as messages:
                async for message in messages:
                    await stream.send_down(message)
        except OverloadedError:
            await stream.send_down(None)
        finally:
            reading.cancel()
            self._watching.leave(watch)


def _place(user_id: str, kind: FactKind, target: str) -> FactKey:
    """Return under what a client keeps a fact: of tokens and sessions it is not told the user."""
    return ("", kind, target) if target else (user_id, kind, "")
