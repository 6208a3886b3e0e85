"""From each error to what a caller sees of it."""

import pytest
from google.protobuf.message import Message
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, QuotaFailure, RetryInfo
from google.rpc.status_pb2 import Status

from tokenauthority_server.domain import errors
from tokenauthority_server.domain.errors import InvalidRequestError, Violation
from tokenauthority_server.transport.errors import (
    INTERNAL,
    REFUSALS,
    MalformedRequestError,
    refusal_of,
    status_of,
)

FIELDS = frozenset({"subject", "request_id"})


def told(error: BaseException, fields: frozenset[str] = FIELDS) -> Status:
    return status_of(error, refusal_of(error), request_id="call-1", request_fields=fields)


def details(status: Status) -> list[Message]:
    """Return the details, each as what it is."""
    found: list[Message] = []
    for packed in status.details:
        kinds: list[Message] = [ErrorInfo(), BadRequest(), RetryInfo(), QuotaFailure()]
        (detail,) = [kind for kind in kinds if packed.Unpack(kind)]
        found.append(detail)
    return found


CODES = {
    errors.InvalidRequestError: "INVALID_ARGUMENT / INVALID_REQUEST",
    MalformedRequestError: "INVALID_ARGUMENT / MALFORMED_REQUEST",
    errors.RequestIdReusedError: "INVALID_ARGUMENT / REQUEST_ID_REUSED",
    errors.RequestIdSpentError: "FAILED_PRECONDITION / REQUEST_ID_SPENT",
    errors.ProfileTooLargeError: "INVALID_ARGUMENT / PROFILE_TOO_LARGE",
    errors.UserNotFoundError: "NOT_FOUND / USER_NOT_FOUND",
    errors.UsernameTakenError: "ALREADY_EXISTS / USERNAME_TAKEN",
    errors.UserNotAllowedError: "PERMISSION_DENIED / USER_NOT_ALLOWED",
    errors.SessionLimitReachedError: "FAILED_PRECONDITION / SESSION_LIMIT_REACHED",
    errors.RefreshTokenInvalidError: "UNAUTHENTICATED / REFRESH_TOKEN_INVALID",
    errors.RefreshTokenExpiredError: "UNAUTHENTICATED / REFRESH_TOKEN_EXPIRED",
    errors.RefreshTokenReusedError: "UNAUTHENTICATED / REFRESH_TOKEN_REUSED",
    errors.SessionEndedError: "UNAUTHENTICATED / SESSION_ENDED",
    errors.KeyNotFoundError: "NOT_FOUND / KEY_NOT_FOUND",
    errors.KeyStateError: "FAILED_PRECONDITION / KEY_STATE",
    errors.AccessTokenInvalidError: "UNAUTHENTICATED / ACCESS_TOKEN_INVALID",
    errors.InvalidCredentialsError: "UNAUTHENTICATED / INVALID_CREDENTIALS",
    errors.AccountDisabledError: "PERMISSION_DENIED / ACCOUNT_DISABLED",
    errors.AccountLockedError: "PERMISSION_DENIED / ACCOUNT_LOCKED",
    errors.PasswordRefusedError: "INVALID_ARGUMENT / PASSWORD_REFUSED",
    errors.CallerUnknownError: "UNAUTHENTICATED / CALLER_UNKNOWN",
    errors.CallerNotAllowedError: "PERMISSION_DENIED / CALLER_NOT_ALLOWED",
    errors.RateLimitedError: "RESOURCE_EXHAUSTED / RATE_LIMITED",
    errors.StoreUnavailableError: "UNAVAILABLE / STORE_UNAVAILABLE",
    errors.OverloadedError: "UNAVAILABLE / OVERLOADED",
    NotImplementedError: "UNIMPLEMENTED / NOT_IMPLEMENTED",
}


def test_each_error_has_the_status_of_the_contract() -> None:
    assert {
        kind: f"{refusal.code.name} / {refusal.reason_name}" for kind, refusal in REFUSALS.items()
    } == CODES


