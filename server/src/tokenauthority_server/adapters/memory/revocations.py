"""Revoking, and seeing what is revoked, in memory."""

from collections.abc import Sequence
from datetime import UTC, datetime

from tokenauthority_server.adapters.memory.database import MemoryDatabase
from tokenauthority_server.adapters.memory.rows import AuditEvent
from tokenauthority_server.domain.revocations import (
    FACT_MARGIN,
    Check,
    CheckSource,
    Fact,
    FactKind,
    RevocationReason,
)
from tokenauthority_server.domain.sessions import Device, Origin
from tokenauthority_server.domain.tokens import Claims


class MemorySessionRevoker:
    """A SessionRevoker over a MemoryDatabase."""

    def __init__(self, database: MemoryDatabase) -> None:
        self._database = database

    async def revoke_token(self, claims: Claims, reason: RevocationReason, origin: Origin) -> int:
        """Kill an access token; return 1 when it was alive, else 0."""
        database = self._database
        now = database.clock.now()
        expire_time = datetime.fromtimestamp(claims.expire_time, UTC)
        if expire_time + FACT_MARGIN <= now or database.death(claims) is not None:
            return 0
        fact = Fact(
            kind=FactKind.TOKEN, user_id=claims.user_id, target=claims.token_id, reason=reason
        )
        database.put_fact(fact, expire_time + FACT_MARGIN)
        if expire_time <= now:  # it counts no more, but verifiers accept it for their leeway
            return 0
        database.count(claims.user_id, claims.device_id, "revoked")
        database.audit_events.append(
            AuditEvent(
                time=now,
                kind="token.revoked",
                origin=origin,
                user_id=claims.user_id,
                session_id=claims.session_id,
                device=Device(device_id=claims.device_id),
                reason=reason,
            )
        )
        return 1

    async def end_session(
        self,
        session_id: str,
        user_id: str | None,
        reason: RevocationReason,
        origin: Origin,
        *,
        presented_key_id: str = "",
    ) -> int:
        """End a session (of that user, where one is given); return 1 when it was live, else 0."""
        database = self._database
        row = database.sessions.get(session_id)
        if row is None or user_id not in (None, row.user_id):
            return 0
        if database.key_is_revoked(presented_key_id):
            return 0
        live = database.session_is_live(row)
        # One whose key is revoked counts no more, and may have access tokens of an earlier key yet.
        if database.session_is_live_but_for_its_key(row) or database.session_has_just_expired(row):
            database.end_session(row, reason)
        if not live:
            return 0
        database.audit_events.append(
            AuditEvent(
                time=database.clock.now(),
                kind="session.revoked",
                origin=origin,
                user_id=row.user_id,
                session_id=session_id,
                device=row.device,
                reason=reason,
            )
        )
        return 1

    async def end_user_sessions(
        self, user_id: str, except_session_id: str, reason: RevocationReason, origin: Origin
    ) -> int:
        """End all of a user's sessions but the excepted one; return how many were live."""
        database = self._database
        if user_id not in database.users:
            return 0
        ended = database.end_user_sessions(user_id, reason, except_session_id)
        database.audit_events.append(
            AuditEvent(
                time=database.clock.now(),
                kind="user.sessions_revoked",
                origin=origin,
                user_id=user_id,
                reason=reason,
            )
        )
        return ended


class MemoryRevocationView:
    """A RevocationView that looks into the MemoryDatabase itself, and so is never behind."""

    def __init__(self, database: MemoryDatabase) -> None:
        self._database = database

    def check_now(self, claims: Claims) -> None:
        """Return None: whoever asks it without waiting asks a view of another kind."""
        del claims

    async def check(self, claims: Sequence[Claims]) -> Check:
        """Return, in the order asked, why each token is dead, or None for one that lives."""
        return Check(CheckSource.DATABASE, tuple(self._database.death(one) for one in claims))
