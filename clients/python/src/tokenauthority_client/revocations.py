"""What a watcher is told."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from tokenauthority_client.enums import RevocationReason


@dataclass(frozen=True, slots=True)
class TokenTarget:
    """The token with this `jti`."""

    token_id: str


@dataclass(frozen=True, slots=True)
class SessionTarget:
    """Every token of a session."""

    session_id: str


@dataclass(frozen=True, slots=True)
class KeyTarget:
    """Every token that a key (`kid`) has signed."""

    key_id: str


@dataclass(frozen=True, slots=True)
class UserTarget:
    """Every token of a user with a lower `epoch`, unless it is of the excepted session."""

    user_id: str
    epoch: int
    except_session_id: str
    """Empty for none."""


@dataclass(frozen=True, slots=True)
class ProfileTarget:
    """Every access token of a user with a lower `profile_epoch`."""

    user_id: str
    profile_epoch: int


@dataclass(frozen=True, slots=True)
class Fact:
    """A revocation. Applied twice, or out of order, facts come to the same."""

    target: TokenTarget | SessionTarget | KeyTarget | UserTarget | ProfileTarget
    """What it kills."""
    reason: RevocationReason | None
    """Why; None for a caller who may not see reasons."""
    expire_time: datetime
    """From when on it matters no more."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A part of all facts that matter."""

    cursor: str
    """Where to resume; empty before the last part."""
    facts: tuple[Fact, ...]
    """Of this part."""
    complete: bool
    """Whether it is the last part."""


@dataclass(frozen=True, slots=True)
class Revocations:
    """Facts that have come since. There may be none: then only the cursor has moved."""

    cursor: str
    """Where to resume; empty where more belongs to them."""
    facts: tuple[Fact, ...]
    """As they came."""


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """All up to the cursor has been told."""

    cursor: str
    """Where to resume."""
    lease: timedelta
    """How long tokens may be accepted, counted from before the report was sent."""
    answered_report_id: int
    """Which report that is; 0 answers none, and grants nothing."""


Event = Snapshot | Revocations | Heartbeat
