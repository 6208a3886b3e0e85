"""Going through the sessions in the order of their keys, in memory."""

from ipaddress import ip_address, ip_network
from itertools import islice

from tokenauthority_server.adapters.memory.database import MemoryDatabase
from tokenauthority_server.adapters.memory.rows import AuditEvent, SessionRow
from tokenauthority_server.domain.revocations import RevocationReason
from tokenauthority_server.domain.session_criteria import (
    SessionCriteria,
    SessionKey,
    Span,
    Stretch,
)
from tokenauthority_server.domain.sessions import Origin


class MemorySessionEnder:
    """A SessionEnder over a MemoryDatabase."""

    def __init__(self, database: MemoryDatabase) -> None:
        self._database = database

    async def count_stretch(self, criteria: SessionCriteria, span: Span) -> Stretch:
        """Count the live sessions of the span that meet the criteria."""
        rows, end = self._found(criteria, span)
        live = [row for row in rows if self._database.session_is_live(row)]
        return Stretch(matched=len(live), ended=0, end=end)

    async def end_stretch(
        self, criteria: SessionCriteria, span: Span, reason: RevocationReason, origin: Origin
    ) -> Stretch:
        """Do the same, and end those that do, each with its fact, its count and its event."""
        database = self._database
        rows, end = self._found(criteria, span)
        live = [row for row in rows if database.session_is_live(row)]
        for row in rows:
            database.end_session(row, reason)
        database.audit_events.extend(
            AuditEvent(
                time=database.clock.now(),
                kind="session.revoked",
                origin=origin,
                user_id=row.user_id,
                session_id=row.grant.session_id,
                device=row.device,
                reason=reason,
            )
            for row in live
        )
        dead = tuple(map(_key, rows))
        return Stretch(matched=len(live), ended=len(live), end=end, dead=dead)

    def _found(
        self, criteria: SessionCriteria, span: Span
    ) -> tuple[list[SessionRow], SessionKey | None]:
        """Return what is meant and can be ended, and where the next span begins."""
        start = (span.after.user_id, span.after.session_id) if span.after else ("", "")
        keys = sorted(
            (row.user_id, session_id)
            for session_id, row in self._database.sessions.items()
            if criteria.user_id in ("", row.user_id)
        )
        looked_at = list(islice((key for key in keys if key > start), span.length))
        rows = [self._database.sessions[session_id] for _, session_id in looked_at]
        found = [row for row in rows if _meets(row, criteria) and self._can_end(row)]
        if len(found) >= span.most:
            found = found[: span.most]
            return found, _key(found[-1])
        return found, _key(rows[-1]) if len(rows) == span.length else None

    def _can_end(self, row: SessionRow) -> bool:
        database = self._database
        return database.session_is_live_but_for_its_key(row) or database.session_has_just_expired(
            row
        )


def _key(row: SessionRow) -> SessionKey:
    return SessionKey(user_id=row.user_id, session_id=row.grant.session_id)


def _meets(row: SessionRow, criteria: SessionCriteria) -> bool:
    before = criteria.create_time_before
    return (
        criteria.device_id in ("", row.device.device_id)
        and criteria.user_agent in row.device.user_agent
        and (before is None or row.create_time < before)
        and criteria.key_id in ("", row.grant.key_id)
        and (not criteria.ip_range or _is_within(row.device.ip_address, criteria.ip_range))
    )


def _is_within(address: str, ip_range: str) -> bool:
    return bool(address) and ip_address(address) in ip_network(ip_range)
