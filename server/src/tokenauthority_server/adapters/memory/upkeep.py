"""Removing what matters no more, in memory."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from itertools import islice

from tokenauthority_server.adapters.memory.creation import REQUEST_ID_LIFETIME
from tokenauthority_server.adapters.memory.database import MemoryDatabase
from tokenauthority_server.adapters.memory.key_changes import KeyChanges
from tokenauthority_server.adapters.memory.rows import SessionRow
from tokenauthority_server.domain.keys import FINAL_STATES
from tokenauthority_server.domain.revocations import FACT_MARGIN
from tokenauthority_server.domain.sessions import Origin
from tokenauthority_server.domain.upkeep import Leftover


class MemoryUpkeep:
    """An Upkeep over a MemoryDatabase, which keeps no former profiles and has no months."""

    def __init__(self, database: MemoryDatabase) -> None:
        self._database = database

    async def sweep(self, what: Leftover, batch: int, keep: timedelta) -> int:
        """Remove at most `batch` rows of this kind; return how many there were to remove."""
        sweeps: dict[Leftover, Callable[[], int]] = {
            Leftover.SESSIONS: lambda: self._sweep_sessions(batch),
            Leftover.FACTS: lambda: self._sweep_facts(batch),
            Leftover.SIGNING_KEYS: lambda: self._sweep_signing_keys(batch),
            Leftover.AUDIT_EVENTS: lambda: self._sweep_audit_events(batch, keep),
            Leftover.LOGIN_FAILURES: lambda: self._sweep_login_failures(batch),
            Leftover.LOGIN_SOURCES: lambda: self._sweep_login_sources(batch),
        }
        return sweeps[what]() if what in sweeps else 0

    async def turn_months(self, ahead: int, keep: timedelta) -> int:
        """Return 0: there are no months."""
        del ahead, keep
        return 0

    def _sweep_sessions(self, batch: int) -> int:
        sessions = self._database.sessions
        gone = [name for name, row in sessions.items() if not self._matters(row)][:batch]
        for session_id in gone:
            del sessions[session_id]
        return len(gone)

    def _matters(self, row: SessionRow) -> bool:
        database = self._database
        now = database.clock.now()
        ended = row.end_reason is not None
        expire_time = row.grant.refresh_expire_time
        day = _day_after(row.last_access_expire_time if ended else expire_time)
        usable = not ended and row.epoch == database.users[row.user_id].epoch
        return (
            day > _day(now - max(FACT_MARGIN, REQUEST_ID_LIFETIME))
            or (usable and expire_time + FACT_MARGIN > now)
            or row.last_access_expire_time + FACT_MARGIN > now
            or row.create_time + REQUEST_ID_LIFETIME > now
        )

    def _sweep_facts(self, batch: int) -> int:
        now = self._database.clock.now()
        facts = self._database.facts
        gone = [target for target, row in facts.items() if row.expire_time <= now][:batch]
        for target in gone:
            del facts[target]
        return len(gone)

    def _sweep_signing_keys(self, batch: int) -> int:
        database = self._database
        past = database.clock.now() - FACT_MARGIN
        over = [
            key_id
            for key_id, one in database.signing_keys.items()
            if one.key.state in FINAL_STATES and one.key.last_expire_time <= past
        ][:batch]
        for key_id in over:
            del database.signing_keys[key_id]
            KeyChanges(database).audit("key.deleted", Origin())
        return len(over)

    def _sweep_audit_events(self, batch: int, keep: timedelta) -> int:
        events = self._database.audit_events
        oldest = self._database.clock.now() - keep
        gone = set(islice((at for at, one in enumerate(events) if one.time < oldest), batch))
        events[:] = [one for at, one in enumerate(events) if at not in gone]
        return len(gone)

    def _sweep_login_failures(self, batch: int) -> int:
        now, failures = self._database.clock.now(), self._database.login_failures
        gone = [subject for subject, row in failures.items() if row.expire_time <= now][:batch]
        for subject in gone:
            del failures[subject]
        return len(gone)

    def _sweep_login_sources(self, batch: int) -> int:
        now, sources = self._database.clock.now(), self._database.login_sources
        gone = [source for source, expire_time in sources.items() if expire_time <= now][:batch]
        for source in gone:
            del sources[source]
        return len(gone)


def _day(at: datetime) -> date:
    return at.astimezone(UTC).date()


def _day_after(at: datetime) -> date:
    return _day(at) + timedelta(days=1)
