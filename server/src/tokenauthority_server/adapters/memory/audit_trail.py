"""The audit trail, in memory."""

from tokenauthority_server.adapters.memory.database import MemoryDatabase
from tokenauthority_server.adapters.memory.rows import AuditEvent as EventRow
from tokenauthority_server.domain.audit import AuditEvent, AuditFilter, AuditNote, AuditPage
from tokenauthority_server.domain.sessions import Device, Origin


class MemoryAuditTrail:
    """An AuditTrail over a MemoryDatabase. It looks at all of it for each page."""

    def __init__(self, database: MemoryDatabase) -> None:
        self._database = database

    async def note(self, note: AuditNote, origin: Origin) -> None:
        """Write an event."""
        self._database.audit_events.append(
            EventRow(
                time=self._database.clock.now(),
                kind=note.kind,
                origin=origin,
                user_id=note.user_id,
                session_id=note.session_id,
                outcome=note.outcome,
                details=dict(note.details),
            )
        )

    async def page(self, wanted: AuditFilter, size: int, before: str) -> AuditPage:
        """Return up to `size` events before the one of this id ("": from the newest one on)."""
        found = [
            row
            for row in reversed(self._database.audit_events)
            if _is_wanted(row, wanted) and (not before or str(row.event_id) < before)
        ]
        events = tuple(_event(row) for row in found[:size])
        return AuditPage(events=events, cursor=events[-1].event_id if len(found) > size else None)


def _is_wanted(row: EventRow, wanted: AuditFilter) -> bool:
    return (
        wanted.user_id in ("", row.user_id)
        and wanted.session_id in ("", row.session_id)
        and (not wanted.kinds or row.kind in wanted.kinds)
        and (wanted.start_time is None or row.time >= wanted.start_time)
        and (wanted.end_time is None or row.time < wanted.end_time)
    )


def _event(row: EventRow) -> AuditEvent:
    return AuditEvent(
        event_id=str(row.event_id),
        time=row.time,
        kind=row.kind,
        caller=row.origin.caller,
        user_id=row.user_id,
        session_id=row.session_id,
        device=row.device or Device(),
        outcome=row.outcome,
        reason=row.reason or "",
        request_id=row.origin.request_id,
        details=row.details,
    )
