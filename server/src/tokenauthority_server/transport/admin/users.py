"""Users: their profiles, passwords and statuses."""

from typing import Any

import grpc
from typing_extensions import override

from tokenauthority.v1 import admin_service_pb2 as pb
from tokenauthority_server.transport.admin import requests, responses
from tokenauthority_server.transport.admin.auditing import audited
from tokenauthority_server.transport.admin.use_cases import AdminCalls
from tokenauthority_server.transport.calling import origin

_Context = grpc.aio.ServicerContext[Any, Any]


class UserCalls(AdminCalls):
    """Errors are raised as they are: interceptors/errors.py gives them their status."""

    @override
    async def PutUser(self, request: pb.PutUserRequest, context: _Context) -> pb.PutUserResponse:
        async with audited(self._use.trail, "admin.put_user", user_id=request.user.user_id):
            # Here, since it may be refused for its size.
            profile = requests.put_user(request)
            done = await self._use.users.put(profile, origin())
        return pb.PutUserResponse(
            user=responses.user(done.user), effective_everywhere=done.effective_everywhere
        )

    @override
    async def GetUser(self, request: pb.GetUserRequest, context: _Context) -> pb.GetUserResponse:
        user_id, username = requests.get_user(request)
        async with audited(self._use.trail, "admin.get_user", user_id=user_id) as note:
            if user_id:
                user = await self._use.users.by_id(user_id)
            else:
                user = await self._use.users.by_username(username)
            note.user_id = user.profile.user_id
        return pb.GetUserResponse(user=responses.user(user))

    @override
    async def ListUsers(
        self, request: pb.ListUsersRequest, context: _Context
    ) -> pb.ListUsersResponse:
        prefix, page_size, page_token = requests.list_users(request)
        # The names that were seen, or looked for, are not told: nobody could be erased from it.
        async with audited(self._use.trail, "admin.list_users") as note:
            listed = await self._use.users.list_users(prefix, page_size, page_token)
            if listed.users:
                note.tell(
                    first_user_id=listed.users[0].profile.user_id,
                    last_user_id=listed.users[-1].profile.user_id,
                )
        return pb.ListUsersResponse(
            users=[responses.user(one) for one in listed.users],
            next_page_token=listed.next_page_token,
        )

    @override
    async def SetPassword(
        self, request: pb.SetPasswordRequest, context: _Context
    ) -> pb.SetPasswordResponse:
        user_id, password = requests.set_password(request)
        async with audited(self._use.trail, "admin.set_password", user_id=user_id):
            revoked = await self._use.passwords.set_password(user_id, password, origin())
        return pb.SetPasswordResponse(
            revoked_sessions=revoked.sessions,
            effective_everywhere=revoked.effective_everywhere,
        )

    @override
    async def SetUserStatus(
        self, request: pb.SetUserStatusRequest, context: _Context
    ) -> pb.SetUserStatusResponse:
        user_id, status, until = requests.set_user_status(request)
        async with audited(
            self._use.trail,
            "admin.set_user_status",
            user_id=user_id,
            status=status,
            locked_until_time=until and until.isoformat(),
        ):
            revoked = await self._use.statuses.set_status(user_id, status, until, origin())
            user = await self._use.users.by_id(user_id)
        return pb.SetUserStatusResponse(
            user=responses.user(user),
            revoked_sessions=revoked.sessions,
            effective_everywhere=revoked.effective_everywhere,
        )

    @override
    async def DeleteUser(
        self, request: pb.DeleteUserRequest, context: _Context
    ) -> pb.DeleteUserResponse:
        user_id = requests.delete_user(request)
        async with audited(self._use.trail, "admin.delete_user", user_id=user_id):
            revoked = await self._use.statuses.delete(user_id, origin())
        return pb.DeleteUserResponse(
            revoked_sessions=revoked.sessions,
            effective_everywhere=revoked.effective_everywhere,
        )
