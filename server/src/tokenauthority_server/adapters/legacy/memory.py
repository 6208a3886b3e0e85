"""DatedFacts in memory, for tests."""

from collections.abc import Sequence
from dataclasses import replace

from tokenauthority_server.adapters.legacy.facts import DatedFact
from tokenauthority_server.adapters.memory import MemoryDatabase
from tokenauthority_server.adapters.memory.rows import AuditEvent
from tokenauthority_server.domain.revocations import (
    FACT_MARGIN,
    LONGEST_ACCESS_LIFETIME,
    Fact,
    FactKind,
    RevocationReason,
    targets,
)
from tokenauthority_server.domain.sessions import Origin
from tokenauthority_server.domain.tokens import Claims


class MemoryDatedFacts:
    """DatedFacts over a MemoryDatabase."""

    def __init__(self, database: MemoryDatabase) -> None:
        self._database = database

    async def find(self, claims: Sequence[Claims]) -> Sequence[DatedFact]:
        """See DatedFacts.find."""
        now = self._database.clock.now()
        wanted = {target for one in claims for target in targets(one)}
        rows = (self._database.facts.get(target) for target in wanted)
        return [
            DatedFact(row.fact, row.create_time) for row in rows if row and row.expire_time > now
        ]

    async def add(self, user_id: str, reason: RevocationReason, origin: Origin) -> None:
        """See DatedFacts.add."""
        database = self._database
        row = database.facts.get((user_id, FactKind.USER, ""))
        fact = (
            replace(row.fact, reason=reason)
            if row
            else Fact(kind=FactKind.USER, user_id=user_id, target="", reason=reason)
        )
        now = database.clock.now()
        database.put_fact(fact, now + LONGEST_ACCESS_LIFETIME + FACT_MARGIN)
        if user_id not in database.users:
            database.audit_events.append(
                AuditEvent(
                    time=now,
                    kind="user.sessions_revoked",
                    origin=origin,
                    user_id=user_id,
                    reason=reason,
                )
            )
