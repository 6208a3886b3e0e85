"""The verifier: it follows the log, and holds a lease while it is known to have applied it."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

import structlog

from tokenauthority_server.domain.errors import StoreUnavailableError
from tokenauthority_server.domain.revocation_ports import (
    BEGINNING,
    Entry,
    FactStore,
    Granted,
    Mark,
    OtherData,
    Position,
    Renewed,
    RevocationLog,
    Row,
    Standing,
    Struck,
    Ticks,
)
from tokenauthority_server.domain.revocations import LiveFact
from tokenauthority_server.revocation.downstream import Downstream
from tokenauthority_server.revocation.lag import Lag
from tokenauthority_server.revocation.leases import Terms
from tokenauthority_server.revocation.pausing import news_or_time
from tokenauthority_server.revocation.unlogged import Unlogged
from tokenauthority_server.revocation.view import View

PAGE: Final = 5_000
"""Facts that are loaded at once."""

PAUSE_SECONDS: Final = 0.25
"""After a store could not be asked."""

_NEVER: Final = float("-inf")

_log: structlog.typing.FilteringBoundLogger = structlog.get_logger()


class Verifier:
    """Keeps the view of its process. Without a lease nobody may answer from it.

    `new_row` names a row, each time another one: a grant whose answer was lost has made a row that
    nobody renews, and a row that can be renewed is one whose grant was answered, and applied.
    """

    def __init__(  # noqa: PLR0913 - all by name
        self,
        *,
        log: RevocationLog,
        facts: FactStore,
        view: View,
        unlogged: Unlogged,
        terms: Terms,
        ticks: Ticks,
        new_row: Callable[[], str],
        downstream: Downstream,
    ) -> None:
        self.view = view
        self.terms = terms
        self.standing: Standing | None = None
        """The data set that is followed, and what of its log has been applied."""
        self.reported: Position = BEGINNING
        """The greatest place that the log was ever told, or is being told, under this identity."""
        self.mark: Mark | None = None
        """The moment of the database up to which the view has all facts."""
        self.until: float = _NEVER
        """When the lease is over. Whoever answers compares it with the clock, each time."""
        self.begun = 0
        self._log = log
        self._facts = facts
        self._unlogged = unlogged
        self._ticks = ticks
        self._new_row = new_row
        self._downstream = downstream
        self._lag = Lag(ticks)
        self._told = BEGINNING
        """The place that the row was made with, or was told last."""
        self._row: str | None = None
        self._unused: list[str] = []
        """Rows that there may be, on which nothing rests."""
        self._counter = 0
        self._attempt = 0
        self._is_current = False
        self._is_held = False
        self._news = asyncio.Event()
        self._followed = asyncio.Event()

    def lease_left(self) -> float:
        """Return how many seconds the lease goes on; 0 where there is none."""
        return max(0.0, self.until - self._ticks.now())

    def lease_age(self) -> float:
        """Return how many seconds ago the lease was asked for; 0 where there is none."""
        left = self.lease_left()
        return self.terms.usable - left if left else 0.0

    def log_lag(self) -> float:
        """Return for how many seconds the log has been ahead of what was applied."""
        return self._lag.seconds()

    def report_soon(self) -> None:
        """Report at once: what may be reported has changed."""
        self._news.set()

    def learn(self, facts: Sequence[LiveFact]) -> Sequence[LiveFact]:
        """Take facts in that did not come by the log; return those that were news."""
        return [one for one in facts if self.view.add(one)]

    def pass_on(self, facts: Sequence[LiveFact]) -> None:
        """Tell those downstream of facts that are not known to come by the log."""
        if facts:
            self._downstream.applied(None, facts)

    async def run(self) -> None:
        """Follow, report and renew, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._follow_for_ever())
            tasks.create_task(self._report_for_ever())

    async def leave(self) -> None:
        """Give the lease back, so that no revoker waits for it to run out.

        Not while watchers hold sub-leases: they answer until those are over. `run` must be over.
        """
        self._lose("the process stops")
        try:
            await self._give_back()
        except StoreUnavailableError:
            return

    async def catch_up(self) -> Sequence[LiveFact]:
        """Take in what was committed since the mark, and return what was news.

        All live facts where there is no mark, or the database cannot tell: these are not returned.
        """
        mark = self.mark
        changed = await self._facts.since(mark) if mark else None
        if changed is None:
            await self._load()
            return ()
        news = self.learn(changed.facts)
        self.pass_on(news)
        if mark is self.mark:  # it has not moved meanwhile
            self.mark = changed.mark
        return news

    async def _load(self) -> None:
        """Take all live facts in. What comes by the log goes on coming meanwhile."""
        mark: Mark | None = None
        after = None
        while True:
            page = await self._facts.page(PAGE, after)
            # The first page's is of before all of them: what is committed later comes by `since`.
            mark = mark or page.mark
            self.pass_on(self.learn(page.facts))
            if len(page.facts) < PAGE:
                break
            after = page.facts[-1].fact.key
        self.mark = mark

    async def _follow_for_ever(self) -> None:
        while True:
            await self._followed.wait()
            attempt, standing = self._attempt, self.standing
            if standing is None:  # pragma: no cover - for the type checker: `_followed` says so
                continue
            try:
                entries = await self._log.follow(standing.position, self.terms.heartbeat)
                if attempt == self._attempt:
                    self._take(entries)
            except StoreUnavailableError:
                await self._ticks.sleep(PAUSE_SECONDS)
            except Exception as error:  # noqa: BLE001 - whatever it is, no lease rests on it
                self._failed(error)
                await self._ticks.sleep(PAUSE_SECONDS)

    def _take(self, entries: Sequence[Entry]) -> None:
        for entry in entries:
            standing = self.standing
            if standing is None or entry.identity != standing.identity:
                self._begin_anew("the log is another one")
                return
            if entry.position <= standing.position:
                continue
            if entry.previous != standing.position:
                self._begin_anew("an entry of the log is missing")
                return
            for fact in entry.facts:
                self.view.add(fact)
            self._unlogged.seen(entry.facts)
            self.standing = Standing(standing.identity, entry.position)
            self._lag.applied(entry.position)
            self._downstream.applied(entry.position, entry.facts)
            self._news.set()

    async def _report_for_ever(self) -> None:
        while True:
            try:
                if not self._is_current:
                    await self._begin()
                if self._is_current and self._row is None:
                    await self._ask_for_lease()
                elif self._is_current and self._row is not None:
                    await self._renew(self._row)
            except StoreUnavailableError as error:
                self._tell_of_the_lease(error.store)
                await self._ticks.sleep(PAUSE_SECONDS)
            except Exception as error:  # noqa: BLE001 - likewise
                self._failed(error)
                await self._ticks.sleep(PAUSE_SECONDS)
            else:
                settled = self._is_current and self._row is not None
                pause = self.terms.heartbeat if settled else PAUSE_SECONDS
                await news_or_time(self._news, self._ticks, pause)

    async def _begin(self) -> None:
        """Note where the log is, then take in all that was committed before."""
        self._attempt += 1
        attempt = self._attempt
        await self._give_back()
        if self.begun:
            # Where this happens again and again, the stores are spared.
            await self._ticks.sleep(PAUSE_SECONDS)
        found = await self._log.look()
        if self.standing is None or found.identity != self.standing.identity:
            self.reported = BEGINNING
        self.standing = found
        self._lag.begin(found.position)
        self._downstream.begun_anew(found)
        self._followed.set()
        self.begun += 1
        await self.catch_up()
        # Where an entry was missed meanwhile, all of it begins once more.
        self._is_current = attempt == self._attempt

    async def _give_back(self) -> None:
        """Take the row away, so that no revoker waits for it; the lease that rests on it is over.

        Where watchers hold sub-leases it stays until it is struck: they may lack what others apply.
        """
        self.until = _NEVER
        row, self._row = self._row, None
        if row is not None and self._downstream.floor() is None:
            self._unused.append(row)
        while self._unused:
            await self._log.leave(self._unused[-1])
            self._unused.pop()

    async def _ask_for_lease(self) -> None:
        attempt = self._attempt
        await self._give_back()
        standing, sent = self.standing, self._ticks.now()
        if standing is None:  # pragma: no cover - for the type checker: it has begun
            return
        row, position = self._new_row(), self._reportable(standing)
        self.reported = max(self.reported, position)
        # Until the grant is answered, and in time.
        self._unused.append(row)
        granted = await self._log.grant(standing.identity, row, position)
        match granted:
            case OtherData():
                self._begin_anew("the data set is another one")
            case Granted(entries, end):  # pragma: no branch - there is no other answer
                self._unused.remove(row)
                self._row, self._counter, self._told = row, 0, position
                self._take(entries)
                if attempt != self._attempt:  # something was missed, now or meanwhile
                    return
                if self.standing is None or self.standing.position < end:
                    self._begin_anew("the log begins after what was applied")
                    return
                self._hold(sent)

    async def _renew(self, row: str) -> None:
        standing = self.standing
        if standing is None:  # pragma: no cover - for the type checker: it has a row
            return
        attempt, sent = self._attempt, self._ticks.now()
        position = self._reportable(standing)
        # Before it is told: from then on others may rely on it.
        self.reported = max(self.reported, position)
        self._counter += 1
        moved = Row(self._counter, position)
        tell = position > self._told
        renewed = await self._log.renew(standing.identity, row, moved, tell=tell)
        if attempt != self._attempt:
            return
        match renewed:
            case Renewed(end):
                self._told = position
                self._hold(sent)
                self._lag.reached(end)
                if self.log_lag() > self.terms.heartbeat:
                    # Every revoker would wait for it, and in vain.
                    self._begin_anew("the log cannot be followed")
            case Struck():
                self._row = None
                self._lose("a revoker has not heard of it for a whole lease")
            case OtherData():  # pragma: no branch - likewise
                self._begin_anew("the data set is another one")

    def _reportable(self, standing: Standing) -> Position:
        floor = self._downstream.floor()
        return standing.position if floor is None else min(floor, standing.position)

    def _hold(self, sent: float) -> None:
        # From before it was asked for: the log counts from when it was asked.
        self.until = sent + self.terms.usable
        if not self._is_held:
            self._is_held = True
            _log.info(
                "validating by the view: a lease is held", facts=sum(self.view.sizes().values())
            )

    def _begin_anew(self, why: str) -> None:
        self._attempt += 1
        self._is_current = False
        self._followed.clear()
        self._lose(why)
        self._news.set()

    def _lose(self, why: str) -> None:
        self.until = _NEVER
        self._tell_of_the_lease(why)

    def _failed(self, error: Exception) -> None:
        _log.error("following the revocations fails", exc_info=error)
        self._begin_anew(type(error).__name__)

    def _tell_of_the_lease(self, why: str) -> None:
        if self._is_held and not self.lease_left():
            self._is_held = False
            _log.warning("validating by the database: no lease is held", why=why)
