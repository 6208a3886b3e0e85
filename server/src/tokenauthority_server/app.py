"""The composition root: the only module that sees everything, and the life of the process.

The ports are opened at once and the stores are asked until they answer, so that the order in which
they and the authority start does not matter.
"""

import asyncio
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import structlog
from prometheus_client import CollectorRegistry

from tokenauthority_server.accounts import accounts
from tokenauthority_server.adapters.callers.following import TICK as CALLERS_TICK
from tokenauthority_server.adapters.clock import SystemClock
from tokenauthority_server.adapters.entropy import SystemEntropy
from tokenauthority_server.adapters.jwt.codec import TokenCodec
from tokenauthority_server.adapters.page_tokens import SealedPageTokens
from tokenauthority_server.adapters.postgres.database import NAME as POSTGRES
from tokenauthority_server.adapters.postgres.database import Database
from tokenauthority_server.adapters.postgres.revision import required_revision
from tokenauthority_server.adapters.postgres.revocations import (
    DatabaseView,
    PostgresSessionRevoker,
)
from tokenauthority_server.adapters.postgres.sessions import PostgresSessionStore
from tokenauthority_server.adapters.postgres.token_counts import PostgresTokenCounts
from tokenauthority_server.adapters.postgres.upkeep import PostgresUpkeep
from tokenauthority_server.adapters.redis.activity import RedisActivityLog
from tokenauthority_server.adapters.redis.connection import NAME as REDIS
from tokenauthority_server.adapters.redis.connection import connect
from tokenauthority_server.adapters.sealing import EncryptionKeys
from tokenauthority_server.adapters.tls.following import TICK as TLS_TICK
from tokenauthority_server.adapters.token_ids import DerivedTokenIds
from tokenauthority_server.administration import administration
from tokenauthority_server.admission import admitting
from tokenauthority_server.background import Chore, janitor_chore, work_beside_calls
from tokenauthority_server.config import Settings
from tokenauthority_server.configured_files import check_files
from tokenauthority_server.domain.errors import StartError, StoreUnavailableError
from tokenauthority_server.domain.sessions import Lifetimes, SessionCap
from tokenauthority_server.domain.upkeep import Leftover
from tokenauthority_server.legacy import Accepting, accepting
from tokenauthority_server.services.counting import TICK as COUNTING_TICK
from tokenauthority_server.services.counting import Counting
from tokenauthority_server.services.issuing import Issuing
from tokenauthority_server.services.key_rotation import TICK as KEY_TICK
from tokenauthority_server.services.key_rotation import KeyRotation
from tokenauthority_server.services.listing import Listing
from tokenauthority_server.services.minting import Minting
from tokenauthority_server.services.rate_limits import TICK as RATES_TICK
from tokenauthority_server.services.recognition import Recognition
from tokenauthority_server.services.refreshing import Refreshing
from tokenauthority_server.services.revoking import Revoking
from tokenauthority_server.services.upkeep import Janitor
from tokenauthority_server.services.validating import Validating
from tokenauthority_server.signing import Signing, signing, signing_keys
from tokenauthority_server.telemetry.logging import configure_logging
from tokenauthority_server.telemetry.metrics import Metrics
from tokenauthority_server.tls import tls
from tokenauthority_server.transport.account_service import account_service
from tokenauthority_server.transport.admin_service import admin_service
from tokenauthority_server.transport.binding import address_of
from tokenauthority_server.transport.health import Health
from tokenauthority_server.transport.http import HttpServer, http_app
from tokenauthority_server.transport.readiness import Readiness
from tokenauthority_server.transport.reflection import reflection_services
from tokenauthority_server.transport.server import open_server
from tokenauthority_server.transport.token_service import UseCases, token_service

START_RETRY_SECONDS = 0.25
# No call without a deadline of its own takes longer.
STOP_GRACE_SECONDS = 5.0
STOP_ATTEMPTS = 3
STOP_ATTEMPT_SECONDS = 0.5

