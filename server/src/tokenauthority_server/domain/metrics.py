"""What has been counted: changes by day, and the sessions that live."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveSessions:
    """How many sessions are live, and when they were counted, by the database's clock."""

    count: int
    as_of_time: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenMetrics:
    """The changes of one day (UTC), and the sessions that are live now.

    `revoked` counts tokens and sessions ended one by one, `bulk_revoked` the sessions that ended
    with all of their user's. `live_sessions` is None where it is not counted: by device, and before
    the first count.
    """

    created: int = 0
    refreshed: int = 0
    revoked: int = 0
    bulk_revoked: int = 0
    reuse_detected: int = 0
    logins: int = 0
    failed_logins: int = 0
    live_sessions: LiveSessions | None = None
