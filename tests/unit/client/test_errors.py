"""Every failure comes out as the exception that says what it means."""

import inspect
import pickle
from datetime import timedelta
from typing import Final

import grpc
import pytest
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, QuotaFailure, RetryInfo
from unit.client.scripted_authority import Refusal, ScriptedAuthority, refusal

from tokenauthority.v1.error_reason_pb2 import ErrorReason
from tokenauthority_client import TokenAuthorityClient, errors
from tokenauthority_client.failures import BY_REASON

EXCEPTIONS: Final = {
    name: kind
    for name, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, errors.TokenAuthorityError)
}
TOKEN: Final = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiI0MiJ9.c2lnbmF0dXJl"


async def failure(
    client: TokenAuthorityClient, authority: ScriptedAuthority, line: Refusal
) -> errors.TokenAuthorityError:
    authority.script["Refresh"] = [line]
    with pytest.raises(errors.TokenAuthorityError) as caught:
        await client.refresh(TOKEN, correlation_id="trace-7")
    return caught.value


def test_every_reason_of_the_contract_has_its_exception() -> None:
    reasons = {name.removeprefix("ERROR_REASON_") for name in ErrorReason.keys()}  # noqa: SIM118
    assert set(BY_REASON) == reasons - {"UNSPECIFIED"}


def test_reasons_that_a_caller_handles_apart_have_classes_of_their_own() -> None:
    apart = {reason: kind for reason, kind in BY_REASON.items() if reason != "MALFORMED_REQUEST"}
    assert len(set(apart.values())) == len(apart)


@pytest.mark.parametrize(("reason", "kind"), BY_REASON.items())
async def test_a_reason_raises_its_exception(
    client: TokenAuthorityClient,
    authority: ScriptedAuthority,
    reason: str,
    kind: type[errors.TokenAuthorityError],
) -> None:
    error = await failure(client, authority, refusal(grpc.StatusCode.ABORTED, reason))
    assert type(error) is kind
    assert error.reason == reason
    assert error.code is grpc.StatusCode.ABORTED


async def test_an_error_tells_all_that_it_was_told(
    client: TokenAuthorityClient, authority: ScriptedAuthority
) -> None:
    error = await failure(
        client,
        authority,
        refusal(
            grpc.StatusCode.INVALID_ARGUMENT,
            ErrorInfo(reason="INVALID_REQUEST", domain="tokenauthority", metadata={"limit": "128"}),
            RetryInfo(retry_delay=timedelta(milliseconds=250)),
            BadRequest(
                field_violations=[
                    BadRequest.FieldViolation(
                        field="device.ip_address", description="is no IP address"
                    ),
                    BadRequest.FieldViolation(field="device.device_id", description="too long"),
                ]
            ),
            request_id="req-9",
        ),
    )
    assert isinstance(error, errors.InvalidRequestError)
    assert error.code is grpc.StatusCode.INVALID_ARGUMENT
    assert error.reason == "INVALID_REQUEST"
    assert error.metadata == {"limit": "128"}
    assert error.retry_after == timedelta(milliseconds=250)
    assert error.request_id == "req-9"
    assert error.violations == {
        "device.ip_address": "is no IP address",
        "device.device_id": "too long",
    }
    assert str(error) == (
        "Refresh: as the script says; device.ip_address: is no IP address; "
        "device.device_id: too long (INVALID_ARGUMENT / INVALID_REQUEST) [request id req-9]"
    )


@pytest.mark.parametrize(
    ("quotas", "told"),
    [
        (["wakedock-api: Login"], "wakedock-api: Login"),
        (["a", "b"], "a; b"),
        ([], ""),
    ],
)
async def test_a_rate_that_is_used_up_tells_which_and_until_when(
    client: TokenAuthorityClient, authority: ScriptedAuthority, quotas: list[str], told: str
) -> None:
    error = await failure(
        client,
        authority,
        refusal(
            grpc.StatusCode.RESOURCE_EXHAUSTED,
            "RATE_LIMITED",
            RetryInfo(retry_delay=timedelta(milliseconds=250)),
            QuotaFailure(violations=[QuotaFailure.Violation(subject=one) for one in quotas]),
        ),
    )
    assert isinstance(error, errors.RateLimitedError)
    assert error.retry_after == timedelta(milliseconds=250)
    assert error.quota == told


async def test_what_the_text_names_already_is_not_told_twice(
    client: TokenAuthorityClient, authority: ScriptedAuthority
) -> None:
    error = await failure(
        client,
        authority,
        refusal(
            grpc.StatusCode.INVALID_ARGUMENT,
            "INVALID_REQUEST",
            BadRequest(
                field_violations=[
                    BadRequest.FieldViolation(field="device", description="says the script"),
                    BadRequest.FieldViolation(field="the", description="script says"),
                ]
            ),
        ),
    )
    assert str(error) == (
        "Refresh: as the script says; device: says the script "
        "(INVALID_ARGUMENT / INVALID_REQUEST) [request id trace-7]"
    )


