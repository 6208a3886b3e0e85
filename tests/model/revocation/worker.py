"""A worker process: the real code, over a log and a database that are some way off."""

import asyncio
from dataclasses import dataclass
from random import Random

from model.revocation.client import Client, Serving
from model.revocation.database import Database
from model.revocation.distant_database import DistantFacts, DistantView
from model.revocation.host import Host, HostTicks
from model.revocation.network import Link
from model.revocation.redis import DistantLog, Redis, ServerLog
from model.revocation.stream import Told, ToldAsIs

from tokenauthority_server.revocation.healing import Healing
from tokenauthority_server.revocation.leased_view import LeasedView
from tokenauthority_server.revocation.leases import DRIFT, Terms, row_name
from tokenauthority_server.revocation.revoker import Revoker
from tokenauthority_server.revocation.rows import RowWatch
from tokenauthority_server.revocation.unlogged import Unlogged
from tokenauthority_server.revocation.verifier import Verifier
from tokenauthority_server.revocation.view import View
from tokenauthority_server.revocation.watching import Watching


@dataclass(frozen=True)
class Parts:
    """The classes that a worker is made of, and the Redis: a broken variant puts others here."""

    verifier: type[Verifier] = Verifier
    rows: type[RowWatch] = RowWatch
    revoker: type[Revoker] = Revoker
    view: type[LeasedView] = LeasedView
    healing: type[Healing] = Healing
    watching: type[Watching[Told]] = Watching
    client: type[Client] = Client
    redis: type[Redis] = Redis
    log: type[ServerLog] = ServerLog
    drift: float = DRIFT
    """The part of a lease that is used."""
    before_commit: bool = False
    """The facts are appended before they are committed."""


@dataclass(frozen=True, slots=True)
class UsedTerms(Terms):
    """Terms of which another part may be used than is right."""

    used: float = DRIFT

    @property
    def usable(self) -> float:
        return self.lease * self.used


class Worker:
    """One process, from its start to its death."""

    def __init__(  # noqa: PLR0913 - all by name
        self,
        *,
        number: int,
        name: str,
        seed: int,
        database: Database,
        redis: Redis,
        parts: Parts,
        lease: float,
    ) -> None:
        self.number = number
        random = Random(f"{seed} {name}")  # noqa: S311 - a seed brings it back
        self.host = Host(name, HostTicks.any(random))
        self.links = {store: Link(store, random) for store in ("redis", "postgresql")}
        self._rows = 0
        ticks = self.host.ticks
        terms = UsedTerms(lease, parts.drift)
        log = DistantLog(parts.log(redis), self.links["redis"])
        facts = DistantFacts(database, self.links["postgresql"])
        unlogged = Unlogged()
        self.log = log
        self.watching = parts.watching(encoder=ToldAsIs(), ticks=ticks, terms=terms)
        self.verifier = parts.verifier(
            log=log,
            facts=facts,
            view=View(ticks),
            unlogged=unlogged,
            terms=terms,
            ticks=ticks,
            new_row=self._new_row,
            downstream=self.watching,
        )
        self.watching.attach(self.verifier)
        self.serving = Serving(self.host, self.watching)
        self.rows = parts.rows(log, terms, ticks)
        self.healing = parts.healing(
            log=log, facts=facts, verifier=self.verifier, unlogged=unlogged, ticks=ticks
        )
        self.revoker = parts.revoker(
            log=log,
            facts=facts,
            rows=self.rows,
            verifier=self.verifier,
            healing=self.healing,
            unlogged=unlogged,
            ticks=ticks,
        )
        self.view = parts.view(
            self.verifier, DistantView(database, self.links["postgresql"]), ticks
        )
        self.check_now = self.view.check_now
        self.running = self.host.start(self._run())

    def _new_row(self) -> str:
        self._rows += 1
        return row_name(f"{self.host.name}.{self._rows}", self.verifier.terms)

    async def _run(self) -> None:
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self.verifier.run())
                tasks.create_task(self.rows.run())
                tasks.create_task(self.healing.run())
                tasks.create_task(self.watching.follow_floor())
        finally:
            await self.verifier.leave()

    @property
    def serves(self) -> bool:
        """Whether it takes calls."""
        return self.host.running and not self.running.done() and not self.running.cancelling()

    def stop(self) -> None:
        """End it in good order."""
        self.watching.drain()
        self.running.cancel()

    def over(self) -> None:
        """Let nothing more come of it."""
        for link in self.links.values():
            link.over = True
        self.host.bury()
