"""SessionEnder over PostgreSQL."""

from typing import Final

import asyncpg

from tokenauthority_server.adapters.postgres.database import Database
from tokenauthority_server.domain.revocations import FACT_MARGIN, RevocationReason
from tokenauthority_server.domain.session_criteria import (
    SessionCriteria,
    SessionKey,
    Span,
    Stretch,
)
from tokenauthority_server.domain.sessions import Origin

COUNT: Final = """
SELECT matched, 0 AS ended, last_user, last_session, '{}'::text[] AS dead_users,
    '{}'::text[] AS dead_sessions
FROM tokenauthority.find_sessions_v1($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
"""

END: Final = """
SELECT matched, ended, last_user, last_session, dead_users, dead_sessions
FROM tokenauthority.end_sessions_v1(
    $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
"""

_BEFORE_ALL = SessionKey(user_id="", session_id="")


class PostgresSessionEnder:
    """Each stretch is one round trip and one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def count_stretch(self, criteria: SessionCriteria, span: Span) -> Stretch:
        """See SessionEnder.count_stretch."""
        return _stretch(await self._database.scan(COUNT, *_asked(criteria, span)))

    async def end_stretch(
        self, criteria: SessionCriteria, span: Span, reason: RevocationReason, origin: Origin
    ) -> Stretch:
        """See SessionEnder.end_stretch."""
        rows = await self._database.change(
            END, *_asked(criteria, span), reason.value, origin.caller, origin.request_id
        )
        return _stretch(rows)


def _asked(criteria: SessionCriteria, span: Span) -> tuple[object, ...]:
    start = span.after or _BEFORE_ALL
    return (
        criteria.user_id,
        criteria.device_id,
        criteria.ip_range,
        criteria.user_agent,
        criteria.create_time_before,
        criteria.key_id,
        span.length,
        span.most,
        start.user_id,
        start.session_id,
        FACT_MARGIN,
    )


def _stretch(rows: list[asyncpg.Record]) -> Stretch:
    (row,) = rows
    end = None
    if row["last_user"] is not None:
        end = SessionKey(user_id=row["last_user"], session_id=row["last_session"])
    dead = tuple(
        SessionKey(user_id=user_id, session_id=session_id)
        for user_id, session_id in zip(row["dead_users"], row["dead_sessions"], strict=True)
    )
    return Stretch(matched=row["matched"], ended=row["ended"], end=end, dead=dead)
