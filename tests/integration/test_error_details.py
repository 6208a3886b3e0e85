"""Every refusal that a caller can bring about, with what it tells."""

from collections.abc import Awaitable, Callable
from typing import Any

import grpc
import pytest
from support.authority import Served
from support.callers import create_request
from support.failures import failure_of
from support.postgres import Connection
from support.postgres_stores import PostgresRecords

from tokenauthority.v1 import token_service_pb2 as pb

Scenario = Callable[[Served, Connection], Awaitable[Awaitable[Any]]]
"""Brings the refusal about, and returns the call that is refused."""


async def pair_of(authority: Served, user_id: str = "1") -> pb.TokenPair:
    return (await authority.stub.CreatePair(create_request(user_id))).pair


def refresh(authority: Served, token: str) -> Awaitable[Any]:
    return authority.stub.Refresh(pb.RefreshRequest(refresh_token=token))


async def invalid_request(authority: Served, _: Connection) -> Awaitable[Any]:
    return authority.stub.Refresh(pb.RefreshRequest())


async def request_id_reused(authority: Served, _: Connection) -> Awaitable[Any]:
    request = create_request("1")
    request.request_id = "r-1"
    await authority.stub.CreatePair(request)
    request.device.device_id = "another"
    return authority.stub.CreatePair(request)


async def request_id_spent(authority: Served, _: Connection) -> Awaitable[Any]:
    request = create_request("1")
    request.request_id = "r-1"
    pair = (await authority.stub.CreatePair(request)).pair
    await refresh(authority, pair.refresh_token)
    return authority.stub.CreatePair(request)


async def profile_too_large(authority: Served, _: Connection) -> Awaitable[Any]:
    request = create_request("1")
    request.subject.roles.append("r" * 9000)
    return authority.stub.CreatePair(request)


async def user_not_found(authority: Served, _: Connection) -> Awaitable[Any]:
    return authority.stub.CreatePair(pb.CreatePairRequest(user_id="nobody"))


async def username_taken(authority: Served, _: Connection) -> Awaitable[Any]:
    await authority.stub.CreatePair(create_request("1", "ann"))
    return authority.stub.CreatePair(create_request("2", "ann"))


async def user_not_allowed(authority: Served, database: Connection) -> Awaitable[Any]:
    pair = await pair_of(authority)
    await PostgresRecords(database).set_status("1", "DISABLED")
    return refresh(authority, pair.refresh_token)


async def refresh_token_invalid(authority: Served, _: Connection) -> Awaitable[Any]:
    return refresh(authority, (await pair_of(authority)).access_token)


async def refresh_token_expired(authority: Served, database: Connection) -> Awaitable[Any]:
    pair = await pair_of(authority)
    await database.execute(
        "UPDATE tokenauthority.sessions SET refresh_expires_at = now() - interval '1 s'"
    )
    return refresh(authority, pair.refresh_token)


async def refresh_token_reused(authority: Served, _: Connection) -> Awaitable[Any]:
    pair = await pair_of(authority)
    second = (await refresh(authority, pair.refresh_token)).pair
    await refresh(authority, second.refresh_token)
    return refresh(authority, pair.refresh_token)


async def session_ended(authority: Served, _: Connection) -> Awaitable[Any]:
    pair = await pair_of(authority)
    await authority.stub.Revoke(pb.RevokeRequest(session_id=pair.session_id))
    return refresh(authority, pair.refresh_token)


async def internal(authority: Served, database: Connection) -> Awaitable[Any]:
    pair = await pair_of(authority)
    await database.execute("ALTER TABLE tokenauthority.sessions RENAME TO elsewhere")
    return refresh(authority, pair.refresh_token)


INVALID, UNAUTHENTICATED = grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.UNAUTHENTICATED
SCENARIOS: list[tuple[Scenario, grpc.StatusCode]] = [
    (invalid_request, INVALID),
    (request_id_reused, INVALID),
    (request_id_spent, grpc.StatusCode.FAILED_PRECONDITION),
    (profile_too_large, INVALID),
    (user_not_found, grpc.StatusCode.NOT_FOUND),
    (username_taken, grpc.StatusCode.ALREADY_EXISTS),
    (user_not_allowed, grpc.StatusCode.PERMISSION_DENIED),
    (refresh_token_invalid, UNAUTHENTICATED),
    (refresh_token_expired, UNAUTHENTICATED),
    (refresh_token_reused, UNAUTHENTICATED),
    (session_ended, UNAUTHENTICATED),
    (internal, grpc.StatusCode.INTERNAL),
]


@pytest.mark.parametrize(
    ("scenario", "code"), SCENARIOS, ids=[scenario.__name__ for scenario, _ in SCENARIOS]
)
async def test_a_refusal(
    authority: Served, database: Connection, scenario: Scenario, code: grpc.StatusCode
) -> None:
    failure = await failure_of(await scenario(authority, database))

    (info,) = failure.infos
    assert (failure.code, info.reason) == (code, scenario.__name__.upper())
    assert info.domain == "tokenauthority"
    assert info.metadata["request_id"] == failure.trailers["x-request-id"]
    assert bool(failure.violations) == (code is INVALID)
    assert failure.retry_after is None
    for secret in ("eyJ", "sessions", "relation", "asyncpg", "postgresql"):
        assert secret not in failure.everything
    (line,) = await authority.logged("call", request_id=info.metadata["request_id"])
    assert (line["code"], line["reason"]) == (code.name, info.reason)


async def test_the_log_tells_what_the_caller_of_an_unexpected_fault_is_not_told(
    authority: Served, database: Connection
) -> None:
    failure = await failure_of(await internal(authority, database))

    (line,) = await authority.logged("unexpected fault")
    assert line["request_id"] == failure.trailers["x-request-id"]
    assert 'relation "tokenauthority.sessions" does not exist' in line["exception"]
    assert "eyJ" not in authority.log.getvalue()


async def test_what_grpc_itself_refuses_carries_no_details(shared: Served) -> None:
    ask = shared.channel.unary_unary
    unknown = ask("/tokenauthority.v1.TokenService/Introspect", bytes, bytes)
    too_large = shared.stub.Validate(pb.ValidateRequest(token="x" * (16 * 1024 * 1024)))
    elsewhere = ask("/tokenauthority.v1.NoService/ListNothing", bytes, bytes)

    failures = [await failure_of(call) for call in (unknown(b""), too_large, elsewhere(b""))]

    assert [failure.code for failure in failures] == [
        grpc.StatusCode.UNIMPLEMENTED,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        grpc.StatusCode.UNIMPLEMENTED,
    ]
    assert not any(failure.infos for failure in failures)
