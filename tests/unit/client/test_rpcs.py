"""Each RPC has its method, and each method sends what it was given."""

import inspect
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, Final

import grpc
import pytest
from google.protobuf.message import Message
from unit.client.methods import METHODS, RPCS, Method
from unit.client.scripted_authority import SILENCE, ScriptedAuthority, refusal

from tokenauthority.v1 import token_service_pb2 as pb
from tokenauthority_client import (
    Accounts,
    Admin,
    CallTimeoutError,
    Device,
    RevocationReason,
    StoreUnavailableError,
    Subject,
    TokenAuthorityClient,
    TokenType,
)

each_method = pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)


def test_every_rpc_is_wrapped() -> None:
    assert {method.rpc for method in METHODS.values()} == set(RPCS)


def test_an_rpc_is_wrapped_by_the_class_of_its_service() -> None:
    classes = {(RPCS[one.rpc].containing_service.name, one.of) for one in METHODS.values()}
    assert classes == {
        ("TokenService", TokenAuthorityClient),
        ("AccountService", Accounts),
        ("AdminService", Admin),
    }


@pytest.mark.parametrize("kind", [TokenAuthorityClient, Accounts, Admin])
def test_every_method_stands_in_the_table(kind: type) -> None:
    methods = inspect.getmembers(kind, inspect.isroutine)
    assert {name for name, method in METHODS.items() if method.of is kind} == {
        name for name, _ in methods if not name.startswith("_")
    } - {"watch_revocations"}  # a stream: tests/unit/client/test_watching.py


@each_method
async def test_a_call_reaches_its_rpc_with_its_options(
    client: TokenAuthorityClient, authority: ScriptedAuthority, method: Method
) -> None:
    await method.call(client, {"timeout": timedelta(seconds=90), "correlation_id": "trace-7"})
    (received,) = authority.received
    assert received.rpc == method.rpc
    assert received.metadata["x-request-id"] == "trace-7"
    assert received.seconds_left is not None
    assert 60 < received.seconds_left < 91  # gRPC rounds it up on its way, by a percent at most


@each_method
async def test_without_options_the_clients_timeout_holds_and_no_id_is_sent(
    client: TokenAuthorityClient, authority: ScriptedAuthority, method: Method
) -> None:
    await method.call(client, {})
    (received,) = authority.received
    assert received.rpc == method.rpc
    assert "x-request-id" not in received.metadata
    assert received.seconds_left is not None
    assert 0 < received.seconds_left < 6


@each_method
async def test_a_call_without_an_answer_times_out(
    client: TokenAuthorityClient, authority: ScriptedAuthority, method: Method
) -> None:
    authority.script[method.rpc] = [SILENCE]
    with pytest.raises(CallTimeoutError, match=rf"^{method.rpc}: no answer within 0\.05 s$"):
        await method.call(client, {"timeout": 0.05})


@each_method
async def test_a_refused_call_raises(
    client: TokenAuthorityClient, authority: ScriptedAuthority, method: Method
) -> None:
    authority.script[method.rpc] = [refusal(grpc.StatusCode.UNAVAILABLE, "STORE_UNAVAILABLE")]
    with pytest.raises(StoreUnavailableError, match=f"^{method.rpc}: "):
        await method.call(client, {})


DEVICE: Final = Device(device_id="laptop", user_agent="curl", ip_address="::1")
DEVICE_SENT: Final = pb.Device(device_id="laptop", user_agent="curl", ip_address="::1")


