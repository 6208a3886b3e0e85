"""The errors that use cases and ports raise. transport.errors gives each its status.

AuthorityError
├── InvalidRequestError        fields that break a rule
├── RequestIdReusedError
├── RequestIdSpentError
├── ProfileTooLargeError
├── UserNotFoundError
├── UsernameTakenError
├── UserNotAllowedError
├── SessionLimitReachedError
├── RefreshTokenInvalidError
├── RefreshTokenExpiredError
├── RefreshTokenReusedError
├── SessionEndedError
├── KeyNotFoundError
├── KeyStateError
└── TemporaryError             try again later
    ├── StoreUnavailableError
    └── OverloadedError

SigningKeyRevokedError         between a store and a use case, which tries another key
StartError                     the server cannot start, for its operator to mend
└── SigningKeyError
"""

from dataclasses import dataclass


class AuthorityError(Exception):
    """A call cannot be done; which class it is says why."""


@dataclass(frozen=True, slots=True)
class Violation:
    """A field, by its path in the request, and the rule that it breaks."""

    field: str
    description: str


class InvalidRequestError(AuthorityError):
    """Fields of the request break rules: all of them are named, and nothing was done."""

    def __init__(self, *violations: Violation) -> None:
        super().__init__("; ".join(f"{one.field}: {one.description}" for one in violations))
        self.violations = violations


class RequestIdReusedError(AuthorityError):
    """The request_id was used with another body a short while ago."""


class RequestIdSpentError(AuthorityError):
    """The pair of this request_id was refreshed, or its session has ended."""


class ProfileTooLargeError(AuthorityError):
    """A token with this profile, device and scope would exceed MAX_TOKEN_BYTES."""


class UserNotFoundError(AuthorityError):
    """The directory holds no such user."""


class UsernameTakenError(AuthorityError):
    """Another user holds the username."""


class UserNotAllowedError(AuthorityError):
    """The user is disabled, deleted, or locked by an administrator."""


class SessionLimitReachedError(AuthorityError):
    """The user has as many live sessions as MAX_SESSIONS_PER_USER allows."""


class RefreshTokenInvalidError(AuthorityError):
    """The refresh token is not one of ours, or not one at all."""


class RefreshTokenExpiredError(AuthorityError):
    """The refresh token, or its session, has expired."""


class RefreshTokenReusedError(AuthorityError):
    """The refresh token had been rotated, and its session has been ended for that."""


class SessionEndedError(AuthorityError):
    """The session has ended, or is not known any more."""


class KeyNotFoundError(AuthorityError):
    """There is no signing key with this id."""


class KeyStateError(AuthorityError):
    """The signing key stands elsewhere in its life; the text says where, and what may be done."""


class TemporaryError(AuthorityError):
    """No answer now; asking again later is right."""

    retry_after_seconds = 1.0


class StoreUnavailableError(TemporaryError):
    """A store cannot be asked. Nothing was half done; nothing is known of any token.

    `why` is for the log alone: the class of what went wrong, never its text.
    """

    def __init__(self, store: str, why: str = "") -> None:
        super().__init__(f"{store} is unavailable")
        self.store = store
        self.why = why


class OverloadedError(TemporaryError):
    """The call ran over its time."""


class SigningKeyRevokedError(Exception):
    """The key that was to sign a pair has been revoked meanwhile, and nothing was changed."""


class StartError(Exception):
    """The server cannot start, or not go on; the text says why and what to do, and no secret."""

    exit_code = 1


class SigningKeyError(StartError):
    """A signing key cannot be used; the text names it and says what to do."""

    exit_code = 2
