"""A run: a plan carried out, with everything looked at all the time."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from datetime import timedelta
from functools import partial
from random import Random
from typing import Any, Final, TypeVar

from model.revocation import distant_database
from model.revocation.checker import Checker, Tally, Token, ViolationError
from model.revocation.client import Client
from model.revocation.database import START, Database, now
from model.revocation.events import HOSTS, Revoke
from model.revocation.fleet import Fleet
from model.revocation.plan import QUIET, Event, Plan
from model.revocation.shop import Change, Revocation, Shop
from model.revocation.virtual_loop import VirtualLoop
from model.revocation.worker import Parts, Worker
from structlog.testing import capture_logs

from tokenauthority_server.domain.errors import StoreUnavailableError
from tokenauthority_server.domain.revocations import About, Fact, LiveFact

LOOKED_EVERY: Final = 0.05
MINTED_EVERY: Final = 0.1
MINTED_FIRST: Final = 60
NEWEST: Final = 10
AT_ONCE: Final = 40
"""Tokens that are looked at where it is most likely that something is wrong."""
ASKED: Final = 0.3
"""The share of tokens that are asked of the database where there is no lease."""
SETTLED_IN: Final = 6.0
"""The last seconds, in which everything must be well."""
SOON: Final = 1.0
KNOWN_IN: Final = 4.0
"""How soon what is committed is known to everybody, when nothing is wrong."""
PATIENT: Final = 0.7
"""The share of those who wait for a commit that takes seconds."""


T = TypeVar("T")


def run(plan: Plan, parts: Parts | None = None) -> Tally:
    """Carry out a plan; raises ViolationError."""
    loop = VirtualLoop()
    world = World(plan, parts or Parts(), loop)
    try:
        with capture_logs() as logs:
            try:
                loop.run_until_complete(world.run())
            finally:
                loop.run_until_complete(world.over())
        errors = [line for line in logs if line["log_level"] == "error"]
        world.checker.complained([*errors, *loop.complaints])
    except ViolationError as error:
        error.trace = world.trace
        raise
    finally:
        loop.close()
    tally = world.checker.tally
    tally.runs, tally.steps, tally.seconds = 1, loop.steps, plan.seconds
    return tally


class World:
    """What a fleet is asked for, what comes of it, and what is looked at meanwhile."""

    def __init__(self, plan: Plan, parts: Parts, loop: VirtualLoop) -> None:
        self.trace: list[str] = []
        self._plan = plan
        self._parts = parts
        self._random = Random(f"{plan.seed} world")  # noqa: S311 - a seed brings it back
        self._database = Database(self._random)
        self.checker = Checker(self._database)
        self._redis = parts.redis(
            partial(self._looked, self.checker.appended),
            partial(self._looked, self._struck),
            self._note,
        )
        self._fleet = Fleet(
            plan, parts, self._database, self._redis, note=self._note, woken=self._woken
        )
        self._shop = Shop(self._database, self._random)
        self._tasks: set[asyncio.Task[Any]] = set()
        self._failed: asyncio.Future[None] = asyncio.Future(loop=loop)
        self._settling: dict[object, tuple[str, float, Worker]] = {}
        self._finals: list[Token] = []

    async def run(self) -> None:
        """Carry out the plan; raises what was found first."""
        loop = asyncio.get_running_loop()
        for _ in range(MINTED_FIRST):
            await self._shop.mint()
        self._fleet.start()
        for work in (self._redis.replicate(), self._mint(), self._look(), self._be_well()):
            self._do(work)
        for event in self._plan.events:
            loop.call_at(event.at, self._perform, event)
        loop.call_at(self._plan.seconds - QUIET, self._fleet.calm)
        with suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(self._failed), self._plan.seconds - now())
        self._end_well()

    async def over(self) -> None:
        """End everything that still runs."""
        self._fleet.over()
        for task in self._tasks:
            task.cancel()
        rest = asyncio.all_tasks() - {asyncio.current_task()}
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)

    def _looked(self, look: Callable[[T], None], at: T) -> None:
        """Look at something where nobody could be told what is wrong with it."""
        try:
            look(at)
        except ViolationError as error:
            self._fail(error)

    def _struck(self, row: str) -> None:
        holder = self._fleet.holder(row)
        if holder is not None and holder.lease_left():
            raise ViolationError(f"S: {row} is struck while it holds a lease")

    def _woken(self, one: Worker | Client) -> None:
        self._looked(partial(self._look_at, one), self._finals[-AT_ONCE:])

    def _perform(self, event: Event) -> None:
        if isinstance(event.what, Revoke):
            self._revoke(event.what)
        else:
            self._fleet.disturb(event.what)

    def _note(self, line: str) -> None:
        self.trace.append(f"{now():9.4f} {line}")

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        self._watch(asyncio.get_running_loop().create_task(work))

    def _watch(self, task: asyncio.Task[Any]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self._fail(error)

    def _fail(self, error: BaseException) -> None:
        self._note(str(error))
        if not self._failed.done():
            self._failed.set_exception(error)

    async def _mint(self) -> None:
        while True:
            await self._shop.mint()
            await asyncio.sleep(MINTED_EVERY)

    def _revoke(self, event: Revoke) -> None:
        worker = self._fleet.workers[event.host]
        if worker.serves:
            self._watch(worker.host.start(self._revoked(worker, event)))

    async def _revoked(self, worker: Worker, event: Revoke) -> None:
        random = Random(event.seed)  # noqa: S311 - a seed brings it back
        several = event.kind == "several sessions"
        kind = "session" if several else event.kind
        tokens: list[Token] = []
        names: list[str] = []
        about, published = About(), True
        for _ in range(3 if several else 1):
            one = self._shop.revocation(kind, random)
            change = one and await self._committed(worker, one, random)
            if one is None or not isinstance(change, Change):
                return
            tokens += change.tokens
            names.append(one.name)
            if several:
                published &= await worker.revoker.publish(one.about)
            else:
                about = one.about
        if event.kind == "reuse":
            await worker.revoker.publish_new()
            return
        name, began, this = ", ".join(names), now(), object()
        self._settling[this] = (name, began, worker)
        everywhere = await worker.revoker.settle(about)
        del self._settling[this]
        self._acknowledged(worker, name, tokens, began, everywhere=everywhere and published)

    async def _committed(
        self, worker: Worker, revocation: Revocation, random: Random
    ) -> Change | None:
        """Commit it; None where whoever asked for it is told that nothing was done."""
        decided: list[Change] = []

        def decide() -> Sequence[tuple[Fact, float]]:
            decided.append(revocation.decide())
            return decided[-1].facts

        def committed() -> None:
            decided[-1].apply()
            self.checker.committed(decided[-1].tokens)
            self._note(f"{revocation.name} is revoked: committed")

        with suppress(StoreUnavailableError):
            if self._parts.before_commit:
                await worker.log.append(live(revocation.decide().facts))
            await distant_database.change(
                self._database,
                worker.links["postgresql"],
                revocation.lock,
                decide,
                committed,
                patient=random.random() < PATIENT,
            )
            return decided[-1]
        return None

    def _acknowledged(
        self, worker: Worker, name: str, tokens: Sequence[Token], began: float, *, everywhere: bool
    ) -> None:
        how = "everywhere" if everywhere else "not known to be everywhere"
        self._note(f"{name} is revoked: {worker.host.name} acknowledges, {how}")
        self.checker.acknowledged(name, tokens, everywhere=everywhere)
        if began > self._plan.seconds - SETTLED_IN and (not everywhere or now() - began > SOON):
            raise ViolationError(f"L: {name} took {now() - began:.2f} seconds, and is {how}")
        if everywhere:
            self._finals += tokens
            for other in self._fleet.everybody:
                self._look_at(other, tokens[-AT_ONCE:])

    # What is looked at.

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(LOOKED_EVERY)
            while self._finals and self._finals[0].expires <= now():
                del self._finals[0]
            for worker in self._fleet.everybody:
                for among in (self._finals[-NEWEST:], self._finals, self._shop.tokens):
                    if among:
                        self._look_at(worker, [self._random.choice(among)])

    def _look_at(self, worker: Worker | Client, tokens: Sequence[Token]) -> None:
        if not worker.host.running:
            return
        for token in tokens:
            if token.expires <= now():
                continue
            check = worker.host.do(partial(worker.check_now, token.claims))
            if check is not None:
                where = worker.host.name
                self.checker.answered(where, token, check, final_before=token.final)
            elif isinstance(worker, Worker) and self._random.random() < ASKED:
                self._watch(worker.host.start(self._asked(worker, token)))

    async def _asked(self, worker: Worker, token: Token) -> None:
        final_before = token.final
        with suppress(StoreUnavailableError):
            check = await worker.view.check([token.claims])
            if token.expires > now():
                where = worker.host.name
                self.checker.answered(where, token, check, final_before=final_before)

    async def _be_well(self) -> None:
        await asyncio.sleep(self._plan.seconds - SETTLED_IN - now())
        while True:
            for worker in self._fleet.workers:
                if not worker.host.running or not worker.verifier.lease_left():
                    raise ViolationError(
                        f"L: {worker.host.name} has no lease, and nothing is wrong"
                    )
                if worker.rows.verifiers != HOSTS:
                    raise ViolationError(f"L: {worker.rows.verifiers} rows, and {HOSTS} verifiers")
            for client in self._fleet.clients:
                if client.until <= client.host.ticks.now():
                    raise ViolationError(f"L: {client.host.name} has no sub-lease")
            await asyncio.sleep(LOOKED_EVERY)

    def _end_well(self) -> None:
        for name, began, worker in self._settling.values():
            if worker.host.running and now() - began > SOON:
                raise ViolationError(f"L: {name} is not acknowledged after {now() - began:.0f} s")
        for verifier in self._fleet.everybody:
            for token in self._shop.tokens:
                if now() - token.dead_since > KNOWN_IN:
                    check = verifier.host.do(partial(verifier.check_now, token.claims))
                    if check is None or check.deaths == (None,):
                        raise ViolationError(f"L: {verifier.host.name} does not know of {token}")


def live(facts: Sequence[tuple[Fact, float]]) -> Sequence[LiveFact]:
    """Return facts as they are when they have just been committed."""
    return [
        LiveFact(fact, START + timedelta(seconds=now() + seconds), timedelta(seconds=seconds))
        for fact, seconds in facts
    ]
