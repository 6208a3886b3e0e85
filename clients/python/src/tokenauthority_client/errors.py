"""What a call may raise.

TokenAuthorityError
├── InvalidRequestError              a field is wrong: mend the request
│   ├── RequestIdReusedError
│   ├── ProfileTooLargeError
│   └── PasswordRefusedError
├── UnauthenticatedError             the user has to log in, again or better
│   ├── InvalidCredentialsError
│   ├── AccessTokenInvalidError
│   └── RefreshTokenError            this session cannot be refreshed any more
│       ├── RefreshTokenInvalidError
│       ├── RefreshTokenExpiredError
│       ├── RefreshTokenReusedError
│       └── SessionEndedError
├── PermissionDeniedError            this user may not
│   ├── UserNotAllowedError
│   ├── AccountLockedError
│   └── AccountDisabledError
├── CallerRefusedError               this program may not: see to its registration
│   ├── CallerUnknownError
│   └── CallerNotAllowedError
├── NotFoundError
│   ├── UserNotFoundError
│   └── KeyNotFoundError
├── ConflictError                    not as things stand now
│   ├── UsernameTakenError
│   ├── RequestIdSpentError
│   ├── SessionLimitReachedError
│   └── KeyStateError
├── UnavailableError                 no answer: it says nothing about any token or user
│   ├── StoreUnavailableError
│   ├── OverloadedError
│   ├── RateLimitedError
│   ├── CallTimeoutError
│   └── ConnectionFailedError
└── FaultError                       a defect: asking again does not help
    ├── InternalError
    ├── MethodNotImplementedError
    └── UnexpectedAnswerError

A refusal is raised only when the authority itself refused. Whatever else goes wrong on the way, a
proxy's own "unauthenticated" included, is an UnavailableError or a FaultError, so that nobody is
logged out because of a broken network.
"""

from collections.abc import Mapping
from datetime import timedelta
from types import MappingProxyType

import grpc


class TokenAuthorityError(Exception):
    """A call that brought no result. Its text says what happened, and never holds a secret."""

    code: grpc.StatusCode = grpc.StatusCode.UNKNOWN
    """The status code of the call."""
    reason: str = ""
    """The name of the contract's ErrorReason, or empty when the authority gave none."""
    request_id: str = ""
    """What the authority's log calls this call (`x-request-id`); empty when it is not known."""
    metadata: Mapping[str, str] = MappingProxyType({})
    """What the authority adds to the reason."""
    retry_after: timedelta | None = None
    """How long to wait before asking again, when the authority says so."""

    def __str__(self) -> str:
        text = super().__str__()
        return f"{text} [request id {self.request_id}]" if self.request_id else text


class InvalidRequestError(TokenAuthorityError):
    """A field of the request is missing, too long or not of its form."""

    violations: Mapping[str, str] = MappingProxyType({})
    """Each field that is wrong, and what is wrong with it."""


class RequestIdReusedError(InvalidRequestError):
    """The `request_id` was used with another body within the last ten minutes."""


class ProfileTooLargeError(InvalidRequestError):
    """With these roles, permissions, device and scope a token would exceed 8 KiB."""


class PasswordRefusedError(InvalidRequestError):
    """The new password breaks a rule, which `violations` names."""


class UnauthenticatedError(TokenAuthorityError):
    """What was presented for a user does not prove who it is."""


class InvalidCredentialsError(UnauthenticatedError):
    """An unknown user, no password, or a wrong one: which of them is not told."""


class AccessTokenInvalidError(UnauthenticatedError):
    """The access token that the request presents is not good."""


class RefreshTokenError(UnauthenticatedError):
    """The refresh token gives no more tokens: the user has to log in again."""


class RefreshTokenInvalidError(RefreshTokenError):
    """The refresh token is not one of the authority's, or not one for this."""


class RefreshTokenExpiredError(RefreshTokenError):
    """The refresh token, or its session, has expired."""


class RefreshTokenReusedError(RefreshTokenError):
    """The refresh token had been used before, and its session has been ended."""


class SessionEndedError(RefreshTokenError):
    """The session has ended."""


class PermissionDeniedError(TokenAuthorityError):
    """The user may not have this."""


class UserNotAllowedError(PermissionDeniedError):
    """The user is disabled, deleted, or locked by an administrator."""


class AccountLockedError(PermissionDeniedError):
    """Too many failed logins. `retry_after` says when to try again."""


class AccountDisabledError(PermissionDeniedError):
    """The password was right, but the account is disabled."""


class CallerRefusedError(TokenAuthorityError):
    """The authority does not serve this program. No user is to blame."""


class CallerUnknownError(CallerRefusedError):
    """The authority does not know who calls."""


class CallerNotAllowedError(CallerRefusedError):
    """The caller lacks the right to do this."""


class NotFoundError(TokenAuthorityError):
    """What the request names does not exist."""


class UserNotFoundError(NotFoundError):
    """The directory holds no such user."""


class KeyNotFoundError(NotFoundError):
    """No signing key has this id."""


class ConflictError(TokenAuthorityError):
    """The request is well formed, and the present state does not allow it."""


class UsernameTakenError(ConflictError):
    """Another user holds the username."""


class RequestIdSpentError(ConflictError):
    """The pair of this `request_id` was refreshed or its session ended. Use a new one."""


class SessionLimitReachedError(ConflictError):
    """The user holds as many sessions as allowed."""


class KeyStateError(ConflictError):
    """The signing key is not in a state that allows this."""


class UnavailableError(TokenAuthorityError):
    """No answer could be had, for now. It never means that a token is not good."""


class StoreUnavailableError(UnavailableError):
    """The authority cannot ask one of its stores."""


class OverloadedError(UnavailableError):
    """The authority did not get to this call in time."""


class RateLimitedError(UnavailableError):
    """This caller's rate is used up. `retry_after` says when to try again."""

    quota: str = ""
    """Which of its rates."""


class CallTimeoutError(UnavailableError):
    """No answer came within the call's time-out. Whether the call was carried out is not known."""


class ConnectionFailedError(UnavailableError):
    """There was no connection, or it broke before an answer came."""


class FaultError(TokenAuthorityError):
    """Something is broken or does not fit together."""


class InternalError(FaultError):
    """An unexpected fault of the authority. `request_id` finds it in the authority's log."""


class MethodNotImplementedError(FaultError):
    """The authority's release does not have the method."""


class UnexpectedAnswerError(FaultError):
    """What came back is not the authority's: a proxy's answer, or bytes that make no message."""
