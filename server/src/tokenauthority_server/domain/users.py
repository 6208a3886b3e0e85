"""Users as the directory holds them."""

from dataclasses import dataclass
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
