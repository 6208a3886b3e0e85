"""The composition root: the only module that sees everything, and the life of the process.

The ports are opened at once and the stores are asked until they answer, so that the order in which
they and the authority start does not matter. A worker among several takes the port when it is
ready: the others answer meanwhile.
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
from tokenauthority_server.adapters.jwt.verified import VerifiedTokens
from tokenauthority_server.adapters.page_tokens import SealedPageTokens
from tokenauthority_server.adapters.postgres.database import NAME as POSTGRES
from tokenauthority_server.adapters.postgres.database import Database
from tokenauthority_server.adapters.postgres.revision import required_revision
from tokenauthority_server.adapters.postgres.revocations import PostgresSessionRevoker
from tokenauthority_server.adapters.postgres.sessions import PostgresSessionStore
from tokenauthority_server.adapters.postgres.token_counts import PostgresTokenCounts
from tokenauthority_server.adapters.postgres.upkeep import PostgresUpkeep
from tokenauthority_server.adapters.redis.activity import RedisActivityLog
from tokenauthority_server.adapters.redis.connection import NAME as REDIS
from tokenauthority_server.adapters.redis.connection import connect
from tokenauthority_server.adapters.sealing import EncryptionKeys
from tokenauthority_server.adapters.tls.following import TICK as TLS_TICK
from tokenauthority_server.adapters.tls.following import TlsFollower
from tokenauthority_server.adapters.token_ids import DerivedTokenIds
from tokenauthority_server.administration import administration
from tokenauthority_server.admission import Admitting, admitting
from tokenauthority_server.background import Chore, janitor_chore, work_beside_calls
from tokenauthority_server.config import Settings
from tokenauthority_server.configured_files import check_files
from tokenauthority_server.domain.errors import StartError, StoreUnavailableError
from tokenauthority_server.domain.sessions import Lifetimes, SessionCap
from tokenauthority_server.domain.upkeep import Leftover
from tokenauthority_server.domain.watch_ports import WatchMode
from tokenauthority_server.legacy import Accepting, accepting
from tokenauthority_server.propagation import Spreading, propagating
from tokenauthority_server.revocation.watching import Watching
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
from tokenauthority_server.telemetry.verified_token_metrics import VerifiedTokenMetrics
from tokenauthority_server.tls import tls
from tokenauthority_server.transport.account_service import account_service
from tokenauthority_server.transport.admin_service import admin_service
from tokenauthority_server.transport.binding import Addresses, address_of
from tokenauthority_server.transport.health import Health
from tokenauthority_server.transport.http import HttpServer, Pages, http_app
from tokenauthority_server.transport.own_pages import OwnPages
from tokenauthority_server.transport.readiness import Readiness
from tokenauthority_server.transport.reflection import reflection_services
from tokenauthority_server.transport.server import make_server, take_port
from tokenauthority_server.transport.token_service import UseCases, token_service
from tokenauthority_server.transport.watch import WatchCall
from tokenauthority_server.transport.watch_messages import Told

START_RETRY_SECONDS = 0.25
# No call without a deadline of its own takes longer.
STOP_GRACE_SECONDS = 5.0
STOP_ATTEMPTS = 3
STOP_ATTEMPT_SECONDS = 0.5

_log: structlog.typing.FilteringBoundLogger = structlog.get_logger()


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
    async with running(settings, dev=dev) as authority:
        _log.info("listening", grpc=authority.addresses.grpc, http=authority.addresses.http)
        await until(stop, authority, settings, lambda: on_ready(authority.addresses))


async def until(
    stop: asyncio.Event, authority: "Authority", settings: Settings, on_ready: Callable[[], None]
) -> None:
    """Become ready, answer calls until `stop` is set, and drain. Raises StartError."""
    stopping = asyncio.create_task(stop.wait())
    starting = asyncio.create_task(authority.become_ready())
    try:
        lives = (authority.background, authority.spreading, authority.served)
        await _first(stopping, starting, *lives)
        if not stop.is_set():
            on_ready()
            await _first(stopping, *lives)
    finally:
        starting.cancel()
        stopping.cancel()
    _log.info("stopping", drain_seconds=settings.drain_seconds)
    authority.health.drain()
    authority.watching.drain()
    await asyncio.sleep(settings.drain_seconds)


@asynccontextmanager
async def running(
    settings: Settings, *, dev: bool = False, worker: bool = False
) -> AsyncIterator["Authority"]:
    """Open everything in order, and close it in reverse. Raises StartError.

    With `dev`, on loopback and without a callers' file, everyone may call everything. A `worker`
    serves nothing over HTTP, and takes its port, which it shares, when it is ready.
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
        schema_is_there = asyncio.Event()
        spreading, spread = await stack.enter_async_context(
            propagating(settings, database, redis, metrics, schema_is_there)
        )
        propagation = spreading.revoker
        use_cases = _use_cases(
            settings,
            database,
            spreading=spreading,
            keys=keys,
            keyed=keyed,
            codec=codec,
            activity=activity,
            metrics=metrics,
        )
        account_use_cases = stack.enter_context(accounts(settings, database, keys, use_cases))
        administering = administration(
            database,
            keys=signing_keys(settings, database, keys, propagation),
            passwords=account_use_cases.passwords,
            propagation=propagation,
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

        server = make_server(
            services,
            metrics,
            identify=admits.identify,
            limits=admits.limits,
            policies=admits.policies,
            shared=worker,
        )
        stack.push_async_callback(server.stop, STOP_GRACE_SECONDS)
        served = asyncio.create_task(server.wait_for_termination())

        async def accept() -> str:
            port = take_port(
                server,
                settings.grpc_host,
                settings.grpc_port,
                certificates.credentials() if certificates else None,
                shared=worker,
            )
            await server.start()
            return address_of(settings.grpc_host, port)

        pages = OwnPages(metrics.registry, readiness, keyed.ring)
        addresses = Addresses(grpc=settings.grpc_address, http="")
        if not worker:
            grpc_address = await accept()
            http = HttpServer.bound(settings.http_host, settings.http_port, http_app(pages))
            stack.push_async_callback(http.stop)
            await http.start()
            addresses = Addresses(grpc_address, address_of(settings.http_host, http.port))
        chores = _chores(settings, database, metrics, keyed.rotation)
        chores += _files_to_follow(admits, certificates)
        background = asyncio.create_task(
            work_beside_calls(readiness, database, redis, activity, chores)
        )
        stack.push_async_callback(_ended, background)
        yield Authority(
            addresses=addresses,
            pages=pages,
            health=health,
            watching=spreading.watching,
            background=background,
            spreading=spread,
            served=served,
            schema_is_there=schema_is_there,
            accept=accept if worker else None,
            database=database,
            load_keys=keyed.load,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Authority:
    """An authority whose ports are open, but for that of a worker: `accept` will open it.

    `served` ends when the gRPC server does: without one nothing is left to be ready for.
    """

    addresses: Addresses
    pages: Pages
    health: Health
    watching: Watching[Told]
    background: asyncio.Task[None]
    spreading: asyncio.Task[None]
    served: asyncio.Task[bool]
    schema_is_there: asyncio.Event
    accept: Callable[[], Awaitable[str]] | None
    database: Database
    load_keys: Callable[[], Awaitable[None]]

    async def become_ready(self) -> None:
        """Ask until the schema is there and a signing key is known; raise StartError."""
        said = ""
        while missing := await self._missing():
            waiting_for, why = missing
            if waiting_for != said:
                _log.warning("not ready yet", waiting_for=waiting_for, why=why)
                said = waiting_for
            await asyncio.sleep(START_RETRY_SECONDS)
        if self.accept:
            await self.accept()
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
            self.schema_is_there.set()
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
    spreading: Spreading,
    keys: EncryptionKeys,
    keyed: Signing,
    codec: TokenCodec,
    activity: RedisActivityLog,
    metrics: Metrics,
) -> UseCases:
    sessions = PostgresSessionStore(database)
    remembering = VerifiedTokens(codec, keyed.ring)
    VerifiedTokenMetrics(metrics.registry, remembering.reading)
    propagation = spreading.revoker
    ours = Accepting(
        verifier=remembering, view=spreading.view, revoker=PostgresSessionRevoker(database)
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
        issuing=Issuing(sessions, minting, SystemEntropy(), activity, lifetimes, propagation, cap),
        validating=Validating(
            accepted.verifier,
            remembering,
            keyed.follower,
            accepted.view,
            sessions,
            SystemClock(),
            settings.clock_leeway_seconds,
            activity,
        ),
        refreshing=Refreshing(
            sessions, Recognition(codec, keyed.follower), minting, activity, lifetimes, propagation
        ),
        revoking=Revoking(
            accepted.revoker, propagation, Recognition(accepted.verifier, keyed.follower)
        ),
        listing=Listing(sessions, activity, SealedPageTokens(keys)),
        public_keys=keyed.ring,
        watches=WatchCall(spreading.watching, metrics.watches(mode.name for mode in WatchMode)),
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


def _files_to_follow(admits: Admitting, certificates: TlsFollower | None) -> list[Chore]:
    chores = [Chore("rates", admits.limits.tick, RATES_TICK.total_seconds())]
    if admits.follow:
        every = CALLERS_TICK.total_seconds()
        chores.append(Chore("callers", admits.follow, every, always=True))
    if certificates:
        every = TLS_TICK.total_seconds()
        chores.append(Chore("certificates", certificates.tick, every, always=True))
    return chores


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
