"""What kills tokens, each fact with when it was written: old tokens die by time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol

from tokenauthority_server.adapters.postgres.database import STORE_SECONDS, Database
from tokenauthority_server.adapters.postgres.event_ids import event_id
from tokenauthority_server.adapters.postgres.revocations import fact_of, question
from tokenauthority_server.domain.revocations import (
    FACT_MARGIN,
    LONGEST_ACCESS_LIFETIME,
    Fact,
    RevocationReason,
)
from tokenauthority_server.domain.sessions import Origin
from tokenauthority_server.domain.tokens import Claims

WRITING: Final = timedelta(seconds=STORE_SECONDS)
"""How long a fact may have waited, once it had its time, until it was written."""


@dataclass(frozen=True, slots=True)
class DatedFact:
    """A fact, and its time by the store's clock: at most WRITING before it was acknowledged."""

    fact: Fact
    create_time: datetime


class DatedFacts(Protocol):
    """The facts, as LegacyView and LegacyRevoker need them."""

    async def find(self, claims: Sequence[Claims]) -> Sequence[DatedFact]:
        """Return all live facts that `targets` names for these tokens, by one question."""
        ...

    async def add(self, user_id: str, reason: RevocationReason, origin: Origin) -> None:
        """Date the user's fact now, and write one for a user who has none, in the directory or not.

        It kills no token but old ones, since its epoch is 0, or stays what it was.
        """
        ...


FIND: Final = """
SELECT r.user_id, r.kind, r.target, r.reason, r.epoch, r.except_session_id, r.created_at
FROM unnest($1::text[], $2::text[], $3::text[]) AS asked(user_id, kind, target)
JOIN tokenauthority.revocations AS r USING (user_id, kind, target)
WHERE r.expires_at > now()
"""

# A user of the directory had the event with the epoch.
ADD: Final = """
WITH fact AS (
    INSERT INTO tokenauthority.revocations (user_id, kind, target, reason, caller, expires_at)
    VALUES ($1, 'user', '', $2, $3, now() + $4::interval)
    ON CONFLICT (user_id, kind, target) DO UPDATE SET
        reason = excluded.reason, caller = excluded.caller, created_at = excluded.created_at,
        expires_at = excluded.expires_at
)
INSERT INTO tokenauthority.audit_events
    (user_id, event_id, kind, caller, outcome, reason, request_id)
SELECT $1, $5, 'user.sessions_revoked', $3, 'OK', $2, $6
WHERE NOT EXISTS (SELECT FROM tokenauthority.users WHERE user_id = $1)
"""


class PostgresDatedFacts:
    """DatedFacts over PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, claims: Sequence[Claims]) -> Sequence[DatedFact]:
        """See DatedFacts.find."""
        rows = await self._database.ask(FIND, *question(claims))
        return [DatedFact(fact_of(row), row["created_at"]) for row in rows]

    async def add(self, user_id: str, reason: RevocationReason, origin: Origin) -> None:
        """See DatedFacts.add."""
        await self._database.change(
            ADD,
            user_id,
            reason.value,
            origin.caller,
            LONGEST_ACCESS_LIFETIME + FACT_MARGIN,
            event_id(),
            origin.request_id,
        )
