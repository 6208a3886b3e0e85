"""Each rule for the fields of a request, over the wire: the field that breaks it is named."""

import time
from typing import Any

import grpc
import pytest
from support.authority import Served
from support.callers import ANN
from support.failures import Failure, failure_of

from tokenauthority.v1 import token_service_pb2 as pb

METHODS = [method.name for method in pb.DESCRIPTOR.services_by_name["TokenService"].methods]
LONG = "é" * 64  # 128 bytes
SUBJECT: dict[str, Any] = {"user_id": "1", "username": "one"}


def create(**fields: Any) -> pb.CreatePairRequest:
    return pb.CreatePairRequest(**({"user_id": "1"} | fields))


def subject(**fields: Any) -> pb.CreatePairRequest:
    return pb.CreatePairRequest(subject=pb.Subject(**(SUBJECT | fields)))


def device(**fields: str) -> pb.CreatePairRequest:
    return create(device=pb.Device(**fields))


def revoke(**fields: Any) -> pb.RevokeRequest:
    return pb.RevokeRequest(**fields)


def sessions(**fields: Any) -> pb.ListSessionsRequest:
    return pb.ListSessionsRequest(**({"user_id": "1"} | fields))


BROKEN: list[tuple[str, Any, str]] = [
    ("CreatePair", pb.CreatePairRequest(), "identity"),
    ("CreatePair", create(user_id=""), "user_id"),
    ("CreatePair", create(user_id=LONG + "x"), "user_id"),
    ("CreatePair", create(user_id="1\0"), "user_id"),
    ("CreatePair", subject(user_id=""), "subject.user_id"),
    ("CreatePair", subject(user_id=LONG + "x"), "subject.user_id"),
    ("CreatePair", subject(user_id="\0"), "subject.user_id"),
    ("CreatePair", subject(username=""), "subject.username"),
    ("CreatePair", subject(username="x" * 151), "subject.username"),
    ("CreatePair", subject(username="a\0b"), "subject.username"),
    ("CreatePair", subject(email="x" * 255), "subject.email"),
    ("CreatePair", subject(email="a\0b"), "subject.email"),
    ("CreatePair", subject(roles=["a", ""]), "subject.roles[1]"),
    ("CreatePair", subject(roles=["a", "a"]), "subject.roles[1]"),
    ("CreatePair", subject(roles=["\0"]), "subject.roles[0]"),
    ("CreatePair", subject(permissions=["a", ""]), "subject.permissions[1]"),
    ("CreatePair", subject(permissions=["a", "a"]), "subject.permissions[1]"),
    ("CreatePair", subject(permissions=["\0"]), "subject.permissions[0]"),
    ("CreatePair", device(device_id=LONG + "x"), "device.device_id"),
    ("CreatePair", device(device_id="\0"), "device.device_id"),
    ("CreatePair", device(user_agent="x" * 513), "device.user_agent"),
    ("CreatePair", device(user_agent="\0"), "device.user_agent"),
    ("CreatePair", device(ip_address="localhost"), "device.ip_address"),
    ("CreatePair", device(ip_address="192.0.2.256"), "device.ip_address"),
    ("CreatePair", device(ip_address="fe80::1%eth0"), "device.ip_address"),
    ("CreatePair", device(ip_address="1" * 100_000), "device.ip_address"),
    ("CreatePair", create(scope=[str(number) for number in range(65)]), "scope"),
    ("CreatePair", create(scope=["a", ""]), "scope[1]"),
    ("CreatePair", create(scope=["a", "a"]), "scope[1]"),
    ("CreatePair", create(scope=[LONG + "x"]), "scope[0]"),
    ("CreatePair", create(scope=["\0"]), "scope[0]"),
    ("CreatePair", create(request_id=LONG + "x"), "request_id"),
    ("CreatePair", create(request_id="\0"), "request_id"),
    ("Validate", pb.ValidateRequest.FromString(b"\x10\x63"), "expected_type"),
    ("BatchValidate", pb.BatchValidateRequest(tokens=["x"] * 1001), "tokens"),
    ("BatchValidate", pb.BatchValidateRequest(tokens=["x" * 600_000] * 2), "tokens"),
    ("Refresh", pb.RefreshRequest(), "refresh_token"),
    ("Refresh", pb.RefreshRequest(refresh_token="a\0"), "refresh_token"),
    (
        "Refresh",
        pb.RefreshRequest(refresh_token="a", device=pb.Device(ip_address="here")),
        "device.ip_address",
    ),
    ("Revoke", revoke(), "target"),
    ("Revoke", revoke(token=""), "token"),
    ("Revoke", revoke(session_id=""), "session_id"),
    ("Revoke", revoke(session_id=LONG + "x"), "session_id"),
    ("Revoke", revoke(session_id="\0"), "session_id"),
    ("Revoke", revoke(user_id=""), "user_id"),
    ("Revoke", revoke(user_id=LONG + "x"), "user_id"),
    ("Revoke", revoke(user_id="\0"), "user_id"),
    ("Revoke", revoke(user_id="1", except_session_id=LONG + "x"), "except_session_id"),
    ("Revoke", revoke(session_id="s", except_session_id="t"), "except_session_id"),
    ("Revoke", revoke(user_id="1", reason=pb.REVOCATION_REASON_REUSE_DETECTED), "reason"),
    ("ListSessions", sessions(user_id=""), "user_id"),
    ("ListSessions", sessions(user_id=LONG + "x"), "user_id"),
    ("ListSessions", sessions(user_id="\0"), "user_id"),
    ("ListSessions", sessions(page_size=-1), "page_size"),
    ("ListSessions", sessions(page_token="made up"), "page_token"),
    ("ListSessions", sessions(page_token="x" * 1025), "page_token"),
]


