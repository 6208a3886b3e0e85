"""The methods of TokenService: the life of tokens and sessions."""

from collections.abc import AsyncIterator, Iterable
from typing import Unpack
from uuid import uuid4

from tokenauthority.v1 import token_service_pb2 as pb
from tokenauthority_client import convert
from tokenauthority_client.connection import CallOptions
from tokenauthority_client.enums import RevocationReason, TokenType, WatchMode
from tokenauthority_client.models import (
    Device,
    PublicKey,
    RefreshResult,
    RevocationResult,
    Session,
    SessionPage,
    Subject,
    TokenPair,
    ValidationResult,
)
from tokenauthority_client.paging import all_pages
from tokenauthority_client.service import Service
from tokenauthority_client.watching import RevocationWatch


class Tokens(Service):
    """What TokenService does. A TokenAuthorityClient has these methods as its own."""

    async def create_pair(
        self,
        user: str | Subject,
        *,
        device: Device | None = None,
        scope: Iterable[str] = (),
        request_id: str = "",
        **options: Unpack[CallOptions],
    ) -> TokenPair:
        """Open a session for a user, and return its first pair.

        `user` is the id of a user that the directory knows, or a whole profile, which replaces the
        directory's (the caller needs the right `write_profiles`). The same `request_id` for the
        same user within ten minutes gets the same pair; without one each call opens a session of
        its own, and the client makes one up, so that no attempt of that call opens a second.

        Raises UserNotFoundError, UserNotAllowedError, UsernameTakenError, ProfileTooLargeError,
        RequestIdReusedError, RequestIdSpentError or SessionLimitReachedError.
        """
        request = pb.CreatePairRequest(
            device=convert.to_device(device),
            scope=convert.strings(scope),
            request_id=request_id or uuid4().hex,
        )
        if isinstance(user, Subject):
            request.subject.CopyFrom(convert.to_subject(user))
        else:
            request.user_id = user
        response = await self._connection.call(
            self._connection.rpcs.tokens.CreatePair, request, **options
        )
        return convert.from_pair(response.pair)

    async def validate(
        self,
        token: str,
        *,
        expected_type: TokenType = TokenType.ACCESS,
        **options: Unpack[CallOptions],
    ) -> ValidationResult:
        """Return whether a token is good now. Any string may be asked about.

        Raises UnavailableError when no answer can be given: then nothing is known about the token.
        """
        response = await self._connection.call(
            self._connection.rpcs.tokens.Validate,
            pb.ValidateRequest(
                token=convert.token_text(token), expected_type=convert.to_token_type(expected_type)
            ),
            **options,
        )
        return convert.from_validation(response)

    async def batch_validate(
        self,
        tokens: Iterable[str],
        *,
        expected_type: TokenType = TokenType.ACCESS,
        **options: Unpack[CallOptions],
    ) -> tuple[ValidationResult, ...]:
        """Return what `validate` would of each token, in their order.

        At most 1,000 tokens, and 1 MiB together.
        """
        response = await self._connection.call(
            self._connection.rpcs.tokens.BatchValidate,
            pb.BatchValidateRequest(
                tokens=[convert.token_text(token) for token in convert.strings(tokens)],
                expected_type=convert.to_token_type(expected_type),
            ),
            **options,
        )
        return tuple(convert.from_validation(result) for result in response.results)

    async def refresh(
        self, refresh_token: str, *, device: Device | None = None, **options: Unpack[CallOptions]
    ) -> RefreshResult:
        """Exchange a refresh token for a new pair (RFC 9700, section 4.14.2).

        After an UnavailableError it may be called again with the same token: for a short while, and
        by the same device, that gives the same pair. `device` updates the session's agent and
        address.

        Raises RefreshTokenError when the user has to log in again, or UserNotAllowedError.
        """
        response = await self._connection.call(
            self._connection.rpcs.tokens.Refresh,
            pb.RefreshRequest(
                refresh_token=convert.token_text(refresh_token), device=convert.to_device(device)
            ),
            **options,
        )
        return convert.from_refreshed(response)

    async def revoke_token(
        self,
        token: str,
        *,
        reason: RevocationReason = RevocationReason.LOGOUT,
        **options: Unpack[CallOptions],
    ) -> RevocationResult:
        """Revoke an access token alone, or by a refresh token its whole session (RFC 7009)."""
        return await self._revoke(
            pb.RevokeRequest(
                token=convert.token_text(token), reason=convert.to_revocation_reason(reason)
            ),
            options,
        )

    async def revoke_session(
        self,
        session_id: str,
        *,
        reason: RevocationReason = RevocationReason.LOGOUT,
        **options: Unpack[CallOptions],
    ) -> RevocationResult:
        """End a session with all its tokens."""
        return await self._revoke(
            pb.RevokeRequest(session_id=session_id, reason=convert.to_revocation_reason(reason)),
            options,
        )

    async def revoke_user(
        self,
        user_id: str,
        *,
        except_session_id: str | None = None,
        reason: RevocationReason = RevocationReason.LOGOUT_ALL,
        **options: Unpack[CallOptions],
    ) -> RevocationResult:
        """End all that a user holds, but for one session where one is named."""
        return await self._revoke(
            pb.RevokeRequest(
                user_id=user_id,
                except_session_id=except_session_id or "",
                reason=convert.to_revocation_reason(reason),
            ),
            options,
        )

    async def list_sessions(
        self,
        user_id: str,
        *,
        page_size: int = 0,
        page_token: str = "",
        **options: Unpack[CallOptions],
    ) -> SessionPage:
        """Return a page of a user's live sessions, newest first.

        A `page_size` of 0 means 50, and above 500 is taken as 500. `page_token` is the
        `next_page_token` of the page before.
        """
        response = await self._connection.call(
            self._connection.rpcs.tokens.ListSessions,
            pb.ListSessionsRequest(user_id=user_id, page_size=page_size, page_token=page_token),
            **options,
        )
        return convert.from_sessions(response)

    def iter_sessions(
        self, user_id: str, *, page_size: int = 0, **options: Unpack[CallOptions]
    ) -> AsyncIterator[Session]:
        """Yield all of a user's live sessions, newest first, asking for page after page.

        The time-out holds for each page.
        """

        async def ask(page_token: str) -> tuple[tuple[Session, ...], str]:
            page = await self.list_sessions(
                user_id, page_size=page_size, page_token=page_token, **options
            )
            return page.sessions, page.next_page_token

        return all_pages(ask)

    async def get_public_keys(self, **options: Unpack[CallOptions]) -> tuple[PublicKey, ...]:
        """Return the keys that verify the authority's tokens, or will. None of them is a secret."""
        response = await self._connection.call(
            self._connection.rpcs.tokens.GetPublicKeys, pb.GetPublicKeysRequest(), **options
        )
        return tuple(convert.from_key(key) for key in response.keys)

    def watch_revocations(
        self, mode: WatchMode, *, resume_cursor: str = "", correlation_id: str = ""
    ) -> RevocationWatch:
        """Be told of every revocation, to verify tokens without asking for each.

            async with client.watch_revocations(WatchMode.RELAXED) as watch:
                async for event in watch:
                    ...

        `resume_cursor` is the last one that was applied: then only what came since is told, where
        that is known still. No time-out holds; when the stream ends with an UnavailableError, watch
        again and resume.
        """
        return RevocationWatch(self._connection, mode, resume_cursor, correlation_id)

    async def _revoke(self, request: pb.RevokeRequest, options: CallOptions) -> RevocationResult:
        response = await self._connection.call(
            self._connection.rpcs.tokens.Revoke, request, **options
        )
        return convert.from_revoked(response)
