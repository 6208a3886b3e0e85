"""The methods of AccountService: logging in and out, and one's own password."""

from collections.abc import Iterable
from typing import Unpack

from tokenauthority.v1 import account_service_pb2 as pb
from tokenauthority_client import convert
from tokenauthority_client.connection import CallOptions
from tokenauthority_client.models import Device, EndedSessions, LogoutResult, TokenPair
from tokenauthority_client.service import Service


class Accounts(Service):
    """What AccountService does for those who log in: a client's `accounts`.

    Passwords are sent as they are, and stand in no error and no repr. All but `logout` are made
    once: after an UnavailableError it is not known whether they were carried out.
    """

    async def login(
        self,
        username: str,
        password: str,
        *,
        device: Device | None = None,
        scope: Iterable[str] = (),
        **options: Unpack[CallOptions],
    ) -> TokenPair:
        """Open a session for whoever knows the password, and return its first pair.

        `device` is what the person uses: its `ip_address` keeps the guesses of others apart.

        Raises InvalidCredentialsError for a wrong password and an unknown user alike;
        AccountLockedError, whose `retry_after` says until when no password is looked at; and for
        whoever knew the password AccountDisabledError, ProfileTooLargeError or
        SessionLimitReachedError.
        """
        response = await self._connection.call(
            self._connection.rpcs.accounts.Login,
            pb.LoginRequest(
                username=convert.token_text(username),
                password=convert.token_text(password),
                device=convert.to_device(device),
                scope=convert.strings(scope),
            ),
            **options,
        )
        return convert.from_pair(response.pair)

    async def logout(self, refresh_token: str, **options: Unpack[CallOptions]) -> LogoutResult:
        """End the session of a refresh token, whatever became of that token.

        A session that has ended already, and a text that is no token, are no errors.
        """
        response = await self._connection.call(
            self._connection.rpcs.accounts.Logout,
            pb.LogoutRequest(refresh_token=convert.token_text(refresh_token)),
            **options,
        )
        return LogoutResult(effective_everywhere=response.effective_everywhere)

    async def logout_all(
        self, access_token: str, *, keep_current: bool = False, **options: Unpack[CallOptions]
    ) -> EndedSessions:
        """End all sessions of the token's user, but for the token's own with `keep_current`.

        Raises AccessTokenInvalidError.
        """
        response = await self._connection.call(
            self._connection.rpcs.accounts.LogoutAll,
            pb.LogoutAllRequest(
                access_token=convert.token_text(access_token), keep_current=keep_current
            ),
            **options,
        )
        return convert.from_ended(response)

    async def change_password(
        self,
        access_token: str,
        old_password: str,
        new_password: str,
        **options: Unpack[CallOptions],
    ) -> EndedSessions:
        """Exchange the password of the token's user, and end the user's other sessions.

        Raises AccessTokenInvalidError; InvalidCredentialsError or AccountLockedError as `login`
        does; PasswordRefusedError, whose `violations` name the rule that the new one breaks.
        """
        response = await self._connection.call(
            self._connection.rpcs.accounts.ChangePassword,
            pb.ChangePasswordRequest(
                access_token=convert.token_text(access_token),
                old_password=convert.token_text(old_password),
                new_password=convert.new_password(new_password, "new_password"),
            ),
            **options,
        )
        return convert.from_ended(response)
