"""UserStore over PostgreSQL."""

from typing import Final

import asyncpg

from tokenauthority_server.adapters.postgres.database import Database
from tokenauthority_server.domain.errors import UsernameTakenError, UserNotFoundError
from tokenauthority_server.domain.revocations import FACT_MARGIN, LONGEST_ACCESS_LIFETIME
from tokenauthority_server.domain.sessions import Origin
from tokenauthority_server.domain.users import Profile, User, UserPage, UserStatus

PUT: Final = "SELECT * FROM tokenauthority.put_user_v1($1, $2, $3, $4, $5, $6, $7, $8, $9)"

_COLUMNS = """
SELECT user_id, username, email, roles, permissions, status, locked_until, last_login_at,
    created_at, updated_at
FROM tokenauthority.users
"""
BY_ID: Final = f"{_COLUMNS} WHERE user_id = $1 AND status <> 'DELETED'"
BY_USERNAME: Final = f"{_COLUMNS} WHERE username = $1"

# By bytes, as the index users_by_username has them. A tombstone has no username.
PAGE: Final = f"""{_COLUMNS}
WHERE username ~>=~ $1 AND username ~<~ $2 AND username ~>~ $3
ORDER BY username USING ~<~
LIMIT $4
"""

_LAST_CHARACTER = 0x10FFFF
_SURROGATES = range(0xD800, 0xE000)
_BEYOND_ALL = chr(_LAST_CHARACTER) * 64
"""No username is as long as to come after it."""


class PostgresUserStore:
    """The profiles of users, each change in one round trip and one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def put(self, profile: Profile, profile_size: int, origin: Origin) -> User:
        """See UserStore.put."""
        try:
            (row,) = await self._database.change(
                PUT,
                profile.user_id,
                profile.username,
                profile.email,
                profile.roles,
                profile.permissions,
                profile_size,
                LONGEST_ACCESS_LIFETIME + FACT_MARGIN,
                origin.caller,
                origin.request_id,
            )
        except asyncpg.UniqueViolationError as error:
            if error.constraint_name != "users_username_key":
                raise
            raise UsernameTakenError from error
        if row["outcome"] == "username_taken":
            raise UsernameTakenError
        return _user(row)

    async def by_id(self, user_id: str) -> User:
        """See UserStore.by_id."""
        return _only(await self._database.ask(BY_ID, user_id))

    async def by_username(self, username: str) -> User:
        """See UserStore.by_username."""
        return _only(await self._database.ask(BY_USERNAME, username))

    async def page(self, prefix: str, size: int, after: str) -> UserPage:
        """See UserStore.page."""
        rows = await self._database.scan(PAGE, prefix, after_all(prefix), after, size + 1)
        users = tuple(_user(row) for row in rows[:size])
        return UserPage(
            users=users, cursor=users[-1].profile.username if len(rows) > size else None
        )


def after_all(prefix: str) -> str:
    """Return the least text that comes, by its bytes, after all that begin so."""
    # In UTF-8 the bytes have the order of the characters.
    head = prefix.rstrip(chr(_LAST_CHARACTER))
    if not head:
        return _BEYOND_ALL
    following = ord(head[-1]) + 1
    return head[:-1] + chr(_SURROGATES.stop if following in _SURROGATES else following)


def _only(rows: list[asyncpg.Record]) -> User:
    if not rows:
        raise UserNotFoundError
    return _user(rows[0])


def _user(row: asyncpg.Record) -> User:
    return User(
        profile=Profile(
            user_id=row["user_id"],
            username=row["username"],
            email=row["email"],
            roles=tuple(row["roles"]),
            permissions=tuple(row["permissions"]),
        ),
        status=UserStatus(row["status"]),
        locked_until=row["locked_until"],
        last_login_time=row["last_login_at"],
        create_time=row["created_at"],
        update_time=row["updated_at"],
    )
