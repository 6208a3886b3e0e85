"""A bounded pool of connections that heals by itself, and one rule for what goes wrong.

Whatever a dead, slow, full or demoted PostgreSQL makes of a call, the caller sees one error,
StoreUnavailableError, within STORE_SECONDS.
"""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeVar

import asyncpg
from asyncpg.connect_utils import SessionAttribute
from asyncpg.pool import PoolConnectionProxy

from tokenauthority_server.adapters.postgres.pooler import in_transaction, without_pooler
from tokenauthority_server.adapters.postgres.revision import read_revision
from tokenauthority_server.domain.errors import StoreUnavailableError

STORE_SECONDS = 0.9
"""How long a use of the store may take, connecting and waiting for a connection included."""

NAME = "PostgreSQL"

_NAMED = {"application_name": "tokenauthority"}
_SETTINGS = {
    # Pinned, since what is promised rests on them whatever the server's defaults are.
    "synchronous_commit": "on",
    "default_transaction_isolation": "read committed",
    # The statements are short: compiling one costs more than running it.
    "jit": "off",
    # For when our own cancelling of a statement does not get through.
    "statement_timeout": "2s",
}

_FULL_PAUSE_SECONDS = 0.05
_UPKEEP_SECONDS = 30.0
_UPKEEP_SETTINGS = {**_SETTINGS, "statement_timeout": "30s"}

_WRITING = {"changes", "upkeep"}

# What the server says when it cannot serve.
_GONE = (
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,  # shutting down, starting, or a cancelled statement
    asyncpg.InsufficientResourcesError,  # full, out of memory or of connections
    asyncpg.PostgresSystemError,  # its disk fails
    asyncpg.ReadOnlySQLTransactionError,  # demoted, or told to be read-only
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.ObjectNotInPrerequisiteStateError,
)

# The server that these connections lead to is not the one to ask any more.
_STALE = (
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.AdminShutdownError,
    asyncpg.TargetServerAttributeNotMatched,
)

_ONCE_MORE = (
    asyncpg.SerializationError,
    asyncpg.DeadlockDetectedError,
    # A migration changed what a prepared statement returns.
    asyncpg.InvalidCachedStatementError,
)


Result = TypeVar("Result")
Arguments = tuple[object, ...]


@dataclass(slots=True)
class Start:
    """When a change was asked for, and when it was begun: in between it waits for a connection."""

    asked: float = field(default_factory=time.monotonic)
    begun: float | None = None

    @property
    def waited(self) -> timedelta:
        """How long it waited; nothing while it has not begun."""
        return timedelta(seconds=(self.begun or self.asked) - self.asked)


def _never() -> bool:
    return False


