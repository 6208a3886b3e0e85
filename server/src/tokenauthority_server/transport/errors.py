"""From an error to what the caller is told: the one place where status codes are chosen.

Each is a google.rpc.Status with exactly one ErrorInfo, as error_reason.proto says. What is not in
the table is told as INTERNAL with the request id, and its own text stays in the log.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import grpc
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, QuotaFailure, RetryInfo
from google.rpc.status_pb2 import Status

from tokenauthority.v1 import error_reason_pb2 as reasons
from tokenauthority_server.domain import errors
from tokenauthority_server.domain.errors import Violation

ERROR_DOMAIN: Final = "tokenauthority"
STATUS_TRAILER: Final = "grpc-status-details-bin"

_SHOWN_VIOLATIONS: Final = 3
_NEW_PASSWORDS: Final = ("new_password", "password")
_PROFILE_OF_A_USER: Final = Violation("user", "its profile does not fit a token of 8 KiB")


class MalformedRequestError(errors.AuthorityError):
    """The bytes of the request are no message of its type."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """What the caller is told. `violation` names the field where the error itself names none."""

    code: grpc.StatusCode
    reason: reasons.ErrorReason.ValueType
    text: str
    violation: Violation | None = None

    @property
    def reason_name(self) -> str:
        """The reason as callers see it."""
        return reasons.ErrorReason.Name(self.reason).removeprefix("ERROR_REASON_")


INTERNAL: Final = Refusal(
    grpc.StatusCode.INTERNAL,
    reasons.ERROR_REASON_INTERNAL,
    "an unexpected fault; the request id finds it in the authority's log",
)

REFUSALS: Final[Mapping[type[BaseException], Refusal]] = {
    errors.InvalidRequestError: Refusal(
        grpc.StatusCode.INVALID_ARGUMENT,
        reasons.ERROR_REASON_INVALID_REQUEST,
        "the request breaks a rule",
    ),
    MalformedRequestError: Refusal(
        grpc.StatusCode.INVALID_ARGUMENT,
        reasons.ERROR_REASON_MALFORMED_REQUEST,
        "the bytes of the request are no message of its type",
    ),
    errors.RequestIdReusedError: Refusal(
        grpc.StatusCode.INVALID_ARGUMENT,
        reasons.ERROR_REASON_REQUEST_ID_REUSED,
        "the request_id was used for another request a short while ago",
        Violation("request_id", "was used with another body; take a new one for a new request"),
    ),
    errors.RequestIdSpentError: Refusal(
        grpc.StatusCode.FAILED_PRECONDITION,
        reasons.ERROR_REASON_REQUEST_ID_SPENT,
        "the pair of this request_id was refreshed, or its session has ended; take a new one",
    ),
    errors.ProfileTooLargeError: Refusal(
        grpc.StatusCode.INVALID_ARGUMENT,
        reasons.ERROR_REASON_PROFILE_TOO_LARGE,
        "with this profile, device and scope a token would exceed 8 KiB",
        Violation("subject", "with the device and the scope it does not fit a token of 8 KiB"),
    ),
    errors.UserNotFoundError: Refusal(
        grpc.StatusCode.NOT_FOUND,
        reasons.ERROR_REASON_USER_NOT_FOUND,
        "the directory holds no such user",
    ),
    errors.UsernameTakenError: Refusal(
        grpc.StatusCode.ALREADY_EXISTS,
        reasons.ERROR_REASON_USERNAME_TAKEN,
        "another user holds the username",
    ),
    errors.UserNotAllowedError: Refusal(
        grpc.StatusCode.PERMISSION_DENIED,
        reasons.ERROR_REASON_USER_NOT_ALLOWED,
        "the user is disabled, deleted or locked",
    ),
    errors.SessionLimitReachedError: Refusal(
        grpc.StatusCode.FAILED_PRECONDITION,
        reasons.ERROR_REASON_SESSION_LIMIT_REACHED,
        "the user has as many sessions as one may have; end one of them first",
    ),
    errors.RefreshTokenInvalidError: Refusal(
        grpc.StatusCode.UNAUTHENTICATED,
        reasons.ERROR_REASON_REFRESH_TOKEN_INVALID,
        "this is no refresh token of this authority",
    ),
    errors.RefreshTokenExpiredError: Refusal(
        grpc.StatusCode.UNAUTHENTICATED,
        reasons.ERROR_REASON_REFRESH_TOKEN_EXPIRED,
        "the refresh token has expired; the user has to log in again",
    ),
    errors.RefreshTokenReusedError: Refusal(
        grpc.StatusCode.UNAUTHENTICATED,
        reasons.ERROR_REASON_REFRESH_TOKEN_REUSED,
        "the refresh token had been used before, and its session has been ended",
    ),
    errors.SessionEndedError: Refusal(
        grpc.StatusCode.UNAUTHENTICATED,
        reasons.ERROR_REASON_SESSION_ENDED,
        "the session has ended; the user has to log in again",
    ),
    errors.KeyNotFoundError: Refusal(
        grpc.StatusCode.NOT_FOUND,
        reasons.ERROR_REASON_KEY_NOT_FOUND,
        "there is no signing key with this key_id",
    ),
    errors.KeyStateError: Refusal(
        grpc.StatusCode.FAILED_PRECONDITION,
        reasons.ERROR_REASON_KEY_STATE,
        "the signing key is not in a state that allows this",
    ),
    errors.AccessTokenInvalidError: Refusal(
        grpc.StatusCode.UNAUTHENTICATED,
        reasons.ERROR_REASON_ACCESS_TOKEN_INVALID,
        "the access token is not good",
    ),
    errors.InvalidCredentialsError: Refusal(
        grpc.StatusCode.UNAUTHENTICATED,
        reasons.ERROR_REASON_INVALID_CREDENTIALS,
        "the username or the password is wrong",
    ),
    errors.AccountDisabledError: Refusal(
        grpc.StatusCode.PERMISSION_DENIED,
        reasons.ERROR_REASON_ACCOUNT_DISABLED,
        "the account is disabled",
    ),
    errors.AccountLockedError: Refusal(
        grpc.StatusCode.PERMISSION_DENIED,
        reasons.ERROR_REASON_ACCOUNT_LOCKED,
        "too many logins have failed; try again later",
    ),
    errors.PasswordRefusedError: Refusal(
        grpc.StatusCode.INVALID_ARGUMENT,
        reasons.ERROR_REASON_PASSWORD_REFUSED,
        "the new password breaks a rule",
    ),
    errors.CallerUnknownError: Refusal(
        grpc.StatusCode.UNAUTHENTICATED,
        reasons.ERROR_REASON_CALLER_UNKNOWN,
        "the authority does not know who calls",
    ),
    errors.CallerNotAllowedError: Refusal(
        grpc.StatusCode.PERMISSION_DENIED,
        reasons.ERROR_REASON_CALLER_NOT_ALLOWED,
        "the caller may not do this",
    ),
    errors.RateLimitedError: Refusal(
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        reasons.ERROR_REASON_RATE_LIMITED,
        "a rate is used up: see QuotaFailure and RetryInfo",
    ),
    errors.StoreUnavailableError: Refusal(
        grpc.StatusCode.UNAVAILABLE,
        reasons.ERROR_REASON_STORE_UNAVAILABLE,
        "a store cannot be asked, so no answer can be given; try again",
    ),
    errors.OverloadedError: Refusal(
        grpc.StatusCode.UNAVAILABLE,
        reasons.ERROR_REASON_OVERLOADED,
        "the authority did not get to this call in time; try again",
    ),
    # What the generated base of a service raises for a method that is not built yet.
    NotImplementedError: Refusal(
        grpc.StatusCode.UNIMPLEMENTED,
        reasons.ERROR_REASON_NOT_IMPLEMENTED,
        "this release does not have the method",
    ),
}


def refusal_of(error: BaseException) -> Refusal:
    """Return the row of an error, by exactly its class: INTERNAL where there is none."""
    return REFUSALS.get(type(error), INTERNAL)


def status_of(
    error: BaseException, refusal: Refusal, *, request_id: str, request_fields: frozenset[str]
) -> Status:
    """Return the error as its caller is told it.

    `request_fields` are the fields of the request: none is named that the request does not have.
    """
    violations = _violations(error, refusal, request_fields)
    status = Status(code=refusal.code.value[0], message=_text(error, refusal, violations))
    for detail in _details(error, refusal, request_id, violations):
        status.details.add().Pack(detail)
    return status


def _details(
    error: BaseException, refusal: Refusal, request_id: str, violations: tuple[Violation, ...]
) -> list[Message]:
    info = ErrorInfo(
        reason=refusal.reason_name, domain=ERROR_DOMAIN, metadata={"request_id": request_id}
    )
    found: list[Message] = [info]
    if isinstance(error, errors.StoreUnavailableError):
        info.metadata["store"] = error.store
    if violations:
        found.append(
            BadRequest(
                field_violations=[
                    BadRequest.FieldViolation(field=one.field, description=one.description)
                    for one in violations
                ]
            )
        )
    if isinstance(error, errors.RateLimitedError):
        exceeded = QuotaFailure.Violation(subject=error.quota, description="calls came too fast")
        found.append(QuotaFailure(violations=[exceeded]))
    if isinstance(error, errors.TemporaryError):
        delay = Duration()
        delay.FromNanoseconds(int(error.retry_after_seconds * 1_000_000_000))
        found.append(RetryInfo(retry_delay=delay))
    return found


def _violations(
    error: BaseException, refusal: Refusal, request_fields: frozenset[str]
) -> tuple[Violation, ...]:
    if isinstance(error, errors.InvalidRequestError):
        return error.violations
    if isinstance(error, errors.PasswordRefusedError):
        named = (field for field in _NEW_PASSWORDS if field in request_fields)
        return tuple(Violation(field, error.problem) for field in named)
    if isinstance(error, errors.ProfileTooLargeError) and "user" in request_fields:
        return (_PROFILE_OF_A_USER,)
    if refusal.violation and refusal.violation.field in request_fields:
        return (refusal.violation,)
    return ()


def _text(error: BaseException, refusal: Refusal, violations: tuple[Violation, ...]) -> str:
    """Name the first few fields in the text too: many tools show nothing else."""
    if isinstance(error, errors.CallerNotAllowedError):
        return f"{refusal.text}: {error.what}"
    if isinstance(error, errors.KeyStateError):
        return f"{refusal.text}: {error.problem}"
    if not isinstance(error, errors.InvalidRequestError | errors.PasswordRefusedError):
        return refusal.text
    shown = [f"{one.field} {one.description}" for one in violations[:_SHOWN_VIOLATIONS]]
    more = len(violations) - len(shown)
    return f"{refusal.text}: {'; '.join(shown)}" + (f"; and {more} more" if more else "")
