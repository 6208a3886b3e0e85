"""What goes into a call and what comes out of it. Times are in UTC; nothing here can be changed."""

from dataclasses import dataclass, field
from datetime import datetime

from tokenauthority_client.enums import (
    CheckSource,
    InactiveReason,
    KeyState,
    RevocationReason,
    TokenType,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A user's whole profile as the caller knows it. It replaces the directory's."""

    user_id: str
    """At most 128 bytes."""
    username: str
    """The login name, unique among users. At most 150 bytes."""
    email: str = ""
    """At most 254 bytes."""
    roles: tuple[str, ...] = ()
    """Neither empty nor repeated."""
    permissions: tuple[str, ...] = ()
    """Neither empty nor repeated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """What a session runs on."""

    device_id: str = ""
    """The device's own lasting id, fixed for a session. At most 128 bytes."""
    user_agent: str = ""
    """At most 512 bytes."""
    ip_address: str = ""
    """An IPv4 or IPv6 address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenPair:
    """An access token and the refresh token that replaces it (RFC 6749, section 5.1).

    The tokens are secrets, so the pair's repr leaves them out.
    """

    access_token: str = field(repr=False)
    """To present with each request."""
    refresh_token: str = field(repr=False)
    """To exchange for the next pair, once."""
    expires_in: int
    """Seconds until the access token expires."""
    token_type: str
    """Always "Bearer"."""
    session_id: str
    """The session of both tokens."""
    access_expire_time: datetime
    """When the access token expires."""
    refresh_expire_time: datetime
    """When the refresh token expires."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshResult:
    """The successor of a refreshed pair."""

    pair: TokenPair
    """What to use from now on."""
    replayed: bool
    """Whether this very pair had been given before, to a call whose reply may have been lost."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """What an active token says. What it does not carry is empty."""

    user_id: str
    """`sub`."""
    username: str
    """The login name when the token was minted. Access tokens only."""
    email: str
    """Access tokens only."""
    roles: tuple[str, ...]
    """Access tokens only."""
    permissions: tuple[str, ...]
    """Access tokens only."""
    session_id: str
    """The session that the token belongs to."""
    device_id: str
    """The device that the session was opened on."""
    scope: tuple[str, ...]
    """The session's scope."""
    token_type: TokenType
    """Which of the two tokens this is."""
    issuer: str
    """`iss`."""
    audience: str
    """`aud`."""
    issue_time: datetime
    """`iat`."""
    expire_time: datetime
    """`exp`."""
    token_id: str
    """`jti`."""
    key_id: str
    """`kid`."""
    epoch: int
    """The session's epoch."""
    profile_epoch: int
    """The user's profile epoch when the token was minted. Access tokens only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidationResult:
    """Whether a token is good, in the sense of RFC 7662. True in a condition only if it is."""

    active: bool
    """Whether it is good at `check_time`."""
    reason: InactiveReason | None
    """Why it is not active."""
    revocation_reason: RevocationReason | None
    """Why it was revoked, where the reason is a revocation."""
    claims: Claims | None
    """What it says; only when it is active."""
    check_time: datetime
    """When it was checked."""
    source: CheckSource | None
    """What the verdict rests on; None when the token alone decided."""

    # Without this, `if await client.validate(token):` would let every token in.
    def __bool__(self) -> bool:
        return self.active


@dataclass(frozen=True, slots=True, kw_only=True)
class RevocationResult:
    """What a revocation ended. Zeroes mean that it was unknown or already dead."""

    revoked_sessions: int
    """Live sessions that this call ended."""
    revoked_tokens: int
    """1 for an access token that was alive."""
    effective_everywhere: bool
    """Whether no validation that starts from now on, anywhere, accepts what was revoked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogoutResult:
    """How far a logout has got."""

    effective_everywhere: bool
    """Whether no validation that starts from now on, anywhere, accepts the session's tokens."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EndedSessions:
    """What a change ended of a user's sessions."""

    revoked_sessions: int
    """Live sessions that this call ended."""
    effective_everywhere: bool
    """Whether no validation that starts from now on, anywhere, accepts their tokens."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One live session of a user."""

    session_id: str
    """What to revoke it by."""
    user_id: str
    """Whose it is."""
    device: Device
    """The device as it was last seen."""
    scope: tuple[str, ...]
    """What it was opened with."""
    create_time: datetime
    """When it was opened."""
    last_activity_time: datetime | None
    """When it was last used, as far as is known."""
    expire_time: datetime
    """When its refresh token expires, unless it is refreshed before."""
    end_time: datetime
    """When it ends however often it is refreshed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionPage:
    """Some of a user's sessions, newest first."""

    sessions: tuple[Session, ...]
    """The sessions of this page."""
    next_page_token: str
    """What to ask for the next page with. Empty on the last page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicKey:
    """A key that verifies the authority's tokens."""

    key_id: str
    """`kid`."""
    algorithm: str
    """The JWS algorithm (RFC 7518), "ES256" for example."""
    state: KeyState
    """Where it stands in its life."""
    jwk: str
    """The key as a JSON Web Key (RFC 7517)."""
    activate_time: datetime | None
    """When it began to sign. None while it is prepared."""
    retire_time: datetime | None
    """When it stopped signing. None before that."""
