"""Profiles, and the user's side of a creation: who the session is for, and with which one."""

from dataclasses import replace

from tokenauthority_server.adapters.memory.database import MemoryDatabase
from tokenauthority_server.adapters.memory.rows import UserRow
from tokenauthority_server.domain.errors import (
    ProfileTooLargeError,
    UsernameTakenError,
    UserNotFoundError,
)
from tokenauthority_server.domain.revocations import (
    FACT_MARGIN,
    LONGEST_ACCESS_LIFETIME,
    Fact,
    FactKind,
    RevocationReason,
)
from tokenauthority_server.domain.sessions import NewSession
from tokenauthority_server.domain.users import Profile


def admit(database: MemoryDatabase, new: NewSession) -> UserRow:
    """Return the session's user, after the profile that the request may bring was written.

    Raises UserNotFoundError, UsernameTakenError, ProfileTooLargeError; then nothing was written.
    """
    user_id, profile = new.request.user_id, new.request.profile
    user = database.users.get(user_id)
    if profile is not None:
        if is_taken(profile, database):
            raise UsernameTakenError(profile.username)
        size = new.profile_size
    elif user is not None:
        size = user.profile_size
    else:
        raise UserNotFoundError(user_id)
    if size > new.profile_budget:
        raise ProfileTooLargeError(user_id)
    if profile is None or (user is not None and user.profile == profile):
        return database.users[user_id]
    return put_profile(database, profile, size)


def is_taken(profile: Profile, database: MemoryDatabase) -> bool:
    """Tell whether another user holds the username."""
    return any(
        row.profile.username == profile.username and row.profile.user_id != profile.user_id
        for row in database.users.values()
    )


def put_profile(database: MemoryDatabase, profile: Profile, size: int) -> UserRow:
    """Write a profile that differs from what is there, with its fact; return the user's row."""
    user_id = profile.user_id
    before = database.users.get(user_id)
    now = database.clock.now()
    if before is None:
        user = UserRow(profile=profile, profile_size=size, create_time=now, update_time=now)
    else:
        user = replace(before, profile=profile, profile_size=size, update_time=now)
        if _takes_rights_away(before.profile, profile):
            user = replace(user, profile_epoch=before.profile_epoch + 1)
            fact = Fact(
                kind=FactKind.PROFILE,
                user_id=user_id,
                target="",
                reason=RevocationReason.PROFILE_CHANGED,
                epoch=user.profile_epoch,
            )
            database.put_fact(fact, now + LONGEST_ACCESS_LIFETIME + FACT_MARGIN)
    database.users[user_id] = user
    return user


def _takes_rights_away(before: Profile, after: Profile) -> bool:
    roles, permissions = set(after.roles), set(after.permissions)
    return not (roles.issuperset(before.roles) and permissions.issuperset(before.permissions))
