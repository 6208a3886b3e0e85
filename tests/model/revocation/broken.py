"""Ways to break one rule of the protocol, each of which the checker has to notice."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import inf
from typing import Any

from model.revocation.client import Client
from model.revocation.redis import Redis, ServerLog
from model.revocation.stream import Stream, Told
from model.revocation.worker import Parts

from tokenauthority_server.domain.errors import StoreUnavailableError
from tokenauthority_server.domain.revocation_ports import (
    BEGINNING,
    Entry,
    Granted,
    OtherData,
    Position,
    Row,
    Standing,
)
from tokenauthority_server.domain.revocations import Check
from tokenauthority_server.domain.tokens import Claims
from tokenauthority_server.domain.watch_ports import Watcher
from tokenauthority_server.revocation.downstream import Facts, Upstream
from tokenauthority_server.revocation.healing import Healing
from tokenauthority_server.revocation.journal import Journal
from tokenauthority_server.revocation.leased_view import LeasedView
from tokenauthority_server.revocation.rows import RowWatch, _Seen, _Waiting
from tokenauthority_server.revocation.verifier import Verifier
from tokenauthority_server.revocation.watching import Watching


class TrustsNewIdentities(RowWatch):
    def _trusted_from(self) -> float:
        return self._known_since


class WritesOffEarly(RowWatch):
    def _seen(self, name: str, row: Row, now: float) -> _Seen:
        seen = super()._seen(name, row, now)
        return replace(seen, lease=seen.lease / 2)


class NeverWaits(RowWatch):
    async def passed(self, standing: Standing) -> bool:
        del standing
        return True


class WaitsForTheQuick(RowWatch):
    """Waits for those alone that have moved lately."""

    def _judge(self, waiting: _Waiting, least: Position | None, now: float) -> None:
        del least
        quick = [seen for seen in self._rows.values() if now - seen.since < self._terms.heartbeat]
        super()._judge(waiting, min((seen.row.position for seen in quick), default=None), now)


class CountsFromReceipt(Verifier):
    def _hold(self, sent: float) -> None:
        del sent
        super()._hold(self._ticks.now())


class SeesNoGaps(Verifier):
    def _take(self, entries: Sequence[Entry]) -> None:
        for entry in entries:
            if self.standing is not None:
                super()._take([replace(entry, previous=self.standing.position)])


class ReportsWhatItHasHeardOf(Verifier):
    def _reportable(self, standing: Standing) -> Position:
        return max(standing.position, self._lag._end)


class RenewsWhatWasNeverGranted(Verifier):
    async def _ask_for_lease(self) -> None:
        names = self._new_row
        row = names()
        self._new_row = lambda: row
        try:
            await super()._ask_for_lease()
        except StoreUnavailableError:
            self._row, self._counter = row, 0
            raise
        finally:
            self._new_row = names


class KeepsItsLease(Verifier):
    """Goes on by a lease that it has given back, until that runs out."""

    def __setattr__(self, name: str, value: object) -> None:
        if name != "until" or value != float("-inf") or not hasattr(self, name):
            super().__setattr__(name, value)


class NeverLooksAtTheClock(LeasedView):
    def check_now(self, claims: Claims) -> Check | None:
        until, self._verifier.until = self._verifier.until, float("inf")
        if until == float("-inf"):
            self._verifier.until = until
        try:
            return super().check_now(claims)
        finally:
            self._verifier.until = until


class NeverHeals(Healing):
    async def _look(self) -> None:
        """See nothing."""


class NamelessRedis(Redis):
    """Its identity does not say which server made it."""

    def fail_over(self, behind: float) -> None:
        super().fail_over(behind)
        data = self.data_set._data
        if data is not None:
            data.made_by = self.data_set._server


class GrantsWithoutEntries(ServerLog):
    async def grant(self, identity: str, row: str, position: Position) -> Granted | OtherData:
        granted = await super().grant(identity, row, position)
        return Granted((), position) if isinstance(granted, Granted) else granted


class StrikesWhoHasMoved(ServerLog):
    async def strike(self, identity: str, row: str, counter: int) -> bool:
        data = self._found()
        known = data.rows.get(row)
        moved = known.counter if known is not None and data.identity == identity else counter
        return await super().strike(identity, row, moved)


class SubLeaseOutlives(Watching[Told]):
    """Gives whole leases, whatever is left of its own."""

    def grant(self, watch: object, applied: Standing) -> float:
        return self.terms.usable if super().grant(watch, applied) else 0.0


class ForgetsWhoHasGone(Watching[Told]):
    def leave(self, watcher: Watcher[Told]) -> None:
        super().leave(watcher)
        self._holds.clear()


class GrantsToWhoIsBehind(Watching[Told]):
    """Does not ask whether others rely on its having applied more, nor since when it is behind."""

    def __init__(self, **given: Any) -> None:
        super().__init__(journal=_NothingLeftBehind(), **given)

    def attach(self, upstream: Upstream) -> None:
        super().attach(_NothingReported(upstream))


class _NothingLeftBehind(Journal[Told]):
    def left_behind(self, _position: Position) -> float:
        return inf


class _NothingReported:
    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream
        self.reported = BEGINNING

    @property
    def view(self) -> Facts:
        return self._upstream.view

    @property
    def standing(self) -> Standing | None:
        return self._upstream.standing

    def lease_left(self) -> float:
        return self._upstream.lease_left()

    def report_soon(self) -> None:
        self._upstream.report_soon()


class WaitsForNoWatcher(Watching[Told]):
    def floor(self) -> Position | None:
        return None


class CountsSubLeasesFromReceipt(Client):
    def _take(self, told: Told, stream: Stream) -> None:
        super()._take(told, stream)
        if told.answered:
            self.until = max(self.until, self.host.ticks.now() + told.lease)


@dataclass(frozen=True)
class Broken:
    """A variant, the trouble that shows it soonest, and what it breaks."""

    name: str
    parts: Parts
    often: str = "hearing not everything"
    breaks: tuple[str, ...] = ("R1",)


EVERYDAY = [
    Broken("no wait for a new identity", Parts(rows=TrustsNewIdentities), "a lease of other data"),
    Broken(
        "an identity without the replication id",
        Parts(redis=NamelessRedis),
        "a verifier unknown to the replica",
    ),
    Broken("a struck lease renewed without the missing entries", Parts(log=GrantsWithoutEntries)),
    Broken("a verifier written off early", Parts(rows=WritesOffEarly), breaks=("S", "R1")),
    Broken(
        "a lease counted from receipt",
        Parts(verifier=CountsFromReceipt),
        "standing still while it is answered",
        breaks=("S", "R1"),
    ),
    Broken("appended before it is committed", Parts(before_commit=True), breaks=("R2", "R3")),
    Broken("acknowledged without waiting", Parts(rows=NeverWaits)),
    Broken("only the quick are waited for", Parts(rows=WaitsForTheQuick)),
    Broken(
        "a gap in the log is not noticed",
        Parts(verifier=SeesNoGaps),
        "missing what is forgotten",
    ),
    Broken("a lease never runs out", Parts(view=NeverLooksAtTheClock), "a lease of other data"),
    Broken("no margin for clocks that drift", Parts(drift=1.0), breaks=("S", "R1")),
    Broken("no anti-entropy", Parts(healing=NeverHeals), "a bad network", breaks=("L",)),
    Broken(
        "goes on by a lease that it gave back",
        Parts(verifier=KeepsItsLease),
        "missing what is forgotten",
    ),
]
"""Noticed within a few runs each."""

WATCHING = [
    Broken("a sub-lease outlives the lease", Parts(watching=SubLeaseOutlives), often=""),
    Broken(
        "the floor is forgotten when a client goes", Parts(watching=ForgetsWhoHasGone), often=""
    ),
    Broken(
        "a sub-lease for a client that is behind",
        Parts(watching=GrantsToWhoIsBehind),
        "a death",
    ),
    Broken("clients are not waited for", Parts(watching=WaitsForNoWatcher), often=""),
    Broken("a sub-lease counted from receipt", Parts(client=CountsSubLeasesFromReceipt), often=""),
]
"""Those need clients."""

RARE = [
    Broken("reports what it has not applied", Parts(verifier=ReportsWhatItHasHeardOf)),
    Broken("renews what was never granted", Parts(verifier=RenewsWhatWasNeverGranted)),
    Broken(
        "whoever has moved is struck",
        Parts(log=StrikesWhoHasMoved),
        "standing still while it is answered",
        breaks=("S", "R1"),
    ),
]
"""Noticed within some ten."""
