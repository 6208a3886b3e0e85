"""PostgreSQL as the protocol sees it: facts, late commits, and snapshots."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random

from tokenauthority_server.domain.errors import StoreUnavailableError
from tokenauthority_server.domain.revocation_ports import Facts, Mark
from tokenauthority_server.domain.revocations import (
    About,
    Death,
    Fact,
    FactKey,
    FactKind,
    LiveFact,
    death_by,
    targets,
)
from tokenauthority_server.domain.tokens import Claims

START = datetime(2026, 1, 1, tzinfo=UTC)

COMMITS_LATE = 0.1
"""The share of transactions that take seconds."""
LATEST_COMMIT = 4.0


@dataclass(frozen=True)
class _Row:
    fact: Fact
    expires: float
    transaction: int


class Database:
    """The server. A transaction's facts are seen by others when it has been committed."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._rows: dict[FactKey, _Row] = {}
        self._user_of: dict[str, str] = {}
        self._key_of: dict[str, str] = {}
        self._next = 1
        self._open: set[int] = set()
        self._starts = 1
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self.down = False

    def restart(self) -> None:
        """Start anew: what had not been committed never will be."""
        self._starts += 1
        self._open.clear()

    def up(self) -> None:
        """Be there again."""
        self.down = False

    def opened(self, session_id: str, user_id: str, key_id: str) -> None:
        """Know whose a session is."""
        self._user_of[session_id] = user_id
        self._key_of[session_id] = key_id

    @asynccontextmanager
    async def locked(self, *names: str) -> AsyncIterator[None]:
        """Hold these rows, in the order of their names."""
        held: list[asyncio.Lock] = []
        try:
            for name in sorted(names):
                await self._locks[name].acquire()
                held.append(self._locks[name])
            yield
        finally:
            for lock in held:
                lock.release()

    async def change(
        self,
        lock: str,
        decide: Callable[[], Sequence[tuple[Fact, float]]],
        committed: Callable[[], object],
    ) -> None:
        """Write facts, each with how many seconds it matters; raises StoreUnavailableError."""
        async with self.locked(lock):
            self._up()
            start, transaction = self._starts, self._next
            self._next += 1
            self._open.add(transaction)
            facts = decide()
            late = self._random.random() < COMMITS_LATE
            await asyncio.sleep(self._random.uniform(0, LATEST_COMMIT if late else 0.005))
            if self._starts != start:
                raise StoreUnavailableError("PostgreSQL", "restarted")
            self._open.discard(transaction)
            self._up()
            for fact, seconds in facts:
                before = self._rows.get(fact.key)
                expires = max(now() + seconds, before.expires if before else 0.0)
                self._rows[fact.key] = _Row(fact, expires, transaction)
            committed()

    def holds(self, fact: Fact) -> bool:
        """Return whether this fact, or one that says more in its place, has been committed."""
        row = self._rows.get(fact.key)
        return row is not None and row.fact.epoch >= fact.epoch

    def deaths(self, claims: Sequence[Claims]) -> Sequence[Death | None]:
        """Return what a query about these tokens would find."""
        self._up()
        return [self.death(one) for one in claims]

    def death(self, claims: Claims) -> Death | None:
        """Return why this token is dead by what has been committed."""
        for key in targets(claims):
            row = self._rows.get(key)
            if row is not None and row.expires > now():
                death = death_by(row.fact, claims)
                if death is not None:
                    return death
        return None

    def about(self, about: About) -> Sequence[LiveFact]:
        """Return the live facts that stand there."""
        self._up()
        keys = set(about.keys)
        for session_id in about.sessions:
            if (user_id := self._user_of.get(session_id)) is not None:
                keys |= {
                    (user_id, FactKind.SESSION, session_id),
                    (user_id, FactKind.USER, ""),
                    (user_id, FactKind.PROFILE, ""),
                    ("", FactKind.KEY, self._key_of[session_id]),
                }
        return _live(row for key in sorted(keys) if (row := self._rows.get(key)) is not None)

    def page(self, size: int, after: FactKey | None) -> Facts:
        """Return a page of all live facts, in the order of their keys."""
        self._up()
        keys = sorted(key for key in self._rows if after is None or key > after)
        live = _live(self._rows[key] for key in keys)
        return Facts(live[:size], self._mark())

    def since(self, mark: Mark) -> Facts | None:
        """Return what has been committed since."""
        self._up()
        if mark.server != str(self._starts):
            return None
        horizon, *open_then = map(int, mark.snapshot.split(","))
        rows = [
            row
            for row in self._rows.values()
            if row.transaction >= horizon or row.transaction in open_then
        ]
        return Facts(_live(rows), self._mark())

    def _mark(self) -> Mark:
        snapshot = ",".join(map(str, [self._next, *sorted(self._open)]))
        return Mark(str(self._starts), snapshot)

    def _up(self) -> None:
        if self.down:
            raise StoreUnavailableError("PostgreSQL", "down")


def now() -> float:
    """Return true seconds."""
    return asyncio.get_running_loop().time()


def _live(rows: Iterable[_Row]) -> list[LiveFact]:
    return [
        LiveFact(
            row.fact,
            START + timedelta(seconds=row.expires),
            timedelta(seconds=row.expires - now()),
        )
        for row in rows
        if row.expires > now()
    ]
