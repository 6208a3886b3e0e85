"""Removing a person from what is kept of a deleted user, in memory."""

from dataclasses import replace

from tokenauthority_server.adapters.memory.database import MemoryDatabase
from tokenauthority_server.adapters.memory.rows import AuditEvent
from tokenauthority_server.domain.audit import ERASED, IMPERSONAL_DETAILS
from tokenauthority_server.domain.errors import UserNotDeletedError, UserNotFoundError
from tokenauthority_server.domain.sessions import Device, Origin
from tokenauthority_server.domain.users import UserStatus


class MemoryErasure:
    """An Erasure over a MemoryDatabase, which keeps no former profiles."""

    def __init__(self, database: MemoryDatabase) -> None:
        self._database = database

    async def begin(self, user_id: str, origin: Origin) -> None:
        """Write into the audit trail that it begins."""
        if user_id not in self._database.users:
            raise UserNotFoundError(user_id)
        self._check_deleted(user_id)
        now = self._database.clock.now()
        self._database.audit_events.append(
            AuditEvent(time=now, kind=ERASED, origin=origin, user_id=user_id)
        )

    async def clear(self, user_id: str, batch: int) -> int:
        """Clear at most `batch` rows of each kind, and return how many there were to clear."""
        self._check_deleted(user_id)
        return (
            self._clear_events(user_id, batch)
            + self._clear_sessions(user_id, batch)
            + self._clear_counts(user_id, batch)
        )

    def _check_deleted(self, user_id: str) -> None:
        if self._database.users[user_id].status is not UserStatus.DELETED:
            raise UserNotDeletedError(user_id)

    def _clear_events(self, user_id: str, batch: int) -> int:
        events = self._database.audit_events
        telling = [at for at, one in enumerate(events) if one.user_id == user_id and _tells(one)][
            :batch
        ]
        for at in telling:
            kept = {
                name: value
                for name, value in events[at].details.items()
                if name in IMPERSONAL_DETAILS
            }
            events[at] = replace(events[at], device=None, presented_by=None, details=kept)
        return len(telling)

    def _clear_sessions(self, user_id: str, batch: int) -> int:
        telling = [
            row
            for row in self._database.sessions.values()
            if row.user_id == user_id and row.device != Device()
        ][:batch]
        for row in telling:
            self._database.sessions[row.grant.session_id] = replace(row, device=Device())
        return len(telling)

    def _clear_counts(self, user_id: str, batch: int) -> int:
        metrics = self._database.metrics
        telling = [key for key in metrics if key[0] == user_id and key[2]][:batch]
        for owner, day, device_id, kind in telling:
            metrics[owner, day, "", kind] += metrics.pop((owner, day, device_id, kind))
        return len(telling)


def _tells(event: AuditEvent) -> bool:
    return (
        event.device not in (None, Device())
        or event.presented_by is not None
        or not event.details.keys() <= IMPERSONAL_DETAILS
    )
