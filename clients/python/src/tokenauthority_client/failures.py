"""From a failed call to the exception that says what it means.

The authority explains its errors in a `google.rpc.Status` (trailer `grpc-status-details-bin`) with
an `ErrorInfo` of its own domain. What lacks one was made on the way: by gRPC, or by a proxy.
"""

import re
from typing import Final

import grpc
from google.protobuf.message import DecodeError
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, QuotaFailure, RetryInfo
from google.rpc.status_pb2 import Status

from tokenauthority_client import errors

_DOMAIN: Final = "tokenauthority"
# Only an answer that is not the authority's could quote a token, or what the caller shows. A JWS
# header always begins so, and so does a caller's key.
_SECRET: Final = re.compile(r"eyJ[\w-]*\.[\w-]*\.[\w-]*|[Bb]earer +\S+|tac_[\w-]+")

BY_REASON: Final[dict[str, type[errors.TokenAuthorityError]]] = {
    "INVALID_REQUEST": errors.InvalidRequestError,
    "MALFORMED_REQUEST": errors.InvalidRequestError,
    "REQUEST_ID_REUSED": errors.RequestIdReusedError,
    "REQUEST_ID_SPENT": errors.RequestIdSpentError,
    "PROFILE_TOO_LARGE": errors.ProfileTooLargeError,
    "USER_NOT_FOUND": errors.UserNotFoundError,
    "USERNAME_TAKEN": errors.UsernameTakenError,
    "USER_NOT_ALLOWED": errors.UserNotAllowedError,
    "ACCOUNT_LOCKED": errors.AccountLockedError,
    "ACCOUNT_DISABLED": errors.AccountDisabledError,
    "INVALID_CREDENTIALS": errors.InvalidCredentialsError,
    "PASSWORD_REFUSED": errors.PasswordRefusedError,
    "ACCESS_TOKEN_INVALID": errors.AccessTokenInvalidError,
    "REFRESH_TOKEN_INVALID": errors.RefreshTokenInvalidError,
    "REFRESH_TOKEN_EXPIRED": errors.RefreshTokenExpiredError,
    "REFRESH_TOKEN_REUSED": errors.RefreshTokenReusedError,
    "SESSION_ENDED": errors.SessionEndedError,
    "SESSION_LIMIT_REACHED": errors.SessionLimitReachedError,
    "KEY_NOT_FOUND": errors.KeyNotFoundError,
    "KEY_STATE": errors.KeyStateError,
    "CALLER_UNKNOWN": errors.CallerUnknownError,
    "CALLER_NOT_ALLOWED": errors.CallerNotAllowedError,
    "RATE_LIMITED": errors.RateLimitedError,
    "OVERLOADED": errors.OverloadedError,
    "STORE_UNAVAILABLE": errors.StoreUnavailableError,
    "NOT_IMPLEMENTED": errors.MethodNotImplementedError,
    "INTERNAL": errors.InternalError,
}

# For reasons of a newer contract than this client knows: the code still tells their kind.
_BY_CODE: Final[dict[grpc.StatusCode, type[errors.TokenAuthorityError]]] = {
    grpc.StatusCode.INVALID_ARGUMENT: errors.InvalidRequestError,
    grpc.StatusCode.UNAUTHENTICATED: errors.UnauthenticatedError,
    grpc.StatusCode.PERMISSION_DENIED: errors.PermissionDeniedError,
    grpc.StatusCode.NOT_FOUND: errors.NotFoundError,
    grpc.StatusCode.ALREADY_EXISTS: errors.ConflictError,
    grpc.StatusCode.FAILED_PRECONDITION: errors.ConflictError,
    grpc.StatusCode.UNAVAILABLE: errors.UnavailableError,
    grpc.StatusCode.RESOURCE_EXHAUSTED: errors.UnavailableError,
}

# What gRPC itself, or something on the way, may answer in the authority's place.
_ON_THE_WAY: Final[dict[grpc.StatusCode, type[errors.TokenAuthorityError]]] = {
    grpc.StatusCode.UNAVAILABLE: errors.ConnectionFailedError,
    grpc.StatusCode.CANCELLED: errors.ConnectionFailedError,
    grpc.StatusCode.DEADLINE_EXCEEDED: errors.CallTimeoutError,
    grpc.StatusCode.UNIMPLEMENTED: errors.MethodNotImplementedError,
}


def error_from(
    failure: grpc.aio.AioRpcError, *, rpc: str, timeout: float, correlation_id: str
) -> errors.TokenAuthorityError:
    """Return the exception for a failed call of `rpc` that had `timeout` seconds."""
    trailers = failure.trailing_metadata() or grpc.aio.Metadata()
    info, retry, bad_request, quotas = _details(trailers.get("grpc-status-details-bin", b""))
    if info.domain == _DOMAIN:
        error = _refusal(rpc, failure, info, bad_request)
        if isinstance(error, errors.RateLimitedError):
            error.quota = "; ".join(exceeded.subject for exceeded in quotas.violations)
    else:
        error = _accident(rpc, failure, timeout)
    error.code = failure.code()
    if retry.HasField("retry_delay"):
        error.retry_after = retry.retry_delay.ToTimedelta()
    error.request_id = str(
        trailers.get("x-request-id") or info.metadata.get("request_id") or correlation_id
    )
    return error


def _details(packed: str | bytes) -> tuple[ErrorInfo, RetryInfo, BadRequest, QuotaFailure]:
    found = ErrorInfo(), RetryInfo(), BadRequest(), QuotaFailure()
    try:
        for detail in Status.FromString(packed if isinstance(packed, bytes) else b"").details:
            for message in found:
                detail.Unpack(message)
    except DecodeError:
        # Not the authority's doing: then it is no answer of the authority either.
        return ErrorInfo(), RetryInfo(), BadRequest(), QuotaFailure()
    return found


def _refusal(
    rpc: str, failure: grpc.aio.AioRpcError, info: ErrorInfo, bad_request: BadRequest
) -> errors.TokenAuthorityError:
    kind = BY_REASON.get(info.reason) or _BY_CODE.get(failure.code(), errors.FaultError)
    violations = [(wrong.field, wrong.description) for wrong in bad_request.field_violations]
    text = _text(failure)
    # The authority's own text names the first few.
    listed = "".join(
        f"; {field}: {description}"
        for field, description in violations
        if f"{field} {description}" not in text
    )
    error = kind(f"{rpc}: {text}{listed} ({failure.code().name} / {info.reason})")
    error.reason = info.reason
    error.metadata = dict(info.metadata)
    if isinstance(error, errors.InvalidRequestError):
        error.violations = dict(violations)
    return error


def _accident(
    rpc: str, failure: grpc.aio.AioRpcError, timeout: float
) -> errors.TokenAuthorityError:
    kind = _ON_THE_WAY.get(failure.code(), errors.UnexpectedAnswerError)
    if kind is errors.CallTimeoutError:
        return kind(f"{rpc}: no answer within {timeout:g} s")
    if kind is errors.ConnectionFailedError:
        return kind(f"{rpc}: the token authority could not be reached: {_text(failure)}")
    return kind(
        f"{rpc}: what came back is not the token authority's answer: {_text(failure)} "
        f"({failure.code().name}); check the address and what stands before it"
    )


def _text(failure: grpc.aio.AioRpcError) -> str:
    return _SECRET.sub("[secret]", failure.details() or "no details")