_log: structlog.typing.FilteringBoundLogger = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the authority listens, as host:port."""

    grpc: str
    http: str


async def serve(
    settings: Settings,
    *,
    dev: bool = False,
    on_ready: Callable[[Addresses], None] = lambda _: None,
) -> None:
    """Serve until SIGTERM or SIGINT, then stop cleanly. Raises StartError.

    `on_ready` is called once, when calls can be answered. `dev` is for `running`.
    """
    configure_logging(settings.log_level, settings.log_format)
    for warning in settings.warnings:
        _log.warning("check the configuration", setting=warning.setting, problem=warning.problem)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    stopping = asyncio.create_task(stop.wait())
    async with running(settings, dev=dev) as authority:
        _log.info("listening", grpc=authority.addresses.grpc, http=authority.addresses.http)
        starting = asyncio.create_task(authority.become_ready())
        try:
            await _first(stopping, starting, authority.background, authority.served)
            if not stop.is_set():
                on_ready(authority.addresses)
                await _first(stopping, authority.background, authority.served)
        finally:
            starting.cancel()
        _log.info("stopping", drain_seconds=settings.drain_seconds)
        authority.health.drain()
        await asyncio.sleep(settings.drain_seconds)


@asynccontextmanager
async def running(settings: Settings, *, dev: bool = False) -> AsyncIterator["Authority"]:
    """Open everything in order, and close it in reverse. Raises StartError.

    With `dev`, on loopback and without a callers' file, everyone may call everything.
    """
    check_files(settings)
    async with AsyncExitStack() as stack:
        database = Database(settings.database_url.get_secret_value())
        await database.open()
        stack.push_async_callback(database.close)
        redis = connect(settings.redis_url.get_secret_value(), settings.redis_db)
        stack.push_async_callback(redis.aclose)

        keys = EncryptionKeys(settings.key_encryption_keys)
        keyed = signing(settings, database, keys)
        activity = RedisActivityLog(redis, keep=settings.session_lifetime)
        metrics = Metrics(CollectorRegistry(), version=version("wakedock-tokenauthority-server"))
        certificates = tls(settings, metrics)
        admits = admitting(settings, redis, metrics, dev=dev)
        readiness = Readiness((POSTGRES, REDIS), metrics)
        codec = TokenCodec(keyed.ring, issuer=settings.jwt_issuer, audience=settings.jwt_audience)
        use_cases = _use_cases(
            settings,
            database,
            keys=keys,
            keyed=keyed,
            codec=codec,
            activity=activity,
            metrics=metrics,
        )
        account_use_cases = stack.enter_context(accounts(settings, database, keys, use_cases))
        administering = administration(
            database,
            keys=signing_keys(settings, database, keys),
            passwords=account_use_cases.passwords,
            signer=codec,
            page_tokens=SealedPageTokens(keys),
        )
        services = [
            token_service(use_cases),
            account_service(account_use_cases),
            admin_service(administering),
        ]
        health = Health.starting(readiness, services)
        services.append(health.service())
        if settings.reflection:
            services.extend(reflection_services(services))

        server, grpc_port = open_server(
            settings.grpc_host,
            settings.grpc_port,
            services,
            metrics,
            identify=admits.identify,
            limits=admits.limits,
            policies=admits.policies,
            credentials=certificates.credentials() if certificates else None,
        )
        stack.push_async_callback(server.stop, STOP_GRACE_SECONDS)
        http = HttpServer.bound(
            settings.http_host,
            settings.http_port,
            http_app(metrics.registry, readiness, keyed.ring),
        )
        stack.push_async_callback(http.stop)
        await server.start()
        served = asyncio.create_task(server.wait_for_termination())
        await http.start()
        chores = _chores(settings, database, metrics, keyed.rotation)
        chores.append(Chore("rates", admits.limits.tick, RATES_TICK.total_seconds()))
        if admits.follow:
            every = CALLERS_TICK.total_seconds()
            chores.append(Chore("callers", admits.follow, every, always=True))
        if certificates:
            every = TLS_TICK.total_seconds()
            chores.append(Chore("certificates", certificates.tick, every, always=True))
        background = asyncio.create_task(
            work_beside_calls(readiness, database, redis, activity, chores)
        )
        stack.push_async_callback(_ended, background)
        yield Authority(
            addresses=Addresses(
                grpc=address_of(settings.grpc_host, grpc_port),
                http=address_of(settings.http_host, http.port),
            ),
            health=health,
            background=background,
            served=served,
            database=database,
            load_keys=keyed.load,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Authority:
    """An authority whose ports are open.

    `served` ends when the gRPC server does: without one nothing is left to be ready for.
    """

    addresses: Addresses
    health: Health
    background: asyncio.Task[None]
    served: asyncio.Task[bool]
    database: Database
    load_keys: Callable[[], Awaitable[None]]

    async def become_ready(self) -> None:
        """Ask until the schema is there and a signing key is known; raise SigningKeyError."""
        said = ""
        while missing := await self._missing():
            waiting_for, why = missing
            if waiting_for != said:
                _log.warning("not ready yet", waiting_for=waiting_for, why=why)
                said = waiting_for
            await asyncio.sleep(START_RETRY_SECONDS)
        self.health.ready()
        _log.info("ready")

    async def _missing(self) -> tuple[str, str] | None:
        """Return what is missing for the first call, and why it is; None for nothing."""
        try:
            revision, required = await self.database.revision(), required_revision()
            if revision < required:
                found = revision or "none"
                advice = "run `tokenauthority migrate`"
                return f"revision {required} of the schema, which is at {found}: {advice}", ""
            await self.load_keys()
        except StoreUnavailableError as error:
            return error.store, error.why
        except StartError:
            raise
        except Exception as error:  # noqa: BLE001 - a right that is missing, say; it may be given yet
            return POSTGRES, type(error).__name__
        return None


def _use_cases(  # noqa: PLR0913 - all but two by name
    settings: Settings,
    database: Database,
    *,
    keys: EncryptionKeys,
    keyed: Signing,
    codec: TokenCodec,
    activity: RedisActivityLog,
    metrics: Metrics,
) -> UseCases:
    sessions = PostgresSessionStore(database)
    ours = Accepting(
        verifier=codec, view=DatabaseView(database), revoker=PostgresSessionRevoker(database)
    )
    accepted = accepting(ours, settings, database, metrics)
    minting = Minting(codec, DerivedTokenIds(keys), keyed.follower)
    lifetimes = Lifetimes(
        access=settings.access_token_lifetime,
        refresh=settings.refresh_token_lifetime,
        session=settings.session_lifetime,
        grace=settings.refresh_grace,
    )
    cap = SessionCap(
        sessions=settings.max_sessions_per_user,
        evicts=settings.session_limit_policy == "evict_oldest",
    )
    return UseCases(
        issuing=Issuing(sessions, minting, SystemEntropy(), activity, lifetimes, cap),
        validating=Validating(
            accepted.verifier,
            keyed.follower,
            accepted.view,
            sessions,
            SystemClock(),
            settings.clock_leeway_seconds,
            activity,
        ),
        refreshing=Refreshing(
            sessions, Recognition(codec, keyed.follower), minting, activity, lifetimes
        ),
        revoking=Revoking(
            accepted.revoker, accepted.view, Recognition(accepted.verifier, keyed.follower)
        ),
        listing=Listing(sessions, activity, SealedPageTokens(keys)),
        public_keys=keyed.ring,
    )


def _chores(
    settings: Settings, database: Database, metrics: Metrics, rotation: KeyRotation
) -> list[Chore]:
    janitor = Janitor(upkeep=PostgresUpkeep(database), keep=settings.audit_lifetime)
    counting = Counting(PostgresTokenCounts(database))
    return [
        janitor_chore(janitor, metrics.janitor(Leftover)),
        Chore("counting", counting.tick, COUNTING_TICK.total_seconds()),
        Chore("keys", rotation.tick, KEY_TICK.total_seconds()),
    ]


async def _ended(task: asyncio.Task[None]) -> None:
    """Cancel the task, and return when it has let go of what it held: a connection, say.

    Where a time-out comes in the same moment, a cancellation may be lost: it is said again.
    """
    for _ in range(STOP_ATTEMPTS):
        task.cancel()
        done, _ = await asyncio.wait([task], timeout=STOP_ATTEMPT_SECONDS)
        if done:
            return


async def _first(*tasks: asyncio.Task[Any]) -> None:
    """Return when the first of these has ended, and raise what it raised."""
    done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in done:
        task.result()
