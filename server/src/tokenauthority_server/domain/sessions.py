"""Sessions: what is asked of the store, and what it answers."""

import hashlib
import json
from dataclasses import astuple, dataclass, field
from datetime import datetime, timedelta

from tokenauthority_server.domain.users import Profile


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """What a session runs on, as the caller sees it."""

    device_id: str = ""
    user_agent: str = ""
    ip_address: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Who asks: the caller's name ("" while callers are not told apart) and the call's id."""

    caller: str = ""
    request_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lifetimes:
    """How long what is minted lives."""

    access: timedelta
    refresh: timedelta
    session: timedelta
    grace: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateRequest:
    """CreatePair as asked: by a `profile` that replaces the directory's, or by `user_id` alone."""

    user_id: str
    profile: Profile | None = None
    device: Device = Device()
    scope: tuple[str, ...] = ()
    request_id: str = ""

    def digest(self) -> bytes:
        """Return a SHA-256 that tells two requests with one request_id apart."""
        return hashlib.sha256(json.dumps(astuple(self)).encode()).digest()


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionCap:
    """How many live sessions a user may have (0: any number).

    A session above it ends the oldest ones if `evicts`, else it is refused.
    """

    sessions: int = 0
    evicts: bool = True


NO_CAP = SessionCap()


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSession:
    """A session to be opened. `profile_budget` is in bytes: what a token leaves for the profile."""

    request: CreateRequest
    session_id: str
    refresh_fingerprint: bytes = field(repr=False)
    key_id: str
    profile_size: int
    profile_budget: int
    cap: SessionCap = NO_CAP


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotation:
    """A refresh token to be exchanged for its successor.

    `presented_key_id` is the key that signed it, and `key_id` the one that signs the successor.
    `presented_issue_time` is its own `iat`, for the audit trail.
    """

    user_id: str
    session_id: str
    presented: bytes = field(repr=False)
    presented_key_id: str
    presented_issue_time: datetime
    successor: bytes = field(repr=False)
    device: Device
    key_id: str
    profile_budget: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """The state of a session from which its current pair is signed.

    The same state always gives the same pair: the same token ids, times and claims. Times are whole
    seconds of the database's clock; `now` is when it was read. `replayed` says that this pair had
    been given before.
    """

    profile: Profile
    profile_epoch: int
    session_id: str
    device_id: str
    scope: tuple[str, ...]
    epoch: int
    generation: int
    refresh_fingerprint: bytes = field(repr=False)
    key_id: str
    issue_time: datetime
    access_expire_time: datetime
    refresh_expire_time: datetime
    now: datetime
    replayed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A live session, as it is listed."""

    session_id: str
    user_id: str
    device: Device
    scope: tuple[str, ...]
    create_time: datetime
    last_activity_time: datetime
    expire_time: datetime
    end_time: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionCursor:
    """Where a page of sessions, newest first, ended."""

    create_time: datetime
    session_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionPage:
    """A page of live sessions, and where the next one begins (None: there is none)."""

    sessions: tuple[Session, ...]
    cursor: SessionCursor | None
