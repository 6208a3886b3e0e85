"""What each request comes to, and what is wrong with it as a whole."""

from typing import Any

import pytest
from unit.transport.asking import ADA, PHONE, known, of_ada, refresh, violations

from tokenauthority.v1 import token_service_pb2 as pb
from tokenauthority_server.domain.revocations import RevocationReason
from tokenauthority_server.domain.sessions import CreateRequest, Device
from tokenauthority_server.domain.tokens import TokenType
from tokenauthority_server.domain.users import Profile
from tokenauthority_server.transport import requests
from tokenauthority_server.transport.requests import SessionTarget, TokenTarget, UserTarget


def test_create_pair_by_subject() -> None:
    request = pb.CreatePairRequest(subject=ADA, device=PHONE, scope=["a", "b"], request_id="r-1")

    assert requests.create_pair(request) == CreateRequest(
        user_id="u-ada",
        profile=Profile(
            user_id="u-ada",
            username="ada",
            email="ada@example.com",
            roles=("author", "editor"),
            permissions=("read", "write"),
        ),
        device=Device(device_id="phone", user_agent="app/1", ip_address="192.0.2.1"),
        scope=("a", "b"),
        request_id="r-1",
    )


def test_create_pair_by_user_id() -> None:
    assert requests.create_pair(known()) == CreateRequest(user_id="u-ada")


def test_create_pair_needs_an_identity() -> None:
    assert violations(requests.create_pair, pb.CreatePairRequest()) == {
        "identity": "is required: give user_id or subject"
    }


def test_all_that_is_wrong_is_told_at_once() -> None:
    request = pb.CreatePairRequest(
        subject=pb.Subject(email="x" * 255, roles=["a", "a"], permissions=[""]),
        device=pb.Device(device_id="\0", user_agent="x" * 513, ip_address="here"),
        scope=["", "ok"],
        request_id="x" * 129,
    )

    assert violations(requests.create_pair, request).keys() == {
        "subject.user_id",
        "subject.username",
        "subject.email",
        "subject.roles[1]",
        "subject.permissions[0]",
        "device.device_id",
        "device.user_agent",
        "device.ip_address",
        "scope[0]",
        "request_id",
    }


def test_so_many_violations_are_told_as_fit_the_trailers() -> None:
    assert len(violations(requests.create_pair, of_ada(roles=[""] * 5_000))) == 32


@pytest.mark.parametrize("token", ["", "good", "\0", "x" * 100_000, "é" * 10])
def test_validate_takes_any_token(token: str) -> None:
    assert requests.validate(pb.ValidateRequest(token=token)) == (token, TokenType.ACCESS)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (pb.TOKEN_TYPE_UNSPECIFIED, TokenType.ACCESS),
        (pb.TOKEN_TYPE_ACCESS, TokenType.ACCESS),
        (pb.TOKEN_TYPE_REFRESH, TokenType.REFRESH),
    ],
)
def test_validate_expects_an_access_token_unless_told(
    given: pb.TokenType.ValueType, expected: TokenType
) -> None:
    assert requests.validate(pb.ValidateRequest(expected_type=given))[1] is expected
    assert requests.batch_validate(pb.BatchValidateRequest(expected_type=given))[1] is expected


def outside(wire_field: bytes, request: Any) -> Any:
    """Set an enum to a number that the contract does not have, as only the wire can."""
    request.MergeFromString(wire_field)
    return request


def test_a_token_type_that_is_none_is_refused() -> None:
    refused = {"expected_type": "is no TokenType"}

    assert violations(requests.validate, outside(b"\x10\x09", pb.ValidateRequest())) == refused
    assert (
        violations(requests.batch_validate, outside(b"\x10\x09", pb.BatchValidateRequest()))
        == refused
    )


def test_batch_validate_takes_any_tokens() -> None:
    tokens = ["", "good", "\0", "good"]

    found, _ = requests.batch_validate(pb.BatchValidateRequest(tokens=tokens))

    assert list(found) == tokens


