"""The audit trail: who did what to whom, from where, and how it ended."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from tokenauthority_server.domain.sessions import Device

OK = "OK"
"""The outcome of what was done."""

ERASED = "user.erased"
"""The kind of the event that says that a person was removed from the trail."""

IMPERSONAL_DETAILS = frozenset(
    {
        "algorithm",
        "cleared_rows",
        "create_time_before",
        "day",
        "dry_run",
        "end_time",
        "first_user_id",
        "for",
        "generation",
        "issued_at",
        "key_id",
        "kinds",
        "last_user_id",
        "locked_until",
        "locked_until_time",
        "matched_sessions",
        "profile_epoch",
        "profile_version",
        "reason",
        "replaced_by",
        "retired_key_id",
        "revoked_sessions",
        "session_generation",
        "session_rotated_at",
        "start_time",
        "state",
        "status",
        "successor_key_id",
        "token_id",
    }
)
"""What erasing a person leaves of an event's details: nothing else. A detail that is not named here
is taken for personal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEvent:
    """One thing that happened. `caller` asked for it; of the authority's own work, what did it.

    `event_id` is a UUIDv7 (RFC 9562). No detail holds a secret.
    """

    event_id: str
    time: datetime
    kind: str
    caller: str
    user_id: str
    session_id: str
    device: Device
    outcome: str
    reason: str
    request_id: str
    details: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditNote:
    """An event to be written that belongs to no change: a look at something, or a refusal."""

    kind: str
    user_id: str = ""
    session_id: str = ""
    outcome: str = OK
    details: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditFilter:
    """Events that meet all of what is set; `end_time` itself is not meant any more."""

    user_id: str = ""
    session_id: str = ""
    kinds: tuple[str, ...] = ()
    start_time: datetime | None = None
    end_time: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditPage:
    """Events, newest first, and the id before which the next page begins (None: there is none).

    A page may hold fewer events than were asked for, even none, and still have a next one: how
    much one page looks at is bounded.
    """

    events: tuple[AuditEvent, ...]
    cursor: str | None
