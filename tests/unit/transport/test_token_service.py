"""Each RPC: what its use case is asked, what comes back, and what happens to bad input."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from support.failures import failure_of
from support.waiting import until
from unit.transport.fakes import BAD, CALLER, GOOD, KEY, PAIR, SESSION, Script, fake_use_cases
from unit.transport.serving import Served, serving

from tokenauthority.v1 import token_service_pb2 as pb
from tokenauthority.v1.token_service_pb2_grpc import TokenServiceStub
from tokenauthority_server.domain.errors import (
    InvalidRequestError,
    ProfileTooLargeError,
    StoreUnavailableError,
    Violation,
)
from tokenauthority_server.domain.revocations import RevocationReason
from tokenauthority_server.domain.sessions import CreateRequest, Device, Origin
from tokenauthority_server.domain.tokens import TokenType
from tokenauthority_server.transport import responses
from tokenauthority_server.transport.token_service import token_service

if TYPE_CHECKING:
    from tokenauthority.v1.token_service_pb2_grpc import TokenServiceAsyncStub

METADATA = (("x-request-id", "call-1"),)
ORIGIN = Origin(caller=CALLER.name, request_id="call-1")
# Those that are no streams; test_watch.py has the other.
RPCS = {
    method.name: method
    for method in pb.DESCRIPTOR.services_by_name["TokenService"].methods
    if not method.server_streaming
}
GOOD_REQUESTS = {
    "CreatePair": pb.CreatePairRequest(user_id="u-ada"),
    "Validate": pb.ValidateRequest(token="good"),
    "BatchValidate": pb.BatchValidateRequest(tokens=["good"]),
    "Refresh": pb.RefreshRequest(refresh_token="refresh"),
    "Revoke": pb.RevokeRequest(session_id="sess_1"),
    "ListSessions": pb.ListSessionsRequest(user_id="u-ada"),
    "GetPublicKeys": pb.GetPublicKeysRequest(),
}


@pytest.fixture
async def served(script: Script) -> AsyncIterator[Served]:
    async with serving(token_service(fake_use_cases(script))) as running:
        yield running


@pytest.fixture
def stub(served: Served) -> TokenServiceAsyncStub:
    return TokenServiceStub(served.channel)


def raw(served: Served, rpc: str, request: bytes) -> Any:
    """Call an RPC with these bytes."""
    method: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = served.channel.unary_unary(
        f"/tokenauthority.v1.TokenService/{rpc}"
    )
    return method(request, metadata=METADATA)


async def test_create_pair(stub: TokenServiceAsyncStub, script: Script) -> None:
    response = await stub.CreatePair(pb.CreatePairRequest(user_id="u-ada"), metadata=METADATA)

    assert response == pb.CreatePairResponse(pair=responses.token_pair(PAIR))
    assert script.asked == [(CreateRequest(user_id="u-ada"), ORIGIN)]


async def test_validate(stub: TokenServiceAsyncStub, script: Script) -> None:
    request = pb.ValidateRequest(token="good", expected_type=pb.TOKEN_TYPE_REFRESH)

    assert await stub.Validate(request) == responses.verdict(GOOD)
    assert await stub.Validate(pb.ValidateRequest()) == responses.verdict(BAD)
    assert script.asked == [
        ("good", TokenType.REFRESH, CALLER.rights),
        ("", TokenType.ACCESS, CALLER.rights),
    ]


async def test_batch_validate(stub: TokenServiceAsyncStub, script: Script) -> None:
    tokens = ["", "good", "bad\0"]

    response = await stub.BatchValidate(pb.BatchValidateRequest(tokens=tokens))

    assert [one.active for one in response.results] == [False, True, False]
    assert script.asked == [(tokens, TokenType.ACCESS, CALLER.rights)]


async def test_refresh(stub: TokenServiceAsyncStub, script: Script) -> None:
    request = pb.RefreshRequest(refresh_token="refresh", device=pb.Device(device_id="phone"))

    response = await stub.Refresh(request, metadata=METADATA)

    assert response == pb.RefreshResponse(pair=responses.token_pair(PAIR), replayed=True)
    assert script.asked == [("refresh", Device(device_id="phone"), ORIGIN)]


@pytest.mark.parametrize(
    ("request_", "asked", "response"),
    [
        (
            pb.RevokeRequest(token="t"),
            ("token", "t", RevocationReason.LOGOUT, ORIGIN),
            pb.RevokeResponse(revoked_tokens=1, effective_everywhere=True),
        ),
        (
            pb.RevokeRequest(session_id="s", reason=pb.REVOCATION_REASON_ADMIN),
            ("session", "s", RevocationReason.ADMIN, ORIGIN),
            pb.RevokeResponse(revoked_sessions=1, effective_everywhere=True),
        ),
        (
            pb.RevokeRequest(user_id="u", except_session_id="s"),
            ("user", "u", "s", RevocationReason.LOGOUT, ORIGIN),
            pb.RevokeResponse(revoked_sessions=3),
        ),
    ],
)
async def test_revoke(
    stub: TokenServiceAsyncStub,
    script: Script,
    request_: pb.RevokeRequest,
    asked: tuple[object, ...],
    response: pb.RevokeResponse,
) -> None:
    assert await stub.Revoke(request_, metadata=METADATA) == response
    assert script.asked == [asked]


async def test_list_sessions(stub: TokenServiceAsyncStub, script: Script) -> None:
    request = pb.ListSessionsRequest(user_id="u-ada", page_size=3, page_token="page")

    assert await stub.ListSessions(request) == pb.ListSessionsResponse(
        sessions=[responses.session(SESSION)], next_page_token="next"
    )
    assert script.asked == [("u-ada", 3, "page")]


async def test_get_public_keys(stub: TokenServiceAsyncStub) -> None:
    response = await stub.GetPublicKeys(pb.GetPublicKeysRequest())

    assert list(response.keys) == [responses.public_key(KEY)]


@pytest.mark.parametrize("rpc", RPCS)
async def test_bytes_that_are_no_request_are_told_as_such(
    served: Served, script: Script, rpc: str
) -> None:
    failure = await failure_of(raw(served, rpc, b"\xff\xff\xff"))

    assert failure.code is grpc.StatusCode.INVALID_ARGUMENT
    assert failure.reason == "MALFORMED_REQUEST"
    assert failure.trailers["x-request-id"] == "call-1"
    assert not script.asked
    # Counted a moment after the caller has its answer.
    await until(
        lambda: served.handled(f"tokenauthority.v1.TokenService.{rpc}", "INVALID_ARGUMENT") == 1
    )


@pytest.mark.parametrize("rpc", sorted(RPCS.keys() - {"GetPublicKeys"}))
async def test_text_that_is_no_utf_8_is_no_request(served: Served, rpc: str) -> None:
    first = next(field for field in RPCS[rpc].input_type.fields if field.type == field.TYPE_STRING)
    request = bytes([first.number << 3 | 2, 2, 0xC3, 0x28])

    assert (await failure_of(raw(served, rpc, request))).reason == "MALFORMED_REQUEST"


@pytest.mark.parametrize("rpc", RPCS)
async def test_fields_of_a_newer_contract_are_ignored(served: Served, rpc: str) -> None:
    newer = b"\xfa\x7f\x03new"

    await raw(served, rpc, GOOD_REQUESTS[rpc].SerializeToString() + newer)


@pytest.mark.parametrize("rpc", RPCS)
async def test_no_fault_leaks(served: Served, script: Script, rpc: str) -> None:
    script.error = RuntimeError("postgresql://user:hunter2@db")

    failure = await failure_of(raw(served, rpc, GOOD_REQUESTS[rpc].SerializeToString()))

    assert failure.code is grpc.StatusCode.INTERNAL
    assert "hunter2" not in failure.everything


@pytest.mark.parametrize("rpc", RPCS)
async def test_no_answer_is_given_without_a_store(served: Served, script: Script, rpc: str) -> None:
    script.error = StoreUnavailableError("PostgreSQL")

    failure = await failure_of(raw(served, rpc, GOOD_REQUESTS[rpc].SerializeToString()))

    assert failure.code is grpc.StatusCode.UNAVAILABLE
    assert failure.reason == "STORE_UNAVAILABLE"
    assert failure.retry_after == 1.0


@pytest.mark.parametrize(
    ("rpc", "request_", "field"),
    [
        ("CreatePair", pb.CreatePairRequest(), "identity"),
        ("Refresh", pb.RefreshRequest(), "refresh_token"),
        ("Revoke", pb.RevokeRequest(), "target"),
        ("ListSessions", pb.ListSessionsRequest(), "user_id"),
        ("BatchValidate", pb.BatchValidateRequest(tokens=[""] * 1001), "tokens"),
    ],
)
async def test_a_request_that_breaks_a_rule_reaches_no_use_case(
    served: Served, script: Script, rpc: str, request_: Any, field: str
) -> None:
    failure = await failure_of(raw(served, rpc, request_.SerializeToString()))

    assert failure.code is grpc.StatusCode.INVALID_ARGUMENT
    assert failure.reason == "INVALID_REQUEST"
    assert failure.violations.keys() == {field}
    assert field in failure.text
    assert not script.asked


async def test_as_many_violations_are_told_as_a_client_accepts(
    stub: TokenServiceAsyncStub,
) -> None:
    subject = pb.Subject(user_id="x" * 129, username="\0" * 151, roles=[""] * 5_000)
    device = pb.Device(device_id="\0" * 129, user_agent="\0" * 513, ip_address="none")

    failure = await failure_of(
        stub.CreatePair(
            pb.CreatePairRequest(subject=subject, device=device, scope=["\0" * 129] * 64)
        )
    )

    assert failure.reason == "INVALID_REQUEST"
    assert {"subject.user_id", "subject.username"} <= failure.violations.keys()


async def test_a_use_case_may_refuse_a_field_too(
    stub: TokenServiceAsyncStub, script: Script
) -> None:
    script.error = InvalidRequestError(Violation("page_token", "was altered"))

    failure = await failure_of(stub.ListSessions(pb.ListSessionsRequest(user_id="u")))

    assert failure.violations == {"page_token": "was altered"}


async def test_a_profile_is_named_only_where_it_was_given(
    stub: TokenServiceAsyncStub, script: Script
) -> None:
    script.error = ProfileTooLargeError()

    created = await failure_of(stub.CreatePair(pb.CreatePairRequest(user_id="u")))
    refreshed = await failure_of(stub.Refresh(pb.RefreshRequest(refresh_token="r")))

    assert created.violations.keys() == {"subject"}
    assert refreshed.reason == "PROFILE_TOO_LARGE"
    assert not refreshed.violations