async def test_an_error_that_tells_little_has_empty_attributes(
    client: TokenAuthorityClient, authority: ScriptedAuthority
) -> None:
    authority.script["Validate"] = [refusal(grpc.StatusCode.UNAVAILABLE, "OVERLOADED")]
    with pytest.raises(errors.OverloadedError) as caught:
        await client.validate(TOKEN)
    assert caught.value.retry_after is None
    assert caught.value.metadata == {}
    assert caught.value.request_id == ""
    assert str(caught.value) == "Validate: as the script says (UNAVAILABLE / OVERLOADED)"


async def test_the_request_id_is_found_wherever_it_stands(
    client: TokenAuthorityClient, authority: ScriptedAuthority
) -> None:
    info = ErrorInfo(reason="INTERNAL", domain="tokenauthority", metadata={"request_id": "req-9"})
    told = refusal(grpc.StatusCode.INTERNAL, info)
    assert (await failure(client, authority, told)).request_id == "req-9"
    untold = Refusal(grpc.StatusCode.UNAVAILABLE)
    assert (await failure(client, authority, untold)).request_id == "trace-7"


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (grpc.StatusCode.INVALID_ARGUMENT, errors.InvalidRequestError),
        (grpc.StatusCode.UNAUTHENTICATED, errors.UnauthenticatedError),
        (grpc.StatusCode.PERMISSION_DENIED, errors.PermissionDeniedError),
        (grpc.StatusCode.NOT_FOUND, errors.NotFoundError),
        (grpc.StatusCode.ALREADY_EXISTS, errors.ConflictError),
        (grpc.StatusCode.FAILED_PRECONDITION, errors.ConflictError),
        (grpc.StatusCode.UNAVAILABLE, errors.UnavailableError),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, errors.UnavailableError),
        (grpc.StatusCode.DATA_LOSS, errors.FaultError),
    ],
)
async def test_a_reason_of_a_newer_contract_goes_by_its_code(
    client: TokenAuthorityClient,
    authority: ScriptedAuthority,
    code: grpc.StatusCode,
    kind: type[errors.TokenAuthorityError],
) -> None:
    error = await failure(client, authority, refusal(code, "NEWER_THAN_THIS"))
    assert type(error) is kind
    assert error.reason == "NEWER_THAN_THIS"


@pytest.mark.parametrize(
    "code", [code for code in grpc.StatusCode if code is not grpc.StatusCode.OK]
)
async def test_what_goes_wrong_on_the_way_is_never_a_refusal(
    client: TokenAuthorityClient, authority: ScriptedAuthority, code: grpc.StatusCode
) -> None:
    error = await failure(client, authority, Refusal(code))
    assert isinstance(error, errors.UnavailableError | errors.FaultError)
    assert error.code is code
    assert error.reason == ""


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (grpc.StatusCode.UNAVAILABLE, errors.ConnectionFailedError),
        (grpc.StatusCode.CANCELLED, errors.ConnectionFailedError),
        (grpc.StatusCode.DEADLINE_EXCEEDED, errors.CallTimeoutError),
        (grpc.StatusCode.UNIMPLEMENTED, errors.MethodNotImplementedError),
        (grpc.StatusCode.UNAUTHENTICATED, errors.UnexpectedAnswerError),
    ],
)
@pytest.mark.parametrize(
    "trailers",
    [
        (),
        (("grpc-status-details-bin", b"\xff\xff\xff"),),
        refusal(
            grpc.StatusCode.UNKNOWN, ErrorInfo(reason="SESSION_ENDED", domain="proxy.example")
        ).trailers,
    ],
    ids=["no details", "broken details", "another's details"],
)
async def test_failures_on_the_way_are_told_apart(
    client: TokenAuthorityClient,
    authority: ScriptedAuthority,
    code: grpc.StatusCode,
    kind: type[errors.TokenAuthorityError],
    trailers: tuple[tuple[str, str | bytes], ...],
) -> None:
    line = Refusal(code, trailers=trailers)
    assert type(await failure(client, authority, line)) is kind


@pytest.mark.parametrize("code", [grpc.StatusCode.UNKNOWN, grpc.StatusCode.UNAVAILABLE])
async def test_no_error_quotes_a_token(
    client: TokenAuthorityClient, authority: ScriptedAuthority, code: grpc.StatusCode
) -> None:
    error = await failure(client, authority, Refusal(code, f"cannot parse {TOKEN}, sorry"))
    assert "cannot parse [secret], sorry" in str(error)
    assert error.__cause__ is None
    assert error.__suppress_context__


def test_an_error_can_be_made_copied_and_sent_to_another_process() -> None:
    error = errors.StoreUnavailableError("Validate: no store")
    error.retry_after = timedelta(seconds=1)
    error.request_id = "req-9"
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301 - its own bytes
    assert type(copy) is errors.StoreUnavailableError
    assert str(copy) == str(error) == "Validate: no store [request id req-9]"
    assert copy.retry_after == timedelta(seconds=1)


def test_the_tree_is_drawn_as_it_is() -> None:
    drawn: dict[str, str] = {}
    branch: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        words = line.strip(" │├└─").split()
        if words and words[0] in EXCEPTIONS:
            depth = line.index(words[0]) // 4
            branch[depth:] = [words[0]]
            drawn[words[0]] = branch[depth - 1] if depth else "Exception"
    assert drawn == {name: kind.__bases__[0].__name__ for name, kind in EXCEPTIONS.items()}
