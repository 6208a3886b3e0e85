"""The profiles of users, in memory."""

from tokenauthority_server.adapters.memory.database import MemoryDatabase
from tokenauthority_server.adapters.memory.directory import is_taken, put_profile
from tokenauthority_server.adapters.memory.rows import AuditEvent, UserRow
from tokenauthority_server.domain.errors import UsernameTakenError, UserNotFoundError
from tokenauthority_server.domain.sessions import Origin
from tokenauthority_server.domain.users import Profile, User, UserPage, UserStatus


class MemoryUserStore:
    """A UserStore over a MemoryDatabase."""

    def __init__(self, database: MemoryDatabase) -> None:
        self._database = database

    async def put(self, profile: Profile, profile_size: int, origin: Origin) -> User:
        """Create the user or replace the profile, and return the user as it is now."""
        return _user(put_user(self._database, profile, profile_size, origin))

    async def by_id(self, user_id: str) -> User:
        """Return the user; raise UserNotFoundError."""
        row = self._database.users.get(user_id)
        if row is None or row.status is UserStatus.DELETED:
            raise UserNotFoundError
        return _user(row)

    async def by_username(self, username: str) -> User:
        """Return the user; raise UserNotFoundError."""
        for row in self._database.users.values():
            if row.status is not UserStatus.DELETED and row.profile.username == username:
                return _user(row)
        raise UserNotFoundError

    async def page(self, prefix: str, size: int, after: str) -> UserPage:
        """Return up to `size` users whose username begins so, by its bytes, after that one."""
        rows = {
            row.profile.username: row
            for row in self._database.users.values()
            if row.status is not UserStatus.DELETED and row.profile.username.startswith(prefix)
        }
        names = sorted((name for name in rows if name > after), key=str.encode)
        return UserPage(
            users=tuple(_user(rows[name]) for name in names[:size]),
            cursor=names[size - 1] if len(names) > size else None,
        )


def put_user(database: MemoryDatabase, profile: Profile, size: int, origin: Origin) -> UserRow:
    """Create the user or replace the profile, with its event; raise UsernameTakenError."""
    if is_taken(profile, database):
        raise UsernameTakenError
    before = database.users.get(profile.user_id)
    if before is not None and before.profile == profile:
        return before
    row = put_profile(database, profile, size)
    kind = "user.profile_changed"
    if before is None:
        kind = "user.created"
    elif before.status is UserStatus.DELETED:
        kind = "user.restored"
        row = database.set_user(row, status=UserStatus.ACTIVE)
    database.audit_events.append(
        AuditEvent(time=database.clock.now(), kind=kind, origin=origin, user_id=profile.user_id)
    )
    return row


def _user(row: UserRow) -> User:
    return User(
        profile=row.profile,
        status=row.status,
        locked_until=row.locked_until,
        last_login_time=row.last_login_time,
        create_time=row.create_time,
        update_time=row.update_time,
    )
