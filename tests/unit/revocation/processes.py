"""Processes that spread revocations, over memory, and a network with a hand on it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from itertools import count
from typing import Any, TypeVar

from unit.revocation.hand_ticks import HandTicks, turns

from tokenauthority_server.adapters.memory import MemoryDatabase, MemoryFactStore
from tokenauthority_server.adapters.memory.clock import START
from tokenauthority_server.adapters.memory.revocation_log import MemoryDataSet, MemoryRevocationLog
from tokenauthority_server.adapters.memory.revocations import MemoryRevocationView
from tokenauthority_server.domain.errors import StoreUnavailableError
from tokenauthority_server.domain.revocation_ports import (
    Entry,
    Facts,
    Granted,
    Mark,
    OtherData,
    Position,
    Renewed,
    Row,
    Rows,
    Standing,
    Struck,
)
from tokenauthority_server.domain.revocations import (
    About,
    Fact,
    FactKey,
    FactKind,
    LiveFact,
    RevocationReason,
)
from tokenauthority_server.domain.tokens import Claims, TokenType
from tokenauthority_server.revocation.healing import Healing
from tokenauthority_server.revocation.leased_view import LeasedView
from tokenauthority_server.revocation.leases import Terms
from tokenauthority_server.revocation.revoker import Revoker
from tokenauthority_server.revocation.rows import RowWatch
from tokenauthority_server.revocation.unlogged import Unlogged
from tokenauthority_server.revocation.verifier import Verifier
from tokenauthority_server.revocation.view import View

TERMS = Terms(3.0)
HOUR = timedelta(hours=1)
T = TypeVar("T")


def fact(
    target: str = "", kind: FactKind = FactKind.TOKEN, epoch: int = 0, spared: str = ""
) -> Fact:
    """Return a fact of the user whose claims `claims` returns."""
    return Fact(
        kind=kind,
        user_id="" if kind is FactKind.KEY else "u-ada",
        target=target,
        reason=RevocationReason.ADMIN,
        epoch=epoch,
        except_session_id=spared,
    )


def live(target: str = "", **of: Any) -> LiveFact:
    """Return such a fact, as it is read when it has been written."""
    return LiveFact(fact(target, **of), START + HOUR, HOUR)


def claims(token_id: str) -> Claims:
    """Return what an access token says."""
    return Claims(
        token_type=TokenType.ACCESS,
        user_id="u-ada",
        session_id="sess_1",
        token_id=token_id,
        issue_time=1_000,
        expire_time=2_000,
        epoch=0,
        key_id="key-1",
    )


def about(*targets: str) -> About:
    """Return what tokens of these ids were revoked by."""
    return About(keys=frozenset(fact(target).key for target in targets))


class Network:
    """What becomes of questions, by the names of their methods."""

    def __init__(self) -> None:
        self.fails: dict[str, Exception] = {}
        """These fail, and are not done."""
        self.loses: set[str] = set()
        """These are done, and the answer is lost."""
        self.holds: dict[str, asyncio.Event] = {}
        """These are done, and the answer comes when that is set."""
        self.asked: list[str] = []

    def cut(self, *names: str) -> None:
        """Let these fail, as when a store is away."""
        self.fails |= dict.fromkeys(names, StoreUnavailableError("Redis", "cut off"))

    async def ask(self, name: str, question: Callable[[], Awaitable[T]]) -> T:
        self.asked.append(name)
        if name in self.fails:
            raise self.fails[name]
        answer = await question()
        if name in self.holds:
            await self.holds[name].wait()
        if name in self.loses:
            raise StoreUnavailableError("Redis", "lost")
        return answer


class DistantLog:
    """The port RevocationLog."""

    def __init__(self, data_set: MemoryDataSet, network: Network) -> None:
        self._log = MemoryRevocationLog(data_set)
        self._ask = network.ask

    async def look(self) -> Standing:
        return await self._ask("look", self._log.look)

    async def append(self, facts: Sequence[LiveFact]) -> Standing:
        return await self._ask("append", lambda: self._log.append(facts))

    async def follow(self, after: Position, seconds: float) -> Sequence[Entry]:
        return await self._ask("follow", lambda: self._log.follow(after, seconds))

    async def grant(self, identity: str, row: str, position: Position) -> Granted | OtherData:
        return await self._ask("grant", lambda: self._log.grant(identity, row, position))

    async def renew(
        self, identity: str, row: str, moved: Row, *, tell: bool
    ) -> Renewed | Struck | OtherData:
        return await self._ask("renew", lambda: self._log.renew(identity, row, moved, tell=tell))

    async def rows(self) -> Rows:
        return await self._ask("rows", self._log.rows)

    async def wait_for_reports(self, seconds: float) -> None:
        await self._ask("wait_for_reports", lambda: self._log.wait_for_reports(seconds))

    async def strike(self, identity: str, row: str, counter: int) -> bool:
        return await self._ask("strike", lambda: self._log.strike(identity, row, counter))

    async def leave(self, row: str) -> None:
        await self._ask("leave", lambda: self._log.leave(row))


class DistantFacts:
    """The port FactStore."""

    def __init__(self, database: MemoryDatabase, network: Network) -> None:
        self._facts = MemoryFactStore(database)
        self._ask = network.ask

    async def about(self, about: About) -> Sequence[LiveFact]:
        return await self._ask("about", lambda: self._facts.about(about))

    async def page(self, size: int, after: FactKey | None) -> Facts:
        return await self._ask("page", lambda: self._facts.page(size, after))

    async def since(self, mark: Mark) -> Facts | None:
        return await self._ask("since", lambda: self._facts.since(mark))


class Watchers:
    """The port Downstream, which keeps what it is told."""

    def __init__(self) -> None:
        self.least: Position | None = None
        self.told: list[tuple[Position | None, tuple[str, ...]]] = []
        self.begun: list[Standing] = []

    def applied(self, position: Position | None, facts: Sequence[LiveFact]) -> None:
        self.told.append((position, tuple(one.fact.target for one in facts)))

    def begun_anew(self, standing: Standing) -> None:
        self.begun.append(standing)

    def floor(self) -> Position | None:
        return self.least


class World:
    """One database, one data set, and a clock for all."""

    def __init__(self) -> None:
        self.ticks = HandTicks()
        self.database = MemoryDatabase()
        self.data_set = MemoryDataSet(self.ticks)
        self.processes = 0

    @property
    def rows(self) -> dict[str, Row]:
        return self.data_set.found().rows

    def commit(self, *targets: str) -> None:
        """Revoke tokens, as a process does that dies before it tells anybody."""
        for target in targets:
            self.database.put_fact(fact(target), self.database.clock.now() + HOUR)


class Process:
    """One process."""

    def __init__(self, world: World) -> None:
        world.processes += 1
        name, numbers = f"process-{world.processes}", count(1)
        self.world = world
        self.network = Network()
        self.watchers = Watchers()
        self.unlogged = Unlogged()
        self.log = DistantLog(world.data_set, self.network)
        facts = DistantFacts(world.database, self.network)
        self.verifier = Verifier(
            log=self.log,
            facts=facts,
            view=View(world.ticks),
            unlogged=self.unlogged,
            terms=TERMS,
            ticks=world.ticks,
            new_row=lambda: f"{name}-row-{next(numbers)}",
            downstream=self.watchers,
        )
        self.rows = RowWatch(self.log, TERMS, world.ticks)
        self.healing = Healing(
            log=self.log,
            facts=facts,
            verifier=self.verifier,
            unlogged=self.unlogged,
            ticks=world.ticks,
        )
        self.revoker = Revoker(
            log=self.log,
            facts=facts,
            rows=self.rows,
            verifier=self.verifier,
            healing=self.healing,
            unlogged=self.unlogged,
            ticks=world.ticks,
        )
        self.view = LeasedView(self.verifier, MemoryRevocationView(world.database), world.ticks)

    def is_leased(self) -> bool:
        return self.verifier.lease_left() > 0

    def says_alive(self, token_id: str) -> bool | None:
        """Return what the view says of a token; None without a lease."""
        check = self.view.check_now(claims(token_id))
        return None if check is None else check.deaths == (None,)

    async def revoke(self, target: str) -> bool:
        """Revoke a token; return whether that is effective everywhere."""
        self.world.commit(target)
        return await self.revoker.settle(about(target))


@asynccontextmanager
async def running(*runs: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
    """Let these run, and see at the end that none of them has died."""
    tasks = [asyncio.ensure_future(run()) for run in runs]
    await turns()
    try:
        yield
        await turns()
        assert not [task for task in tasks if task.done()]
    finally:
        for task in tasks:
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError):
                await task


def all_of(*processes: Process) -> list[Callable[[], Awaitable[None]]]:
    """Return all that runs in these processes."""
    return [run for one in processes for run in (one.verifier.run, one.rows.run, one.healing.run)]