class Database:
    """A pool for each kind of work: Validate waits neither behind changes nor behind lists."""

    def __init__(self, url: str) -> None:
        self._url, self._pooled = without_pooler(url)
        self._sizes = {"changes": 10, "questions": 6, "lists": 4, "upkeep": 1}
        self._pools: dict[str, asyncpg.Pool[asyncpg.Record]] = {}
        self._running: set[asyncio.Task[Any]] = set()

    def __repr__(self) -> str:
        return "Database()"

    async def open(self) -> None:
        """Make the pools. Nothing is asked of the server: connections are made when needed."""
        for name, size in self._sizes.items():
            self._pools[name] = await asyncpg.create_pool(
                self._url,
                min_size=0,
                max_size=size,
                max_inactive_connection_lifetime=60,
                # Nothing is ever set on a connection, so nothing has to be reset: by default that
                # is a round trip after each use.
                reset=_leave,
                timeout=STORE_SECONDS,
                command_timeout=_UPKEEP_SECONDS if name == "upkeep" else STORE_SECONDS,
                server_settings=_NAMED | ({} if self._pooled else _settings(name)),
                statement_cache_size=0 if self._pooled else 100,
                # Never a standby: what it has not replayed yet would be a revocation unseen. A
                # primary that is read-only for now still answers questions.
                target_session_attrs=self._wanted(name),
            )

    def _wanted(self, pool: str) -> SessionAttribute:
        if self._pooled:
            # Which server is behind the pooler changes, so each transaction asks for itself.
            return SessionAttribute.any
        return SessionAttribute.read_write if pool in _WRITING else SessionAttribute.primary

    async def close(self) -> None:
        """Let what runs come to its end, then drop the connections."""
        if self._running:
            await asyncio.wait(self._running, timeout=STORE_SECONDS)
        for pool in self._pools.values():
            pool.terminate()

    async def change(
        self, statement: str, *arguments: object, start: Start | None = None
    ) -> list[asyncpg.Record]:
        """Run one changing statement, which is a transaction, and return its rows.

        Once begun it goes on to its end though the caller be cancelled; while it waits for a
        connection it is not begun. It may have been done even when StoreUnavailableError is raised,
        so every change can be asked for again.
        """
        start = start or Start()
        work = self._run("changes", statement, arguments, start)
        return await self.bounded(work, goes_on=lambda: start.begun is not None)

    async def ask(self, statement: str, *arguments: object) -> list[asyncpg.Record]:
        """Run one reading statement and return its rows; a lost connection is tried once more."""
        return await self.bounded(self._ask("questions", statement, arguments))

    async def scan(self, statement: str, *arguments: object) -> list[asyncpg.Record]:
        """Do as `ask` does, for what may read many rows."""
        return await self.bounded(self._ask("lists", statement, arguments))

    async def keep_up(self, statement: str, *arguments: object) -> list[asyncpg.Record]:
        """Run one statement of the upkeep, for which nobody waits, and return its rows.

        It has half a minute, and the upkeep's one connection, for which it may wait as long. Raises
        StoreUnavailableError.
        """
        work = self._run("upkeep", statement, arguments)
        return await self.bounded(work, seconds=_UPKEEP_SECONDS)

    async def revision(self) -> str:
        """Return the schema's revision, "" for none. It also tells whether the server answers."""
        return await self.bounded(self._revision())

    async def bounded(
        self,
        work: Coroutine[Any, Any, Result],
        *,
        goes_on: Callable[[], bool] = _never,
        seconds: float = STORE_SECONDS,
    ) -> Result:
        """Return what the work returns, within these seconds, or raise StoreUnavailableError.

        `goes_on` says, when the caller is cancelled, whether it comes to its end all the same.
        """
        # asyncio.wait, not wait_for: the answer is due in time even where giving up hangs, as the
        # cancelling of a statement does when the network swallows everything.
        task = asyncio.ensure_future(work)
        self._running.add(task)
        task.add_done_callback(self._done)
        try:
            done, _ = await asyncio.wait({task}, timeout=seconds)
        except asyncio.CancelledError:
            if not goes_on():
                task.cancel()
            raise
        if not done:
            task.cancel()
            raise StoreUnavailableError(NAME, "no answer in time")
        return task.result()

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._running.discard(task)
        if not task.cancelled():
            task.exception()  # seen, also where nobody waits for it any more

    async def _ask(self, pool: str, statement: str, arguments: Arguments) -> list[asyncpg.Record]:
        try:
            return await self._run(pool, statement, arguments)
        except StoreUnavailableError:
            return await self._run(pool, statement, arguments)

    async def _run(
        self, pool: str, statement: str, arguments: Arguments, start: Start | None = None
    ) -> list[asyncpg.Record]:
        for last in (False, True):
            async with self._connection(pool) as connection:
                if start:
                    start.begun = time.monotonic()
                try:
                    if self._pooled:
                        return await in_transaction(
                            connection,
                            _settings(pool),
                            statement,
                            arguments,
                            writes=pool in _WRITING,
                        )
                    return await connection.fetch(statement, *arguments)
                except _ONCE_MORE as error:
                    if last:
                        raise _unavailable(error) from error
                except Exception as error:
                    if not _is_gone(error):
                        raise
                    if isinstance(error, _STALE):
                        await self._expire()
                    raise _unavailable(error) from error
        raise AssertionError("the loop above returns or raises")

    async def _revision(self) -> str:
        async with self._connection("questions") as connection:
            try:
                # Both of its questions go to one server, also behind a pooler.
                async with connection.transaction():
                    return await read_revision(connection)
            except Exception as error:
                # A right that is missing, too: whatever it is, nothing can be asked.
                raise _unavailable(error) from error

    @asynccontextmanager
    async def _connection(self, pool: str) -> "AsyncIterator[PoolConnectionProxy[asyncpg.Record]]":
        try:
            connection = await self._acquired(pool)
        except Exception as error:
            # Whatever it is, a password, a setting or the network: the store cannot be asked.
            if isinstance(error, _STALE):
                await self._expire()
            raise _unavailable(error) from error
        try:
            yield connection
        finally:
            # One that was lost cannot be given back, and the pool drops it by itself. What was done
            # on it, or why not, is known already.
            with suppress(Exception):
                await self._pools[pool].release(connection)

    async def _acquired(self, pool: str) -> "PoolConnectionProxy[asyncpg.Record]":
        """Return a connection; where the server has no more, one that becomes free meanwhile."""
        patience = _UPKEEP_SECONDS if pool == "upkeep" else STORE_SECONDS
        until = time.monotonic() + patience
        while True:
            try:
                return await self._pools[pool].acquire(timeout=patience)
            except asyncpg.TooManyConnectionsError:
                if time.monotonic() > until:
                    raise
                # Those that wait do not come all at once.
                pause = random.uniform(0.5, 1.5) * _FULL_PAUSE_SECONDS  # noqa: S311 - no secret
                await asyncio.sleep(pause)

    async def _expire(self) -> None:
        """Let no pool go on with connections to a server that is not the one to ask any more."""
        for pool in self._pools.values():
            await pool.expire_connections()


def _settings(pool: str) -> dict[str, str]:
    return _UPKEEP_SETTINGS if pool == "upkeep" else _SETTINGS


async def _leave(_: object) -> None:
    """Reset nothing."""


def _is_gone(error: Exception) -> bool:
    """Tell a store that is away from a mistake of ours."""
    if isinstance(error, asyncpg.PostgresError):
        return isinstance(error, _GONE)
    # The driver's own errors: of a dead connection it makes many kinds, but of a value that its
    # column cannot hold only these.
    return not isinstance(error, ValueError | TypeError)


def _unavailable(error: BaseException) -> StoreUnavailableError:
    return StoreUnavailableError(NAME, type(error).__name__)
