"""Administering users."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Unpack

from tokenauthority.v1 import admin_service_pb2 as pb
from tokenauthority_client import convert
from tokenauthority_client.admin import converting
from tokenauthority_client.admin.models import (
    PutUserResult,
    User,
    UserPage,
    UserStatusResult,
)
from tokenauthority_client.connection import CallOptions
from tokenauthority_client.enums import UserStatus
from tokenauthority_client.models import EndedSessions, Subject
from tokenauthority_client.paging import all_pages
from tokenauthority_client.service import Service


class Users(Service):
    """What administrators do with users."""

    async def put_user(self, user: Subject | User, **options: Unpack[CallOptions]) -> PutUserResult:
        """Create a user, or replace the profile of one. Of a User only the profile is taken.

        A deleted user comes back, without a password. A role or a permission that is taken away
        kills the access tokens issued before; sessions stay.

        Raises UsernameTakenError or ProfileTooLargeError.
        """
        response = await self._connection.call(
            self._connection.rpcs.admin.PutUser,
            pb.PutUserRequest(user=converting.to_user(user)),
            **options,
        )
        return PutUserResult(
            user=converting.from_user(response.user),
            effective_everywhere=response.effective_everywhere,
        )

    async def get_user(self, user_id: str, **options: Unpack[CallOptions]) -> User:
        """Return a user by id. Raises UserNotFoundError, for a deleted one too."""
        return await self._get(pb.GetUserRequest(user_id=user_id), options)

    async def get_user_by_username(self, username: str, **options: Unpack[CallOptions]) -> User:
        """Return a user by login name. Raises UserNotFoundError, for a deleted one too."""
        return await self._get(pb.GetUserRequest(username=username), options)

    async def list_users(
        self,
        *,
        prefix: str = "",
        page_size: int = 0,
        page_token: str = "",
        **options: Unpack[CallOptions],
    ) -> UserPage:
        """Return a page of the users whose usernames begin with `prefix`, in their order.

        A `page_size` of 0 means 50, and above 500 is taken as 500. `page_token` is the
        `next_page_token` of the page before.
        """
        response = await self._connection.call(
            self._connection.rpcs.admin.ListUsers,
            pb.ListUsersRequest(prefix=prefix, page_size=page_size, page_token=page_token),
            **options,
        )
        return UserPage(
            users=tuple(converting.from_user(user) for user in response.users),
            next_page_token=response.next_page_token,
        )

    def iter_users(
        self, *, prefix: str = "", page_size: int = 0, **options: Unpack[CallOptions]
    ) -> AsyncIterator[User]:
        """Yield all users whose usernames begin with `prefix`, asking for page after page.

        The time-out holds for each page.
        """

        async def ask(page_token: str) -> tuple[tuple[User, ...], str]:
            page = await self.list_users(
                prefix=prefix, page_size=page_size, page_token=page_token, **options
            )
            return page.users, page.next_page_token

        return all_pages(ask)

    async def set_password(
        self, user_id: str, password: str, **options: Unpack[CallOptions]
    ) -> EndedSessions:
        """Give a user another password, and end all sessions of the user.

        It is made once: after an UnavailableError it is not known whether it was carried out.

        Raises UserNotFoundError, or PasswordRefusedError, whose `violations` name the rule that
        the password breaks.
        """
        response = await self._connection.call(
            self._connection.rpcs.admin.SetPassword,
            pb.SetPasswordRequest(
                user_id=user_id, password=convert.new_password(password, "password")
            ),
            **options,
        )
        return convert.from_ended(response)

    async def set_user_status(
        self,
        user_id: str,
        status: UserStatus,
        *,
        locked_until_time: datetime | None = None,
        **options: Unpack[CallOptions],
    ) -> UserStatusResult:
        """Let a user in, or keep one out and end all sessions of the user.

        A LOCKED user is let in again at `locked_until_time`, where there is one.

        Raises UserNotFoundError.
        """
        response = await self._connection.call(
            self._connection.rpcs.admin.SetUserStatus,
            pb.SetUserStatusRequest(
                user_id=user_id,
                status=converting.to_user_status(status),
                locked_until_time=convert.to_time(locked_until_time, "locked_until_time"),
            ),
            **options,
        )
        return UserStatusResult(
            user=converting.from_user(response.user),
            revoked_sessions=response.revoked_sessions,
            effective_everywhere=response.effective_everywhere,
        )

    async def delete_user(self, user_id: str, **options: Unpack[CallOptions]) -> EndedSessions:
        """Delete a user, with all sessions. Raises UserNotFoundError for one who never was."""
        response = await self._connection.call(
            self._connection.rpcs.admin.DeleteUser,
            pb.DeleteUserRequest(user_id=user_id),
            **options,
        )
        return convert.from_ended(response)

    async def _get(self, request: pb.GetUserRequest, options: CallOptions) -> User:
        response = await self._connection.call(
            self._connection.rpcs.admin.GetUser, request, **options
        )
        return converting.from_user(response.user)
