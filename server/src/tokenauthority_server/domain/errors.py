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
├── AccessTokenInvalidError
├── InvalidCredentialsError    who or what of them is wrong is not told
├── AccountDisabledError       told only to whoever knew the password
├── PasswordRefusedError
├── CallerUnknownError
├── CallerNotAllowedError
└── TemporaryError             try again later
    ├── AccountLockedError
    ├── RateLimitedError
    ├── StoreUnavailableError
    └── OverloadedError

SigningKeyRevokedError         between a store and a use case, which tries another key
UserNotDeletedError            an erasure of a user who is still there, for its operator to mend
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
    """The signing key stands elsewhere in its life; `problem` says where, and what may be done."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem


class AccessTokenInvalidError(AuthorityError):
    """The access token that the request presents is not good."""


class InvalidCredentialsError(AuthorityError):
    """The user is unknown, has no password, or another one: which of them nobody is told."""


class AccountDisabledError(AuthorityError):
    """The password was right, but the user is disabled, or locked by an administrator."""


class PasswordRefusedError(AuthorityError):
    """The new password breaks a rule. `problem` says which, and nothing of the password."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem


class CallerUnknownError(AuthorityError):
    """Nobody knows who calls. `why` is for the log alone, and holds nothing of a credential."""

    def __init__(self, why: str = "") -> None:
        super().__init__("the caller is not known")
        self.why = why


class CallerNotAllowedError(AuthorityError):
    """The caller may not do this. `what` names the method, the right or the reason it lacks."""

    def __init__(self, what: str) -> None:
        super().__init__(f"not allowed: {what}")
        self.what = what


class TemporaryError(AuthorityError):
    """No answer now; asking again later is right."""

    retry_after_seconds = 1.0


class AccountLockedError(TemporaryError):
    """Too many logins failed: no password is looked at before this many seconds are over."""

    def __init__(self, retry_after_seconds: float) -> None:
        super().__init__("too many failed logins")
        self.retry_after_seconds = retry_after_seconds


class RateLimitedError(TemporaryError):
    """The caller's rate for this method is used up. `quota` names it, for the caller."""

    def __init__(self, quota: str, retry_after_seconds: float) -> None:
        super().__init__(f"the rate is used up: {quota}")
        self.quota = quota
        self.retry_after_seconds = retry_after_seconds


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


class UserNotDeletedError(Exception):
    """A person is erased from what is kept of a deleted user, and this one is not."""


class StartError(Exception):
    """The server cannot start, or not go on; the text says why and what to do, and no secret."""

    exit_code = 1


class SigningKeyError(StartError):
    """A signing key cannot be used; the text names it and says what to do."""

    exit_code = 2
