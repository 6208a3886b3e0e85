"""AccountService: each method parses, calls one use case, converts and returns."""

from dataclasses import dataclass
from typing import Any

import grpc
from typing_extensions import override

from tokenauthority.v1 import account_service_pb2 as pb
from tokenauthority.v1.account_service_pb2_grpc import (
    AccountServiceServicer,
    add_AccountServiceServicer_to_server,
)
from tokenauthority_server.services.logging_in import LoggingIn
from tokenauthority_server.services.logging_out import LoggingOut
from tokenauthority_server.services.passwords import Passwords
from tokenauthority_server.transport import account_requests as requests
from tokenauthority_server.transport import responses
from tokenauthority_server.transport.calling import origin
from tokenauthority_server.transport.service import Service

_Context = grpc.aio.ServicerContext[Any, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountUseCases:
    """What AccountService calls."""

    logging_in: LoggingIn
    logging_out: LoggingOut
    passwords: Passwords


def account_service(use_cases: AccountUseCases) -> Service:
    """Return AccountService over these use cases."""
    servicer = AccountServicer(use_cases)
    return Service(
        descriptor=pb.DESCRIPTOR.services_by_name["AccountService"],
        add_to=lambda server: add_AccountServiceServicer_to_server(servicer, server),
    )


class AccountServicer(AccountServiceServicer):
    """Errors are raised as they are: interceptors/errors.py gives them their status."""

    def __init__(self, use_cases: AccountUseCases) -> None:
        self._use = use_cases

    @override
    async def Login(self, request: pb.LoginRequest, context: _Context) -> pb.LoginResponse:
        credentials, device, scope = requests.login(request)
        pair = await self._use.logging_in.login(credentials, device, scope, origin())
        return pb.LoginResponse(pair=responses.token_pair(pair))

    @override
    async def Logout(self, request: pb.LogoutRequest, context: _Context) -> pb.LogoutResponse:
        revoked = await self._use.logging_out.logout(requests.logout(request), origin())
        return pb.LogoutResponse(effective_everywhere=revoked.effective_everywhere)

    @override
    async def LogoutAll(
        self, request: pb.LogoutAllRequest, context: _Context
    ) -> pb.LogoutAllResponse:
        token, keep_current = requests.logout_all(request)
        revoked = await self._use.logging_out.logout_all(token, origin(), keep_current=keep_current)
        return pb.LogoutAllResponse(
            revoked_sessions=revoked.sessions, effective_everywhere=revoked.effective_everywhere
        )

    @override
    async def ChangePassword(
        self, request: pb.ChangePasswordRequest, context: _Context
    ) -> pb.ChangePasswordResponse:
        asked = requests.change_password(request)
        revoked = await self._use.passwords.change_password(
            asked.access_token, asked.old_password, asked.new_password, origin()
        )
        return pb.ChangePasswordResponse(
            revoked_sessions=revoked.sessions, effective_everywhere=revoked.effective_everywhere
        )
