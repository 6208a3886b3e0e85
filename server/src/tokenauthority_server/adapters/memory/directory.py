"""The user's side of a creation: who the session is for, and with which profile."""

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
        if _is_taken(profile, database):
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
    return _put_profile(database, profile, size)


def _is_taken(profile: Profile, database: MemoryDatabase) -> bool:
    return any(
        row.profile.username == profile.username and row.profile.user_id != profile.user_id
        for row in database.users.values()
    )


def _put_profile(database: MemoryDatabase, profile: Profile, size: int) -> UserRow:
    user_id = profile.user_id
    before = database.users.get(user_id)
    if before is None:
        user = UserRow(profile=profile, profile_size=size)
    else:
        user = replace(before, profile=profile, profile_size=size)
        if _takes_rights_away(before.profile, profile):
            user = replace(user, profile_epoch=before.profile_epoch + 1)
            fact = Fact(
                kind=FactKind.PROFILE,
                user_id=user_id,
                target="",
                reason=RevocationReason.PROFILE_CHANGED,
                epoch=user.profile_epoch,
            )
            now = database.clock.now()
            database.put_fact(fact, now + LONGEST_ACCESS_LIFETIME + FACT_MARGIN)
    database.users[user_id] = user
    return user


def _takes_rights_away(before: Profile, after: Profile) -> bool:
    roles, permissions = set(after.roles), set(after.permissions)
    return not (roles.issuperset(before.roles) and permissions.issuperset(before.permissions))
