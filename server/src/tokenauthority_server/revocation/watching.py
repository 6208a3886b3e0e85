"""Those who verify by a view of their own, and what a verifier passes on to them.

Strict watchers hold sub-leases: a verifier reports no place of the log as its own that one of them
may not have applied. None of them can delay anybody for longer than its sub-lease runs.
"""

import asyncio
from collections.abc import Sequence
from typing import Final, Generic, TypeVar

from tokenauthority_server.domain.errors import OverloadedError
from tokenauthority_server.domain.revocation_ports import Position, Standing, Ticks
from tokenauthority_server.domain.revocations import LiveFact
from tokenauthority_server.domain.watch_ports import Watcher, WatchMode
from tokenauthority_server.revocation.cursors import cursor_of
from tokenauthority_server.revocation.downstream import Downstream, Upstream
from tokenauthority_server.revocation.holds import Holds
from tokenauthority_server.revocation.journal import Journal, Record
from tokenauthority_server.revocation.leases import DRIFT, Terms
from tokenauthority_server.revocation.snapshots import Built, Encoder, Snapshots, in_parts
from tokenauthority_server.revocation.watch import Watch

MOST_WATCHERS: Final = 2_000
"""On one worker. Each costs a stream, and a report for each revocation."""

BEGIN_SECONDS: Final = 5.0
"""How long a snapshot waits for a verifier that begins."""

_LOOK_SECONDS: Final = 0.05

M = TypeVar("M")


class Watching(Downstream, Generic[M]):
    """All watchers of one verifier, which is to be attached before anything else is done."""

    def __init__(
        self,
        *,
        encoder: Encoder[M],
        ticks: Ticks,
        terms: Terms,
        journal: Journal[M] | None = None,
        most: int = MOST_WATCHERS,
    ) -> None:
        self.encoder = encoder
        self.terms = terms
        self.journal: Journal[M] = journal or Journal()
        self.draining = False
        self._ticks = ticks
        self._most = most
        self._holds = Holds()
        self._held = asyncio.Event()
        self._snapshots = Snapshots(self.journal, encoder)
        self._is_whole = False
        self._watches: dict[Watcher[M], Watch[M]] = {}
        self._upstream: Upstream

    def attach(self, upstream: Upstream) -> None:
        """Take the verifier that calls `applied` and `begun_anew`."""
        self._upstream = upstream

    # What the verifier calls.

    def applied(self, position: Position | None, facts: Sequence[LiveFact]) -> None:
        """See Downstream."""
        self.journal.add(position, facts, self._ticks.now())
        self._wake_all()

    def begun_anew(self, standing: Standing) -> None:
        """See Downstream."""
        known = self.journal.standing
        if known is None or known.identity != standing.identity:
            # Sub-leases from before end with the verifier's own lease, which those who revoke under
            # the new identity wait for.
            self._holds.clear()
        self._is_whole = False
        self.journal.begin(standing)
        self._wake_all()

    def floor(self) -> Position | None:
        """See Downstream."""
        return self._holds.floor(self._ticks.now())

    # What streams call.

    def join(self, mode: WatchMode, resume_cursor: str) -> Watch[M]:
        """Return a new watch, which has to `leave`.

        Raises InvalidRequestError for what is no cursor, and OverloadedError where there are too
        many, or the server stops.
        """
        watch = Watch(self, mode, resume_cursor)
        if self.draining or len(self._watches) >= self._most:
            raise OverloadedError
        self._watches[watch] = watch
        return watch

    def leave(self, watcher: Watcher[M]) -> None:
        """Tell it nothing more. Its sub-lease goes on: only time ends that."""
        self._watches.pop(watcher, None)

    def drain(self) -> None:
        """End all streams, and take no new ones: their callers resume elsewhere.

        No sub-lease is granted any more; those that run are over when `floor` returns None.
        """
        self.draining = True
        self._wake_all()

    async def follow_floor(self) -> None:
        """Tell the verifier when a sub-lease that held it back has run out; never returns."""
        while True:
            await self._held.wait()
            before, now = self.floor(), self._ticks.now()
            ends = self._holds.floor_ends(now)
            if ends is None:
                self._held.clear()
                continue
            await self._ticks.sleep(ends - now)
            self._has_moved(before)

    # What a watch calls.

    @property
    def is_leased(self) -> bool:
        """Whether the verifier itself may answer from what it has applied."""
        return self._upstream.lease_left() > 0

    def messages_of(self, record: Record[M]) -> Sequence[M]:
        """Return the facts of a record as they are sent, encoded once for all watchers."""
        if not record.messages:
            record.messages = self.encoded(record.standing, record.facts)
        return record.messages

    def encoded(self, standing: Standing, facts: Sequence[LiveFact]) -> Sequence[M]:
        """Return the messages that tell of these facts and bring a watcher to that place.

        Only the last has a cursor: it stands for all of them.
        """
        *parts, last = in_parts(facts, self.encoder)
        return [
            *(self.encoder.revocations("", part) for part in parts),
            self.encoder.revocations(cursor_of(standing), last),
        ]

    async def snapshot(self) -> Built[M]:
        """Return all facts; raise OverloadedError where the verifier does not get to know them."""
        return await self._snapshots.current(self._upstream.view, self._whole)

    async def _whole(self) -> None:
        """Return when the verifier has loaded all that was committed before it began.

        Before that a snapshot could lack facts that others know to be everywhere. It holds a lease
        for the first time when it has, and once that was seen the loss of it changes nothing.
        """
        latest = self._ticks.now() + BEGIN_SECONDS
        while not (self._is_whole or self.is_leased):
            if self.draining or self._ticks.now() >= latest:
                raise OverloadedError
            await self._ticks.sleep(_LOOK_SECONDS)
        self._is_whole = True

    def grant(self, watch: object, applied: Standing) -> float:
        """Return a sub-lease in seconds for a watcher that has applied this; 0 for none.

        One that has not applied what the verifier has told the log as its own gets none: nobody
        waits for it any more. From now on the verifier tells of no later place than the watcher's.
        A place that it has left is held for a lease at the most, however often it is reported.
        """
        now, standing, left = (
            self._ticks.now(),
            self._upstream.standing,
            self._upstream.lease_left(),
        )
        if standing is None or standing.identity != applied.identity:
            return 0.0
        left = min(left, self.journal.left_behind(applied.position) + self.terms.lease - now)
        before = self._holds.floor(now)
        self._holds.move(watch, applied.position)
        granted = (
            left > 0
            and not self.draining
            and applied.position >= self._upstream.reported
            and self._holds.put(watch, applied.position, now + left, now)
        )
        self._has_moved(before)
        if not granted:
            return 0.0
        self._held.set()
        return left * DRIFT

    def _has_moved(self, before: Position | None) -> None:
        after = self.floor()
        if before is not None and (after is None or after > before):
            self._upstream.report_soon()

    def _wake_all(self) -> None:
        for watch in self._watches.values():
            watch.wake()
