"""What a conformance suite runs on: the ports, and a hand behind them."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, Protocol

from tokenauthority_server.domain.account_ports import LoginStore, PasswordStore
from tokenauthority_server.domain.admin_ports import (
    AuditTrail,
    Erasure,
    SessionEnder,
    UserImporter,
    UserStore,
)
from tokenauthority_server.domain.key_ports import SigningKeyStore
from tokenauthority_server.domain.ports import (
    RevocationView,
    SessionRevoker,
    SessionStore,
    TokenCounts,
    Upkeep,
    UserDirectory,
)
from tokenauthority_server.domain.revocation_ports import FactStore
from tokenauthority_server.domain.revocations import Fact
from tokenauthority_server.domain.users import UserStatus

Status = Literal["ACTIVE", "DISABLED", "LOCKED", "DELETED"]


class Line(Protocol):
    """Those who wait for a row that is held."""

    async def joined(self, caller: asyncio.Future[Any]) -> None:
        """Return when the caller waits behind all who joined before, or is done."""
        ...


class Records(Protocol):
    """Writes what no port writes yet, and reads what no port shows."""

    async def set_status(
        self, user_id: str, status: Status, locked_for: timedelta | None = None
    ) -> None:
        """Set the status and nothing else. A lock without an end is for good."""
        ...

    async def now(self) -> datetime:
        """Return the store's time."""
        ...

    async def standing(self, user_id: str) -> tuple[UserStatus, datetime | None]:
        """Return the user's status, and until when a lock lasts."""
        ...

    async def set_password_hash(self, user_id: str, password_hash: str) -> None:
        """Write the hash and nothing else."""
        ...

    async def password_hash(self, user_id: str) -> str | None:
        """Return the hash of the user's password."""
        ...

    async def last_login(self, user_id: str) -> datetime | None:
        """Return when the user logged in last."""
        ...

    async def known_sources(self, user_id: str) -> int:
        """Return how many sources are known to the user, also those that have expired."""
        ...

    async def failing_subjects(self) -> int:
        """Return how many names and sources failures are kept of, also those that have expired."""
        ...

    async def align_creation(self, user_id: str) -> None:
        """Let all of the user's sessions have been created at one time."""
        ...

    async def facts(self, user_id: str) -> set[Fact]:
        """Return the facts about a user, also those that matter no more."""
        ...

    async def metrics(self, user_id: str) -> dict[tuple[str, str], int]:
        """Return the user's counts by device_id and type."""
        ...

    async def audit_kinds(self, user_id: str) -> list[str]:
        """Return the kinds of the user's audit events, sorted."""
        ...

    async def reuse_devices(self, user_id: str) -> list[set[str]]:
        """Return for each audited reuse the device ids of both its sides."""
        ...

    def holding(self, session_id: str) -> AbstractAsyncContextManager[Line]:
        """Hold the session's row, so that what wants to change it stands in line until the end."""
        ...


@dataclass(frozen=True, slots=True)
class Stores:
    """The ports of one store. `advance` lets time pass for it, without waiting."""

    sessions: SessionStore
    revoker: SessionRevoker
    view: RevocationView
    facts: FactStore
    directory: UserDirectory
    counts: TokenCounts
    upkeep: Upkeep
    logins: LoginStore
    passwords: PasswordStore
    keys: SigningKeyStore
    users: UserStore
    ender: SessionEnder
    trail: AuditTrail
    importer: UserImporter
    erasure: Erasure
    records: Records
    advance: Callable[[timedelta], Awaitable[None]]
