"""All that makes revocations final, wired: for the server, and for commands beside it."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Final

from tokenauthority_server.adapters.clock import BootTicks
from tokenauthority_server.adapters.postgres.database import Database
from tokenauthority_server.adapters.postgres.facts import PostgresFactStore
from tokenauthority_server.adapters.postgres.revocations import DatabaseView
from tokenauthority_server.adapters.redis.connection import Client, connect
from tokenauthority_server.adapters.redis.revocation_log import RedisRevocationLog
from tokenauthority_server.config import Settings
from tokenauthority_server.domain.ports import Propagation
from tokenauthority_server.domain.revocations import About
from tokenauthority_server.revocation.healing import Healing
from tokenauthority_server.revocation.leased_view import LeasedView
from tokenauthority_server.revocation.leases import Terms, row_name
from tokenauthority_server.revocation.revoker import Revoker
from tokenauthority_server.revocation.rows import RowWatch
from tokenauthority_server.revocation.unlogged import Unlogged
from tokenauthority_server.revocation.verifier import Verifier
from tokenauthority_server.revocation.view import View
from tokenauthority_server.revocation.watching import Watching
from tokenauthority_server.telemetry.metrics import Metrics
from tokenauthority_server.telemetry.revocation_metrics import RevocationMetrics, RevocationReading
from tokenauthority_server.transport.watch_messages import Told, WatchMessages

LATER: Final = "Servers learn of it within seconds."
"""What is said where it is not known that they have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spreading:
    """A verifier, a revoker, and those who watch."""

    view: LeasedView
    revoker: Revoker
    watching: Watching[Told]
    verifier: Verifier
    rows: RowWatch
    healing: Healing
    unlogged: Unlogged

    def reading(self) -> RevocationReading:
        """Return what the metrics show."""
        verifier = self.verifier
        return RevocationReading(
            facts={kind.value: size for kind, size in verifier.view.sizes().items()},
            checks=self.view.counts(),
            lease_left=verifier.lease_left(),
            lease_age=verifier.lease_age(),
            log_lag=verifier.log_lag(),
            verifiers=self.rows.verifiers,
            struck=self.rows.struck,
            resynchronised=verifier.begun,
            found=self.healing.found,
            unlogged=len(self.unlogged),
        )

    async def run(self) -> None:
        """Do all of it until cancelled, then give the lease back."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self.verifier.run())
                tasks.create_task(self.rows.run())
                tasks.create_task(self.healing.run())
                tasks.create_task(self.watching.follow_floor())
        finally:
            await self.verifier.leave()


@asynccontextmanager
async def propagating(
    settings: Settings,
    database: Database,
    redis: Client,
    metrics: Metrics,
    schema_is_there: asyncio.Event,
) -> AsyncIterator[tuple[Spreading, "asyncio.Task[None]"]]:
    """Give what a server needs, and the task that runs it from when the schema is there.

    At the end the lease is given back.
    """
    patient = _patient(settings)
    spreading = _spreading(settings, database, redis, patient)
    series = RevocationMetrics(metrics.registry, spreading.reading)
    spreading.revoker.observe = series.settled

    async def run() -> None:
        await schema_is_there.wait()
        await spreading.run()

    task = asyncio.create_task(run())
    try:
        yield spreading, task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await patient.aclose()


@asynccontextmanager
async def standalone(settings: Settings, database: Database) -> AsyncIterator[Propagation]:
    """Give what a command needs that revokes beside the servers, and validates nothing.

    Without REDIS_URL nobody can be told.
    """
    if not settings.redis_url:
        yield Untold()
        return
    redis = connect(settings.redis_url.get_secret_value(), settings.redis_db)
    patient = _patient(settings)
    spreading = _spreading(settings, database, redis, patient)
    watching_rows = asyncio.create_task(spreading.rows.run())
    try:
        yield spreading.revoker
    finally:
        watching_rows.cancel()
        with suppress(asyncio.CancelledError):
            await watching_rows
        await patient.aclose()
        await redis.aclose()


class Untold:
    """A Propagation that tells nobody: the servers find in the database what is new."""

    async def settle(self, about: About) -> bool:
        """Return False: nobody has been asked."""
        del about
        return False

    async def publish(self, about: About) -> bool:
        """Return False, for the same reason."""
        del about
        return False

    async def publish_new(self) -> None:
        """Do nothing."""


def _patient(settings: Settings) -> Client:
    return connect(settings.redis_url.get_secret_value(), settings.redis_db, patient=True)


def _spreading(settings: Settings, database: Database, redis: Client, patient: Client) -> Spreading:
    ticks = BootTicks()
    terms = Terms(float(settings.revocation_lease_seconds))
    log, facts = RedisRevocationLog(redis, patient), PostgresFactStore(database)
    view, unlogged = View(ticks), Unlogged()
    watching = Watching(encoder=WatchMessages(), ticks=ticks, terms=terms)
    verifier = Verifier(
        log=log,
        facts=facts,
        view=view,
        unlogged=unlogged,
        terms=terms,
        ticks=ticks,
        new_row=lambda: row_name(secrets.token_hex(8), terms),
        downstream=watching,
    )
    watching.attach(verifier)
    rows = RowWatch(log, terms, ticks)
    healing = Healing(log=log, facts=facts, verifier=verifier, unlogged=unlogged, ticks=ticks)
    revoker = Revoker(
        log=log,
        facts=facts,
        rows=rows,
        verifier=verifier,
        healing=healing,
        unlogged=unlogged,
        ticks=ticks,
    )
    return Spreading(
        view=LeasedView(verifier, DatabaseView(database), ticks),
        revoker=revoker,
        watching=watching,
        verifier=verifier,
        rows=rows,
        healing=healing,
        unlogged=unlogged,
    )