@pytest.mark.parametrize(
    ("call", "sent"),
    [
        (
            lambda client: client.create_pair(
                "42", device=DEVICE, scope=["web", "api"], request_id="once"
            ),
            pb.CreatePairRequest(
                user_id="42", device=DEVICE_SENT, scope=["web", "api"], request_id="once"
            ),
        ),
        (
            lambda client: client.create_pair(
                Subject(
                    user_id="42",
                    username="ada",
                    email="ada@example.org",
                    roles=("admin",),
                    permissions=("containers.read", "containers.write"),
                ),
                request_id="once",
            ),
            pb.CreatePairRequest(
                subject=pb.Subject(
                    user_id="42",
                    username="ada",
                    email="ada@example.org",
                    roles=["admin"],
                    permissions=["containers.read", "containers.write"],
                ),
                request_id="once",
            ),
        ),
        (
            lambda client: client.validate("t"),
            pb.ValidateRequest(token="t", expected_type=pb.TOKEN_TYPE_ACCESS),
        ),
        (
            lambda client: client.validate("t\udcff\0", expected_type=TokenType.REFRESH),
            pb.ValidateRequest(token="t?\0", expected_type=pb.TOKEN_TYPE_REFRESH),
        ),
        (
            lambda client: client.batch_validate(iter(["t", ""]), expected_type=TokenType.REFRESH),
            pb.BatchValidateRequest(tokens=["t", ""], expected_type=pb.TOKEN_TYPE_REFRESH),
        ),
        (
            lambda client: client.refresh("t", device=DEVICE),
            pb.RefreshRequest(refresh_token="t", device=DEVICE_SENT),
        ),
        (
            lambda client: client.revoke_token("t"),
            pb.RevokeRequest(token="t", reason=pb.REVOCATION_REASON_LOGOUT),
        ),
        (
            lambda client: client.revoke_session("s", reason=RevocationReason.ADMIN),
            pb.RevokeRequest(session_id="s", reason=pb.REVOCATION_REASON_ADMIN),
        ),
        (
            lambda client: client.revoke_user("42"),
            pb.RevokeRequest(user_id="42", reason=pb.REVOCATION_REASON_LOGOUT_ALL),
        ),
        (
            lambda client: client.revoke_user(
                "42", except_session_id="s", reason=RevocationReason.PASSWORD_CHANGED
            ),
            pb.RevokeRequest(
                user_id="42",
                except_session_id="s",
                reason=pb.REVOCATION_REASON_PASSWORD_CHANGED,
            ),
        ),
        (
            lambda client: client.list_sessions("42", page_size=3, page_token="next"),
            pb.ListSessionsRequest(user_id="42", page_size=3, page_token="next"),
        ),
        (lambda client: client.get_public_keys(), pb.GetPublicKeysRequest()),
    ],
)
async def test_a_method_sends_what_it_was_given(
    client: TokenAuthorityClient,
    authority: ScriptedAuthority,
    call: Callable[[TokenAuthorityClient], Awaitable[object]],
    sent: Message,
) -> None:
    await call(client)
    assert [received.request for received in authority.received] == [sent]


LETTERS: Final[Any] = "admin"  # as an untyped caller may


@pytest.mark.parametrize(
    "call",
    [
        lambda client: client.create_pair("42", scope=LETTERS),
        lambda client: client.batch_validate(LETTERS),
        lambda client: client.create_pair(Subject(user_id="42", username="ada", roles=LETTERS)),
    ],
)
async def test_one_string_is_not_taken_for_a_list_of_letters(
    client: TokenAuthorityClient,
    authority: ScriptedAuthority,
    call: Callable[[TokenAuthorityClient], Awaitable[object]],
) -> None:
    with pytest.raises(TypeError, match="a list of strings is needed"):
        await call(client)
    assert authority.received == []


async def test_what_this_client_does_not_know_cannot_be_asked_for(
    client: TokenAuthorityClient,
) -> None:
    with pytest.raises(ValueError, match="TOKEN_TYPE_UNRECOGNIZED"):
        await client.validate("t", expected_type=TokenType.UNRECOGNIZED)
    with pytest.raises(ValueError, match="REVOCATION_REASON_UNRECOGNIZED"):
        await client.revoke_token("t", reason=RevocationReason.UNRECOGNIZED)


async def test_all_sessions_are_asked_for_page_by_page(
    client: TokenAuthorityClient, authority: ScriptedAuthority
) -> None:
    authority.script["ListSessions"] = [
        pb.ListSessionsResponse(
            sessions=[pb.Session(session_id="a"), pb.Session(session_id="b")], next_page_token="2"
        ),
        pb.ListSessionsResponse(next_page_token="3"),
        pb.ListSessionsResponse(sessions=[pb.Session(session_id="c")]),
    ]
    found = [session.session_id async for session in client.iter_sessions("42", page_size=2)]
    assert found == ["a", "b", "c"]
    assert [received.request for received in authority.received] == [
        pb.ListSessionsRequest(user_id="42", page_size=2, page_token=token)
        for token in ("", "2", "3")
    ]
