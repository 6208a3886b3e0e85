"""The life of sessions, in memory."""

from collections.abc import Sequence
from datetime import datetime

from tokenauthority_server.adapters.memory.creation import create
from tokenauthority_server.adapters.memory.database import MemoryDatabase
from tokenauthority_server.adapters.memory.rotation import rotate
from tokenauthority_server.adapters.memory.rows import SessionRow
from tokenauthority_server.domain.revocations import Death, FactKind
from tokenauthority_server.domain.sessions import (
    Grant,
    Lifetimes,
    NewSession,
    Origin,
    Rotation,
    Session,
    SessionCursor,
    SessionPage,
)
from tokenauthority_server.domain.tokens import Claims, InactiveReason, fingerprint


class MemorySessionStore:
    """A SessionStore over a MemoryDatabase."""

    def __init__(self, database: MemoryDatabase) -> None:
        self._database = database

    async def create(self, new: NewSession, lifetimes: Lifetimes, origin: Origin) -> Grant:
        """Open a session and return its grant; with a known request_id return the first one's."""
        return create(self._database, new, lifetimes, origin)

    async def rotate(self, rotation: Rotation, lifetimes: Lifetimes, origin: Origin) -> Grant:
        """Exchange a refresh token for its successor and return the grant."""
        return rotate(self._database, rotation, lifetimes, origin)

    async def refresh_token_deaths(self, claims: Sequence[Claims]) -> Sequence[Death | None]:
        """Return, in the order asked, why each refresh token cannot be used now, or None."""
        # Of several causes the most final one is told.
        return [self._death_by_key(one) or self._death_by_session(one) for one in claims]

    async def page(self, user_id: str, size: int, after: SessionCursor | None) -> SessionPage:
        """Return up to `size` of the user's live sessions, newest first, after the cursor."""
        rows = sorted(self._database.live_sessions(user_id), key=_position, reverse=True)
        if after is not None:
            rows = [row for row in rows if _position(row) < (after.create_time, after.session_id)]
        sessions = tuple(_listed(row) for row in rows[:size])
        if len(rows) <= size:
            return SessionPage(sessions=sessions, cursor=None)
        create_time, session_id = _position(rows[size - 1])
        cursor = SessionCursor(create_time=create_time, session_id=session_id)
        return SessionPage(sessions=sessions, cursor=cursor)

    def _death_by_key(self, claims: Claims) -> Death | None:
        fact = self._database.live_fact("", FactKind.KEY, claims.key_id)
        return Death(InactiveReason.KEY_REVOKED, fact.reason) if fact is not None else None

    def _death_by_session(self, claims: Claims) -> Death | None:
        database = self._database
        row = database.session_of(claims.user_id, claims.session_id)
        if row is None:
            return Death(InactiveReason.SESSION_REVOKED, None)
        by_key = database.live_fact("", FactKind.KEY, row.grant.key_id)
        end_reason = row.end_reason or (None if by_key is None else by_key.reason)
        if end_reason is not None:
            return Death(InactiveReason.SESSION_REVOKED, end_reason)
        if row.epoch != database.users[row.user_id].epoch:
            fact = database.live_fact(row.user_id, FactKind.USER, "")
            return Death(InactiveReason.USER_REVOKED, None if fact is None else fact.reason)
        if not database.session_is_live(row):
            return Death(InactiveReason.SESSION_EXPIRED, None)
        if fingerprint(claims.token_id) != row.grant.refresh_fingerprint:
            return Death(InactiveReason.TOKEN_REVOKED, None)
        return None


def _position(row: SessionRow) -> tuple[datetime, str]:
    return row.create_time, row.grant.session_id


def _listed(row: SessionRow) -> Session:
    return Session(
        session_id=row.grant.session_id,
        user_id=row.user_id,
        device=row.device,
        scope=row.grant.scope,
        create_time=row.create_time,
        last_activity_time=row.grant.issue_time,
        expire_time=row.grant.refresh_expire_time,
        end_time=row.end_time,
    )
