"""The state that the memory forms share, and what all of them ask of it."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from tokenauthority_server.adapters.memory.clock import MemoryClock
from tokenauthority_server.adapters.memory.rows import AuditEvent, FactRow, SessionRow, UserRow
from tokenauthority_server.domain.revocations import (
    FACT_MARGIN,
    Death,
    Fact,
    FactKind,
    RevocationReason,
    death_by,
    targets,
)
from tokenauthority_server.domain.sessions import Grant
from tokenauthority_server.domain.tokens import Claims


@dataclass(slots=True)
class MemoryDatabase:
    """Users, sessions, facts, counts and audit events, under one clock: the database's."""

    clock: MemoryClock = field(default_factory=MemoryClock)
    users: dict[str, UserRow] = field(default_factory=dict)
    sessions: dict[str, SessionRow] = field(default_factory=dict)
    facts: dict[tuple[str, FactKind, str], FactRow] = field(default_factory=dict)
    metrics: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    """How often, by user_id, device_id and type."""
    audit_events: list[AuditEvent] = field(default_factory=list)

    def session_of(self, user_id: str, session_id: str) -> SessionRow | None:
        """Return the user's session of this name."""
        row = self.sessions.get(session_id)
        return row if row is not None and row.user_id == user_id else None

    def session_is_live(self, row: SessionRow) -> bool:
        """Tell whether the session can be used now."""
        return (
            row.end_reason is None
            and row.epoch == self.users[row.user_id].epoch
            and row.grant.refresh_expire_time > self.clock.now()
        )

    def session_has_just_expired(self, row: SessionRow) -> bool:
        """Tell whether a verifier may, for its leeway, still accept a token of the session."""
        expired_for = self.clock.now() - row.grant.refresh_expire_time
        return (
            row.end_reason is None
            and row.epoch == self.users[row.user_id].epoch
            and timedelta(0) <= expired_for < FACT_MARGIN
        )

    def granted_again(self, row: SessionRow) -> Grant:
        """Return the session's last grant as a replay: as it was first given."""
        return replace(row.grant, now=self.clock.now(), replayed=True)

    def live_sessions(self, user_id: str) -> Iterator[SessionRow]:
        """Give the user's live sessions, in no order that means anything."""
        return (
            row
            for row in self.sessions.values()
            if row.user_id == user_id and self.session_is_live(row)
        )

    def live_fact(self, user_id: str, kind: FactKind, target: str) -> Fact | None:
        """Return this fact while it matters."""
        row = self.facts.get((user_id, kind, target))
        return row.fact if row is not None and row.expire_time > self.clock.now() else None

    def death(self, claims: Claims) -> Death | None:
        """Return why the token is dead by a live fact: of several the first in targets' order."""
        for target in targets(claims):
            fact = self.live_fact(*target)
            death = None if fact is None else death_by(fact, claims)
            if death is not None:
                return death
        return None

    def put_fact(self, fact: Fact, expire_time: datetime) -> None:
        """Write a fact over the one of the same target, if there is one."""
        self.facts[fact.user_id, fact.kind, fact.target] = FactRow(fact, expire_time)

    def end_session(self, row: SessionRow, reason: RevocationReason) -> None:
        """End a session, with its fact; it counts while it is live."""
        live = self.session_is_live(row)
        session_id = row.grant.session_id
        self.sessions[session_id] = replace(row, end_reason=reason)
        self.put_fact(
            Fact(kind=FactKind.SESSION, user_id=row.user_id, target=session_id, reason=reason),
            row.last_access_expire_time + FACT_MARGIN,
        )
        if live:
            self.metrics[row.user_id, row.device.device_id, "revoked"] += 1
