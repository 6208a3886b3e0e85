"""The state that the memory forms share, and what all of them ask of it."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from tokenauthority_server.adapters.memory.clock import MemoryClock
from tokenauthority_server.adapters.memory.rows import (
    AuditEvent,
    FactRow,
    FailureRow,
    SessionRow,
    UserRow,
)
from tokenauthority_server.domain.keys import StoredKey
from tokenauthority_server.domain.metrics import LiveSessions
from tokenauthority_server.domain.revocations import (
    FACT_MARGIN,
    LONGEST_ACCESS_LIFETIME,
    Death,
    Fact,
    FactKey,
    FactKind,
    RevocationReason,
    death_by,
    targets,
)
from tokenauthority_server.domain.sessions import Grant
from tokenauthority_server.domain.tokens import Claims


@dataclass(slots=True)
class MemoryDatabase:
    """Users, sessions, facts, keys, counts and audit events, under one clock: the database's."""

    clock: MemoryClock = field(default_factory=MemoryClock)
    users: dict[str, UserRow] = field(default_factory=dict)
    sessions: dict[str, SessionRow] = field(default_factory=dict)
    facts: dict[FactKey, FactRow] = field(default_factory=dict)
    fact_changes: int = 0
    """How often a fact was written."""
    starts: int = 1
    """How often the server was started."""
    signing_keys: dict[str, StoredKey] = field(default_factory=dict)
    metrics: Counter[tuple[str, date, str, str]] = field(default_factory=Counter)
    """How often, by user_id, day (UTC), device_id and type."""
    totals: dict[date, Counter[str]] = field(default_factory=dict)
    """The sums by type of the days that are added up."""
    live_sessions_count: LiveSessions | None = None
    audit_events: list[AuditEvent] = field(default_factory=list)
    login_failures: dict[bytes, FailureRow] = field(default_factory=dict)
    login_sources: dict[tuple[str, bytes], datetime] = field(default_factory=dict)
    """Until when a source is known to a user."""

    def set_user(self, row: UserRow, **changes: Any) -> UserRow:
        """Write a user's row with these changes, at the time that it is, and return it."""
        changed = replace(row, **changes, update_time=self.clock.now())
        self.users[row.profile.user_id] = changed
        return changed

    def day_at(self, at: datetime) -> date:
        """Return the day (UTC) of a time."""
        return at.astimezone(UTC).date()

    def count(self, user_id: str, device_id: str, kind: str, number: int = 1) -> None:
        """Count changes, on the day that it is."""
        self.metrics[user_id, self.day_at(self.clock.now()), device_id, kind] += number

    def session_of(self, user_id: str, session_id: str) -> SessionRow | None:
        """Return the user's session of this name."""
        row = self.sessions.get(session_id)
        return row if row is not None and row.user_id == user_id else None

    def session_is_live(self, row: SessionRow) -> bool:
        """Tell whether the session can be used now."""
        revoked = self.key_is_revoked(row.grant.key_id)
        return not revoked and self.session_is_live_but_for_its_key(row)

    def session_is_live_but_for_its_key(self, row: SessionRow) -> bool:
        """Tell whether the session can be used now, or could with another key."""
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

    def key_is_revoked(self, key_id: str) -> bool:
        """Tell whether nothing that this key has signed is good any more."""
        return self.live_fact("", FactKind.KEY, key_id) is not None

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
        self.fact_changes += 1
        self.facts[fact.key] = FactRow(fact, self.clock.now(), expire_time, self.fact_changes)

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
            self.count(row.user_id, row.device.device_id, "revoked")

    def forget_sources(self, user_id: str) -> None:
        """Let no source be known any more from which the user has logged in."""
        for one in [one for one in self.login_sources if one[0] == user_id]:
            del self.login_sources[one]

    def end_user_sessions(
        self, user_id: str, reason: RevocationReason, except_session_id: str = ""
    ) -> int:
        """Raise the user's epoch, with its fact; return how many live sessions that ended.

        The excepted session follows to the new epoch if it is live and that user's.
        """
        live = {row.grant.session_id: row for row in self.live_sessions(user_id)}
        epoch = self.users[user_id].epoch + 1
        self.users[user_id] = replace(self.users[user_id], epoch=epoch)
        kept = live.pop(except_session_id, None)
        if kept is not None:
            self.sessions[except_session_id] = replace(kept, epoch=epoch)
        fact = Fact(
            kind=FactKind.USER,
            user_id=user_id,
            target="",
            reason=reason,
            epoch=epoch,
            except_session_id=except_session_id if kept is not None else "",
        )
        self.put_fact(fact, self.clock.now() + LONGEST_ACCESS_LIFETIME + FACT_MARGIN)
        if live:
            self.count(user_id, "", "bulk_revoked", len(live))
        return len(live)
