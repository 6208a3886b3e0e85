"""What goes into the calls of administrators and what comes out of them. Times are in UTC."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from tokenauthority_client.enums import KeyState, UserStatus
from tokenauthority_client.models import Device


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A user as the directory holds it."""

    user_id: str
    """The user's id."""
    username: str
    """The login name, unique among users."""
    email: str
    """Empty when there is none."""
    roles: tuple[str, ...]
    """What the user is."""
    permissions: tuple[str, ...]
    """What the user may do."""
    status: UserStatus
    """Whether the user is let in."""
    locked_until_time: datetime | None
    """When a LOCKED user is let in again by itself. None is never."""
    last_login_time: datetime | None
    """When the user last logged in with a password."""
    create_time: datetime
    """When the user was created."""
    update_time: datetime
    """When the profile last changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UserPage:
    """Some users, in the order of their usernames."""

    users: tuple[User, ...]
    """The users of this page."""
    next_page_token: str
    """What to ask for the next page with. Empty on the last page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PutUserResult:
    """What came of a profile."""

    user: User
    """The user as the directory holds it now."""
    effective_everywhere: bool
    """Whether no validation that starts from now on, anywhere, accepts a right taken away."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UserStatusResult:
    """What came of a status."""

    user: User
    """The user as the directory holds it now."""
    revoked_sessions: int
    """Live sessions that this call ended."""
    effective_everywhere: bool
    """Whether no validation that starts from now on, anywhere, accepts their tokens."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionCriteria:
    """Which sessions are meant: those that meet all that is set. Something has to be."""

    user_id: str = ""
    """Whose they are."""
    device_id: str = ""
    """On which device."""
    ip_range: str = ""
    """From which addresses: a network in CIDR notation (RFC 4632), as "192.0.2.0/24"."""
    user_agent: str = ""
    """A part of the user agent; case counts."""
    create_time_before: datetime | None = None
    """Opened before this time, which has a time zone."""
    key_id: str = ""
    """Whose current refresh token this key has signed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionsRevocationResult:
    """What met the criteria, and what of it ended."""

    matched_sessions: int
    """Live sessions that met the criteria."""
    revoked_sessions: int
    """Those of them that this call ended: none in a dry run."""
    effective_everywhere: bool
    """Whether no validation that starts from now on, anywhere, accepts their tokens."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenMetrics:
    """What was counted on a day (UTC)."""

    created: int
    """Sessions opened."""
    refreshed: int
    """Refreshes, replays not among them."""
    revoked: int
    """Tokens and sessions ended one by one."""
    bulk_revoked: int
    """Sessions that ended with all of their user's. Not by device."""
    reuse_detected: int
    """Sessions ended because a rotated refresh token came back."""
    logins: int
    """Logins with a password that was right."""
    failed_logins: int
    """Logins with a password that was not, and those during a lock."""
    active_sessions: int | None
    """Sessions that are live. None by device, and where they have not been counted yet."""
    as_of_time: datetime | None
    """When those were counted: at most 60 s ago."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKey:
    """A signing key in its life, without its private half."""

    key_id: str
    """`kid`."""
    algorithm: str
    """The JWS algorithm (RFC 7518), "ES256" for example."""
    state: KeyState
    """Where it stands in its life."""
    create_time: datetime
    """When it was made and published."""
    activate_time: datetime | None
    """When it began to sign. None before that."""
    retire_time: datetime | None
    """When it ceased to. None before that."""
    last_expire_time: datetime | None
    """Nothing that it signs expires later."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRevocationResult:
    """What the revocation of a key ended."""

    key: SigningKey
    """The key that was revoked."""
    revoked_sessions: int | None
    """Live sessions that this call ended. None where they are too many to be counted within it."""
    effective_everywhere: bool
    """Whether no validation that starts from now on, anywhere, accepts what it has signed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditCriteria:
    """Which events are meant: those that meet all that is set. With nothing set, all."""

    user_id: str = ""
    """Whom they concern."""
    session_id: str = ""
    """Which session they concern."""
    kinds: tuple[str, ...] = ()
    """What happened, as "session.created". At most 32."""
    start_time: datetime | None = None
    """From then on. It has a time zone."""
    end_time: datetime | None = None
    """Before then. It has a time zone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEvent:
    """One thing that happened."""

    event_id: str
    """A UUIDv7 (RFC 9562), in the order of time."""
    time: datetime
    """When, by the database's clock."""
    kind: str
    """What, as "session.created"."""
    caller: str
    """The name of the caller that asked for it; of the authority's own work, what did it."""
    user_id: str
    """Whom it concerns; empty for nobody."""
    session_id: str
    """The session that it concerns; empty for none."""
    device: Device
    """As far as it is known and has not been erased."""
    outcome: str
    """"OK", or how it failed."""
    reason: str
    """Why, where there is a reason."""
    request_id: str
    """The request id of the call."""
    details: Mapping[str, str] = field(hash=False)
    """What else is known, for reading."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEventPage:
    """Some events, newest first."""

    events: tuple[AuditEvent, ...]
    """The events of this page."""
    next_page_token: str
    """What to ask for the next page with. Empty on the last page."""
