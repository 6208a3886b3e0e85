"""Users of another system, as they are taken over."""

import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from tokenauthority_server.domain.passwords import COSTLIEST_BCRYPT, is_bcrypt
from tokenauthority_server.domain.users import Profile

_BCRYPT_COST: Final = re.compile(r"\$2[aby]\$([0-9]{2})\$")


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedUser:
    """A user to be taken over; `password_hash` is a bcrypt hash, or empty for no password."""

    profile: Profile
    profile_size: int
    password_hash: str = field(default="", repr=False)
    active: bool = True


class Imported(StrEnum):
    """What became of one."""

    CREATED = "created"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    PASSWORD_KEPT = "password_kept"  # noqa: S105 - an outcome, no secret
    """Another password was set here since. All else is as the file says."""
    USERNAME_TAKEN = "username_taken"
    USER_DELETED = "user_deleted"


REFUSALS: Final = {
    Imported.USERNAME_TAKEN: "username is held by another user",
    Imported.USER_DELETED: "id is that of a deleted user, who comes back by PutUser alone",
}
"""The outcomes of users who were not taken over, and why."""


def hash_problem(password_hash: str) -> str | None:
    """Return why no login would check the hash; None when one would."""
    if is_bcrypt(password_hash):
        return None
    found = _BCRYPT_COST.match(password_hash)
    if found and int(found[1]) > COSTLIEST_BCRYPT:
        return f"has a cost of {int(found[1])}; at most {COSTLIEST_BCRYPT} is ever checked"
    return "is no bcrypt hash ($2a$, $2b$ or $2y$, a cost, and 53 characters)"