def test_batch_validate_takes_a_thousand_tokens() -> None:
    assert len(requests.batch_validate(pb.BatchValidateRequest(tokens=["x"] * 1_000))[0]) == 1_000
    assert violations(
        requests.batch_validate, outside(b"\x10\x09", pb.BatchValidateRequest(tokens=["x"] * 1_001))
    ) == {"tokens": "are 1001; at most 1000 are allowed", "expected_type": "is no TokenType"}


def test_batch_validate_takes_a_mebibyte_of_tokens() -> None:
    mebibyte = ["é" * 256 * 1024, "x" * 512 * 1024]
    requests.batch_validate(pb.BatchValidateRequest(tokens=mebibyte))
    assert violations(
        requests.batch_validate, pb.BatchValidateRequest(tokens=[*mebibyte, "x"])
    ) == {"tokens": "have more than 1048576 bytes together"}


def test_refresh() -> None:
    assert requests.refresh(refresh(device=PHONE)) == (
        "refresh",
        Device(device_id="phone", user_agent="app/1", ip_address="192.0.2.1"),
    )
    assert requests.refresh(refresh()) == ("refresh", Device())


@pytest.mark.parametrize(
    ("request_", "target"),
    [
        (pb.RevokeRequest(token="t"), TokenTarget("t")),
        (pb.RevokeRequest(session_id="s"), SessionTarget("s")),
        (pb.RevokeRequest(user_id="u"), UserTarget("u", "")),
        (pb.RevokeRequest(user_id="u", except_session_id="s"), UserTarget("u", "s")),
    ],
)
def test_revoke(request_: pb.RevokeRequest, target: requests.Target) -> None:
    assert requests.revoke(request_) == (target, RevocationReason.LOGOUT)


def test_revoke_needs_a_target() -> None:
    assert violations(requests.revoke, pb.RevokeRequest()) == {
        "target": "is required: give token, session_id or user_id"
    }


@pytest.mark.parametrize("target", ["token", "session_id"])
def test_only_a_users_session_can_be_excepted(target: str) -> None:
    request = pb.RevokeRequest(except_session_id="s")
    setattr(request, target, "x")

    assert violations(requests.revoke, request) == {"except_session_id": "goes with user_id only"}


CLAIMABLE = {"LOGOUT", "LOGOUT_ALL", "ADMIN", "PASSWORD_CHANGED"}


@pytest.mark.parametrize("name", sorted(CLAIMABLE))
def test_a_caller_may_claim_a_reason(name: str) -> None:
    reason = pb.RevocationReason.Value(f"REVOCATION_REASON_{name}")

    assert requests.revoke(pb.RevokeRequest(token="t", reason=reason))[1] == name


@pytest.mark.parametrize(
    "number",
    [
        *(
            number
            for name, number in pb.RevocationReason.items()
            if name.removeprefix("REVOCATION_REASON_") not in {*CLAIMABLE, "UNSPECIFIED"}
        ),
        99,
    ],
)
def test_the_authoritys_own_reasons_cannot_be_claimed(number: int) -> None:
    request = outside(bytes([0x28, number]), pb.RevokeRequest(token="t"))

    assert violations(requests.revoke, request) == {
        "reason": "is none of ADMIN, LOGOUT, LOGOUT_ALL, PASSWORD_CHANGED"
    }


def test_list_sessions() -> None:
    request = pb.ListSessionsRequest(user_id="u-ada", page_size=7, page_token="next")

    assert requests.list_sessions(request) == ("u-ada", 7, "next")
    assert requests.list_sessions(pb.ListSessionsRequest(user_id="u")) == ("u", 0, "")


def test_a_page_has_no_negative_size() -> None:
    request = pb.ListSessionsRequest(page_size=-1)

    assert violations(requests.list_sessions, request) == {
        "user_id": "is required",
        "page_size": "is negative",
    }


def test_no_violation_quotes_a_value() -> None:
    secret = "hunter2"
    request = pb.CreatePairRequest(
        subject=pb.Subject(
            user_id=secret * 50,
            username=f"{secret}\0",
            email=secret * 50,
            roles=[secret, secret],
        ),
        device=pb.Device(ip_address=secret),
        scope=[secret * 50],
    )

    assert secret not in str(violations(requests.create_pair, request))