async def refused(authority: Served, method: str, request: Any) -> Failure:
    failure = await failure_of(getattr(authority.stub, method)(request, timeout=5))
    assert failure.code is grpc.StatusCode.INVALID_ARGUMENT
    return failure


@pytest.mark.parametrize(
    ("method", "request_", "field"),
    BROKEN,
    ids=[f"{method}-{field}-{number}" for number, (method, _, field) in enumerate(BROKEN)],
)
async def test_the_field_is_named(shared: Served, method: str, request_: Any, field: str) -> None:
    failure = await refused(shared, method, request_)

    assert failure.reason == "INVALID_REQUEST"
    assert list(failure.violations) == [field]
    assert field in failure.text


async def test_all_faults_are_told_at_once(shared: Served) -> None:
    request = subject(user_id="", username="", email="x" * 255, roles=[""])
    request.device.ip_address = "here"
    request.scope.extend(["a", "a"])

    failure = await refused(shared, "CreatePair", request)

    assert list(failure.violations) == [
        "subject.user_id",
        "subject.username",
        "subject.email",
        "subject.roles[0]",
        "device.ip_address",
        "scope[1]",
    ]


async def test_nothing_is_done_for_a_request_that_is_refused(shared: Served) -> None:
    request = subject(user_id="u-refused", username="refused")
    request.device.ip_address = "here"
    await refused(shared, "CreatePair", request)

    unknown = await failure_of(shared.stub.CreatePair(create(user_id="u-refused")))

    assert unknown.reason == "USER_NOT_FOUND"


async def test_the_longest_values_are_taken(shared: Served) -> None:
    request = subject(user_id=LONG, username="x" * 150, email="x" * 254)
    request.device.device_id = LONG
    request.device.user_agent = "x" * 512
    request.device.ip_address = "2001:0db8:0000:0000:0000:ffff:192.168.100.228"
    # As many as are allowed; not all may be as long as is allowed and still fit a token.
    request.scope.extend([LONG, *(str(number) for number in range(63))])
    request.request_id = LONG

    pair = (await shared.stub.CreatePair(request)).pair

    verdict = await shared.client.validate(pair.access_token)
    assert verdict.claims is not None
    assert (verdict.claims.user_id, verdict.claims.device_id) == (LONG, LONG)
    assert len(verdict.claims.scope) == 64


@pytest.mark.parametrize(
    "roles", [["r" * 9000], [f"role-{number:03}" for number in range(900)], ["x"] * 100_000]
)
async def test_a_profile_that_fits_no_token(shared: Served, roles: list[str]) -> None:
    failure = await refused(shared, "CreatePair", subject(roles=roles))

    assert failure.reason == "PROFILE_TOO_LARGE"
    assert list(failure.violations) == ["subject"]


async def test_a_profile_that_just_fits(shared: Served) -> None:
    roles = [f"role-{number:03}" for number in range(400)]

    pair = (await shared.stub.CreatePair(subject(roles=roles))).pair

    assert len(pair.access_token) <= 8192
    verdict = await shared.client.validate(pair.access_token)
    assert verdict.claims is not None
    assert list(verdict.claims.roles) == roles


async def test_page_tokens_are_bound_to_their_request(shared: Served) -> None:
    for _ in range(2):
        await shared.client.create_pair(ANN)
    page = await shared.client.list_sessions(ANN.user_id, page_size=1)
    token = page.next_page_token
    altered = ("B" if token[0] == "A" else "A") + token[1:]

    for request in (
        sessions(user_id="another", page_token=token),
        sessions(user_id=ANN.user_id, page_token=altered),
        sessions(user_id=ANN.user_id, page_token=token[:-1]),
    ):
        failure = await refused(shared, "ListSessions", request)
        assert list(failure.violations) == ["page_token"]


async def raw(authority: Served, method: str, body: bytes) -> bytes:
    call = authority.channel.unary_unary(
        f"/tokenauthority.v1.TokenService/{method}",
        request_serializer=lambda data: data,
        response_deserializer=lambda data: data,
    )
    response: bytes = await call(body, timeout=5)
    return response


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    "body", [b"\xff\xff\xff", b"\x0a\x7fshort", b"\x00"], ids=["tag", "cut", "zero"]
)
async def test_bytes_that_do_not_decode(shared: Served, method: str, body: bytes) -> None:
    failure = await failure_of(raw(shared, method, body))

    assert failure.code is grpc.StatusCode.INVALID_ARGUMENT
    assert failure.reason == "MALFORMED_REQUEST"
    assert "protobuf" not in failure.everything.lower()


async def test_text_that_is_no_utf8(shared: Served) -> None:
    failure = await failure_of(raw(shared, "Validate", b"\x0a\x02\xff\xfe"))

    assert failure.reason == "MALFORMED_REQUEST"


@pytest.mark.parametrize(
    "token",
    [
        "",
        "\0",
        ".",
        "..",
        "a.b.c",
        "a.b.c.d.e",
        "\U0001f511" * 100,
        "[" * 100_000,
        "." * 100_000,
        "A" * 8193,
        "eyJhbGciOiJub25lIn0.e30.",
        "x" * 4_000_000,
    ],
    ids=lambda token: f"{token[:4]!a}-{len(token)}",
)
async def test_any_text_at_all_is_answered_as_a_token(shared: Served, token: str) -> None:
    began = time.monotonic()

    results = [
        await shared.client.validate(token),
        *(await shared.client.batch_validate([token] if len(token) < 100_001 else [])),
    ]

    assert not any(results)
    assert time.monotonic() - began < 1
