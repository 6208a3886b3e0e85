"""What is counted of failed logins, in memory."""

from dataclasses import replace
from datetime import datetime, timedelta
from math import ceil

from tokenauthority_server.adapters.memory.database import MemoryDatabase
from tokenauthority_server.adapters.memory.rows import FailureRow
from tokenauthority_server.domain.logins import SETTLED_WITHIN, LoginLimits


class Failures:
    """The failures of names, of sources, and of known sources at names."""

    def __init__(self, database: MemoryDatabase, limits: LoginLimits) -> None:
        self._database = database
        self._limits = limits

    @property
    def _now(self) -> datetime:
        return self._database.clock.now()

    def of(self, subject: bytes) -> FailureRow:
        """Return what a subject has failed at that still counts."""
        row = self._database.login_failures.get(subject)
        if row is None or row.expire_time <= self._now:
            return FailureRow(change_time=self._now, expire_time=self._now)
        return row

    def allowance(self, subject: bytes, form: bytes) -> FailureRow:
        """Return those of a name, or of a known source at it: what nobody settled has failed."""
        row, now = self.of(subject), self._now
        if row.pending and row.change_time + SETTLED_WITHIN <= now:
            row = replace(row, failures=row.failures + row.pending, pending=0)
        if row.failures >= self._limits.failures:
            until = row.blocked_until or row.change_time + self._limits.lock
            row = replace(row, blocked_until=until)
        if row.blocked_until is not None and row.blocked_until <= now:
            row = replace(row, failures=0, blocked_until=None)
        counted = row.failures + row.pending
        return replace(row, form=form if row.form == form or not counted else None)

    def source(self, subject: bytes) -> FailureRow:
        """Return those of a source, less what has worn off, and one more."""
        row = self.of(subject)
        worn_off = self._limits.source_failures * (
            (self._now - row.change_time) / self._limits.lock
        )
        return replace(row, failures=1 + max(0, row.failures - worn_off))

    def reserve(self, subject: bytes, row: FailureRow) -> None:
        """Note that an attempt is under way."""
        self._put(subject, replace(row, pending=row.pending + 1, blocked_until=None))

    def count_source(self, subject: bytes, row: FailureRow) -> None:
        """Note a source's failure; those above what is free double the wait for the next one."""
        limits, above = self._limits, row.failures - self._limits.source_failures
        wait = min(limits.lock, timedelta(seconds=2 ** min(20, max(0, ceil(above) - 1))))
        self._put(
            subject,
            replace(row, blocked_until=self._now + wait if above > 0 else None),
            limits.lock * max(1, row.failures / limits.source_failures),
        )

    def add(self, subject: bytes, form: bytes, settles: int) -> bool:
        """Count a failure; return whether it is the one that locks."""
        row = self.allowance(subject, form)
        if row.blocks(self._now):
            return False
        locks = row.failures + 1 >= self._limits.failures
        self._put(
            subject,
            replace(
                row,
                failures=row.failures + 1,
                pending=max(0, row.pending - settles),
                blocked_until=self._now + self._limits.lock if locks else None,
            ),
        )
        return locks

    def give_back(self, source: bytes) -> None:
        """Take back what a source's attempt was counted as: it was none."""
        row = self._database.login_failures.get(source)
        if row is not None:
            left = max(0, row.failures - 1)
            until = row.blocked_until if left > self._limits.source_failures else None
            self._database.login_failures[source] = replace(row, failures=left, blocked_until=until)

    def _put(self, subject: bytes, row: FailureRow, lifetime: timedelta | None = None) -> None:
        self._database.login_failures[subject] = replace(
            row, change_time=self._now, expire_time=self._now + (lifetime or self._limits.lock)
        )


def forget(
    database: MemoryDatabase, name: bytes, form: bytes, own: bytes, *, known_source: bool
) -> None:
    """Forget what an attempt was judged by, which was right.

    What was tried at another form of the name stays, and so does a lock that others brought about.
    """
    rows = database.login_failures
    rows.pop(own, None)
    row = rows.get(name)
    if row is None:
        return
    if row.form == form and not (known_source and row.blocks(database.clock.now())):
        del rows[name]
    elif not known_source:
        rows[name] = replace(row, pending=max(0, row.pending - 1))
