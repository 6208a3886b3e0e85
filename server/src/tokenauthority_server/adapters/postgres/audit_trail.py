"""AuditTrail over PostgreSQL."""

import json
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

import asyncpg

from tokenauthority_server.adapters.postgres.database import Database
from tokenauthority_server.adapters.postgres.event_ids import event_id
from tokenauthority_server.domain.audit import AuditEvent, AuditFilter, AuditNote, AuditPage
from tokenauthority_server.domain.sessions import Device, Origin

LOOKED_AT: Final = 10_000
"""Events that one page looks at, at the most, however few of them are of the kinds wanted."""

CLOCKS_APART: Final = timedelta(minutes=5)
"""An event's id has the time of the replica that made it, and its row that of the database."""

EARLIEST: Final = datetime(2000, 1, 1, tzinfo=UTC)
LATEST: Final = datetime(9999, 1, 1, tzinfo=UTC)
"""No event is before or after these, and ids can be made for both."""

NOTE: Final = """
INSERT INTO tokenauthority.audit_events
    (user_id, event_id, kind, caller, session_id, outcome, request_id, details)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8::jsonb)
"""

# Months and keys are found by the ids' own times, and what is wanted is decided by the rows'. The
# last one that is looked at comes back in any case: the next page begins there. Nothing is looked
# at beyond a full page.
_PAGE = """
WITH looked_at AS (
    SELECT user_id, event_id, occurred_at, kind, caller, session_id, device_id, user_agent,
        ip_address, outcome, reason, request_id, details,
        row_number() OVER (ORDER BY event_id DESC) AS place
    FROM tokenauthority.audit_events
    WHERE event_id < $1
        AND event_id >= tokenauthority.audit_bound_v1($2::timestamptz - $3::interval)
        AND event_id < tokenauthority.audit_bound_v1($4::timestamptz + $3::interval) {narrowed}
    ORDER BY event_id DESC
    LIMIT $5
)
SELECT * FROM (
    SELECT *, occurred_at >= $2 AND occurred_at < $4
        AND ($6::text[] = '{{}}' OR kind = ANY ($6))
        AND ($7 = '' OR user_id = $7) AND ($8 = '' OR session_id = $8) AS is_wanted
    FROM looked_at
) AS judged
WHERE is_wanted OR place = $5
ORDER BY event_id DESC
LIMIT $9
"""
PAGE: Final = _PAGE.format(narrowed="")
PAGE_OF_USER: Final = _PAGE.format(narrowed="AND user_id = $7")
PAGE_OF_SESSION: Final = _PAGE.format(narrowed="AND session_id = $8 AND session_id <> ''")

_NEWEST = UUID(int=2**128 - 1)


class PostgresAuditTrail:
    """What happened, in partitions by month of which a page opens as few as it can."""

    def __init__(self, database: Database, looked_at: int = LOOKED_AT) -> None:
        self._database = database
        self._looked_at = looked_at

    async def note(self, note: AuditNote, origin: Origin) -> None:
        """See AuditTrail.note."""
        await self._database.change(
            NOTE,
            note.user_id,
            event_id(),
            note.kind,
            origin.caller,
            note.session_id,
            note.outcome,
            origin.request_id,
            json.dumps(note.details),
        )

    async def page(self, wanted: AuditFilter, size: int, before: str) -> AuditPage:
        """See AuditTrail.page."""
        statement = PAGE
        if wanted.session_id:
            statement = PAGE_OF_SESSION
        elif wanted.user_id:
            statement = PAGE_OF_USER
        rows = await self._database.scan(
            statement,
            UUID(before) if before else _NEWEST,
            _known_time(wanted.start_time or EARLIEST),
            CLOCKS_APART,
            _known_time(wanted.end_time or LATEST),
            self._looked_at,
            list(wanted.kinds),
            wanted.user_id,
            wanted.session_id,
            size + 1,
        )
        events = tuple(_event(row) for row in rows if row["is_wanted"])[:size]
        if len(rows) > size:
            return AuditPage(events=events, cursor=str(rows[size - 1]["event_id"]))
        stopped = bool(rows) and rows[-1]["place"] == self._looked_at
        return AuditPage(events=events, cursor=str(rows[-1]["event_id"]) if stopped else None)


def _known_time(time: datetime) -> datetime:
    return min(max(time, EARLIEST), LATEST)


def _event(row: asyncpg.Record) -> AuditEvent:
    details = json.loads(row["details"])
    return AuditEvent(
        event_id=str(row["event_id"]),
        time=row["occurred_at"],
        kind=row["kind"],
        caller=row["caller"],
        user_id=row["user_id"],
        session_id=row["session_id"],
        device=Device(
            device_id=row["device_id"],
            user_agent=row["user_agent"],
            ip_address=row["ip_address"],
        ),
        outcome=row["outcome"],
        reason=row["reason"],
        request_id=row["request_id"],
        # All are texts, unless somebody wrote into the table by hand.
        details={name: str(value) for name, value in details.items()},
    )
