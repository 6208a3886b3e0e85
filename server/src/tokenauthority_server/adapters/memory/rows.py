"""What the memory database holds, one value a row."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from uuid import UUID

from tokenauthority_server.domain.audit import OK
from tokenauthority_server.domain.revocations import Fact, RevocationReason
from tokenauthority_server.domain.sessions import CreateRequest, Device, Grant, Origin
from tokenauthority_server.domain.users import Profile, UserStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class UserRow:
    """A user. `locked_until` belongs to LOCKED: None locks for good."""

    profile: Profile
    profile_size: int
    create_time: datetime
    update_time: datetime
    profile_epoch: int = 0
    epoch: int = 0
    status: UserStatus = UserStatus.ACTIVE
    locked_until: datetime | None = None
    password_hash: str | None = field(default=None, repr=False)
    last_login_time: datetime | None = None

    def allowed(self, now: datetime) -> bool:
        """Tell whether the user may hold sessions."""
        if self.status is UserStatus.LOCKED:
            return self.locked_until is not None and self.locked_until <= now
        return self.status is UserStatus.ACTIVE


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionRow:
    """A session. It has ended when there is an `end_reason`.

    `grant` is the last one as it was first given: giving it again is a replay. `epoch` moves past
    the grant's when the session is excepted from a revocation. `last_access_expire_time` is of all
    the session's access tokens: lifetimes may have been longer once.
    """

    caller: str
    request: CreateRequest
    grant: Grant
    epoch: int
    device: Device
    create_time: datetime
    end_time: datetime
    last_access_expire_time: datetime
    parent: bytes | None = field(default=None, repr=False)
    end_reason: RevocationReason | None = None

    @property
    def user_id(self) -> str:
        """Whose session it is."""
        return self.grant.profile.user_id


@dataclass(frozen=True, slots=True)
class FactRow:
    """A revocation, when it was written, and from when on it kills nothing any more.

    `change` is the number of the change that made it what it is.
    """

    fact: Fact
    create_time: datetime
    expire_time: datetime
    change: int


_event_numbers = count(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureRow:
    """What a subject has failed at, and what is under way. A source's wear off by parts."""

    change_time: datetime
    expire_time: datetime
    form: bytes | None = None
    failures: float = 0
    pending: int = 0
    blocked_until: datetime | None = None

    def blocks(self, now: datetime) -> bool:
        """Tell whether there must be no attempt now."""
        return self.blocked_until is not None and self.blocked_until > now


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEvent:
    """Who did what to what. `presented_by` is the other side of a reuse. Ids are in order."""

    time: datetime
    kind: str
    origin: Origin
    user_id: str
    session_id: str = ""
    device: Device | None = None
    presented_by: Device | None = None
    reason: RevocationReason | None = None
    outcome: str = OK
    details: Mapping[str, str] = field(default_factory=dict)
    event_id: UUID = field(default_factory=lambda: UUID(int=next(_event_numbers)))