@pytest.mark.parametrize("kind", REFUSALS)
def test_each_has_one_error_info_and_tells_nothing_of_the_exception(
    kind: type[BaseException],
) -> None:
    error = kind.__new__(kind, "postgresql://user:hunter2@db")
    error.args = ("postgresql://user:hunter2@db",)
    vars(error).update(
        violations=(Violation("user_id", "is required"),),
        store="PostgreSQL",
        problem="is short",
        what="a method",
        quota="shop",
        why="hunter2",
    )

    status = told(error)

    refusal = REFUSALS[kind]
    assert status.code == refusal.code.value[0]
    assert status.message.startswith(refusal.text)
    (info,) = [detail for detail in details(status) if isinstance(detail, ErrorInfo)]
    assert info.reason == refusal.reason_name
    assert info.domain == "tokenauthority"
    assert info.metadata["request_id"] == "call-1"
    assert "hunter2" not in str(status)


def test_every_violation_is_told_and_the_first_ones_in_the_text() -> None:
    wrong = [Violation(f"field{number}", f"is wrong {number}") for number in range(5)]

    status = told(InvalidRequestError(*wrong))

    (_, bad) = details(status)
    assert isinstance(bad, BadRequest)
    assert [(one.field, one.description) for one in bad.field_violations] == [
        (one.field, one.description) for one in wrong
    ]
    assert status.message == (
        "the request breaks a rule: field0 is wrong 0; field1 is wrong 1; field2 is wrong 2; "
        "and 2 more"
    )
    assert (
        told(InvalidRequestError(wrong[0])).message
        == "the request breaks a rule: field0 is wrong 0"
    )


@pytest.mark.parametrize(
    ("error", "field"),
    [
        (errors.RequestIdReusedError(), "request_id"),
        (errors.ProfileTooLargeError(), "subject"),
    ],
)
def test_a_field_is_named_where_the_request_has_it(
    error: errors.AuthorityError, field: str
) -> None:
    (_, bad) = details(told(error))
    assert isinstance(bad, BadRequest)
    assert [one.field for one in bad.field_violations] == [field]

    (only,) = details(told(error, frozenset({"refresh_token"})))
    assert isinstance(only, ErrorInfo)


@pytest.mark.parametrize(
    "error", [errors.StoreUnavailableError("PostgreSQL"), errors.OverloadedError()]
)
def test_what_passes_says_when_to_try_again(error: errors.TemporaryError) -> None:
    (_, retry) = details(told(error))

    assert isinstance(retry, RetryInfo)
    assert retry.retry_delay.ToTimedelta().total_seconds() == error.retry_after_seconds == 1.0


def test_a_lock_says_when_to_try_again() -> None:
    (_, retry) = details(told(errors.AccountLockedError(90.5)))

    assert isinstance(retry, RetryInfo)
    assert retry.retry_delay.ToTimedelta().total_seconds() == 90.5


def test_a_rate_that_is_used_up_says_which_and_when_to_try_again() -> None:
    (_, quota, retry) = details(told(errors.RateLimitedError("shop: Validate", 0.25)))

    assert isinstance(quota, QuotaFailure)
    assert [one.subject for one in quota.violations] == ["shop: Validate"]
    assert isinstance(retry, RetryInfo)
    assert retry.retry_delay.ToTimedelta().total_seconds() == 0.25


@pytest.mark.parametrize("field", ["password", "new_password"])
def test_a_password_that_is_refused_is_named_by_its_field(field: str) -> None:
    status = told(errors.PasswordRefusedError("is too short"), frozenset({"user_id", field}))

    (_, bad) = details(status)
    assert isinstance(bad, BadRequest)
    assert [(one.field, one.description) for one in bad.field_violations] == [
        (field, "is too short")
    ]
    assert status.message == f"the new password breaks a rule: {field} is too short"


def test_what_a_caller_may_not_is_named() -> None:
    status = told(errors.CallerNotAllowedError("the reason ADMIN"))

    assert status.message == "the caller may not do this: the reason ADMIN"


def test_the_store_that_is_away_is_named() -> None:
    (info, _) = details(told(errors.StoreUnavailableError("PostgreSQL")))

    assert isinstance(info, ErrorInfo)
    assert dict(info.metadata) == {"request_id": "call-1", "store": "PostgreSQL"}


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("hunter2"),
        KeyError("hunter2"),
        type("Odd", (NotImplementedError,), {})("hunter2"),
    ],
)
def test_what_is_not_in_the_table_is_internal(error: BaseException) -> None:
    assert refusal_of(error) is INTERNAL
    status = told(error)

    assert status.message == "an unexpected fault; the request id finds it in the authority's log"
    (info,) = details(status)
    assert info == ErrorInfo(
        reason="INTERNAL", domain="tokenauthority", metadata={"request_id": "call-1"}
    )
