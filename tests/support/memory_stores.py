"""The memory form, for the conformance suites."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from support.stores import Line, Status, Stores

from tokenauthority_server.adapters.memory import (
    MemoryAuditTrail,
    MemoryDatabase,
    MemoryErasure,
    MemoryFactStore,
    MemoryLoginStore,
    MemoryPasswordStore,
    MemoryRevocationView,
    MemorySessionEnder,
    MemorySessionRevoker,
    MemorySessionStore,
    MemorySigningKeyStore,
    MemoryTokenCounts,
    MemoryUpkeep,
    MemoryUserDirectory,
    MemoryUserImporter,
    MemoryUserStore,
)
from tokenauthority_server.domain.revocations import Fact
from tokenauthority_server.domain.users import UserStatus


def memory_stores(database: MemoryDatabase | None = None) -> Stores:
    database = database or MemoryDatabase()

    async def advance(by: timedelta) -> None:
        database.clock.advance(by)

    return Stores(
        sessions=MemorySessionStore(database),
        revoker=MemorySessionRevoker(database),
        view=MemoryRevocationView(database),
        facts=MemoryFactStore(database),
        directory=MemoryUserDirectory(database),
        counts=MemoryTokenCounts(database),
        upkeep=MemoryUpkeep(database),
        logins=MemoryLoginStore(database),
        passwords=MemoryPasswordStore(database),
        keys=MemorySigningKeyStore(database),
        users=MemoryUserStore(database),
        ender=MemorySessionEnder(database),
        trail=MemoryAuditTrail(database),
        importer=MemoryUserImporter(database),
        erasure=MemoryErasure(database),
        records=MemoryRecords(database),
        advance=advance,
    )


class MemoryRecords:
    def __init__(self, database: MemoryDatabase) -> None:
        self._database = database

    async def set_status(
        self, user_id: str, status: Status, locked_for: timedelta | None = None
    ) -> None:
        now = self._database.clock.now()
        self._database.users[user_id] = replace(
            self._database.users[user_id],
            status=UserStatus(status),
            locked_until=None if locked_for is None else now + locked_for,
        )

    async def now(self) -> datetime:
        return self._database.clock.now()

    async def standing(self, user_id: str) -> tuple[UserStatus, datetime | None]:
        row = self._database.users[user_id]
        return row.status, row.locked_until

    async def set_password_hash(self, user_id: str, password_hash: str) -> None:
        users = self._database.users
        users[user_id] = replace(users[user_id], password_hash=password_hash)

    async def password_hash(self, user_id: str) -> str | None:
        return self._database.users[user_id].password_hash

    async def last_login(self, user_id: str) -> datetime | None:
        return self._database.users[user_id].last_login_time

    async def known_sources(self, user_id: str) -> int:
        return sum(owner == user_id for owner, _ in self._database.login_sources)

    async def failing_subjects(self) -> int:
        return len(self._database.login_failures)

    async def align_creation(self, user_id: str) -> None:
        now = self._database.clock.now()
        for session_id, row in self._database.sessions.items():
            if row.user_id == user_id:
                self._database.sessions[session_id] = replace(row, create_time=now)

    async def facts(self, user_id: str) -> set[Fact]:
        return {row.fact for row in self._database.facts.values() if row.fact.user_id == user_id}

    async def metrics(self, user_id: str) -> dict[tuple[str, str], int]:
        counts: Counter[tuple[str, str]] = Counter()
        for (owner, _, device_id, metric_type), count in self._database.metrics.items():
            if owner == user_id:
                counts[device_id, metric_type] += count
        return dict(counts)

    async def audit_kinds(self, user_id: str) -> list[str]:
        events = self._database.audit_events
        return sorted(event.kind for event in events if event.user_id == user_id)

    async def reuse_devices(self, user_id: str) -> list[set[str]]:
        return [
            {device.device_id for device in (event.device, event.presented_by) if device}
            for event in self._database.audit_events
            if event.user_id == user_id and event.kind == "session.reuse_detected"
        ]

    @asynccontextmanager
    async def holding(self, session_id: str) -> AsyncIterator[Line]:
        del session_id  # nothing ever waits for a row here
        yield NoLine()


class NoLine:
    async def joined(self, caller: asyncio.Future[Any]) -> None:
        await asyncio.wait({caller})
