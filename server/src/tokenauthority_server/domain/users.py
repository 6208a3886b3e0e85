"""Users as the directory holds them."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What a user's access tokens say about the user."""

    user_id: str
    username: str
    email: str = ""
    roles: tuple[str, ...] = ()
    permissions: tuple[str, ...] = ()


class UserStatus(StrEnum):
    """Where a user stands; DELETED is the tombstone that keeps the epochs."""

    ACTIVE = "ACTIVE"
    DISABLED = "DISABLED"
    LOCKED = "LOCKED"
    DELETED = "DELETED"


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A user, without any secret. `locked_until` belongs to LOCKED: None locks for good.

    `update_time` is when the profile or the status last changed.
    """

    profile: Profile
    status: UserStatus
    locked_until: datetime | None
    last_login_time: datetime | None
    create_time: datetime
    update_time: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class UserPage:
    """A page of users by username, and the last username of it (None: there is no next page)."""

    users: tuple[User, ...]
    cursor: str | None
