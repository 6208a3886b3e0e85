"""Logging in and out, and passwords: what is sent, what comes back, and what never shows."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import grpc
import pytest
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from google.rpc.error_details_pb2 import BadRequest, RetryInfo
from unit.client.scripted_authority import ScriptedAuthority, refusal
from unit.client.secrecy import shown

from tokenauthority.v1 import account_service_pb2 as pb
from tokenauthority.v1 import admin_service_pb2 as admin_pb
from tokenauthority.v1 import token_service_pb2 as tokens_pb
from tokenauthority_client import (
    AccountDisabledError,
    AccountLockedError,
    Device,
    EndedSessions,
    InvalidCredentialsError,
    LogoutResult,
    PasswordRefusedError,
    TokenAuthorityClient,
    TokenPair,
)

NOON: Final = datetime(2030, 1, 2, 12, tzinfo=UTC)
PASSWORD: Final = "correct horse battery staple"
LOGIN: Final = "Login"


@pytest.mark.parametrize(
    ("call", "sent"),
    [
        (
            lambda accounts: accounts.login("ada", PASSWORD),
            pb.LoginRequest(username="ada", password=PASSWORD),
        ),
        (
            lambda accounts: accounts.login(
                "ada",
                PASSWORD,
                device=Device(device_id="laptop", user_agent="curl", ip_address="::1"),
                scope=iter(["web", "api"]),
            ),
            pb.LoginRequest(
                username="ada",
                password=PASSWORD,
                device=tokens_pb.Device(device_id="laptop", user_agent="curl", ip_address="::1"),
                scope=["web", "api"],
            ),
        ),
        (
            lambda accounts: accounts.login("\udcffada", "\udcff\0 p"),
            pb.LoginRequest(username="?ada", password="?\0 p"),
        ),
        (lambda accounts: accounts.logout("r\udcff"), pb.LogoutRequest(refresh_token="r?")),
        (
            lambda accounts: accounts.logout_all("a\udcff"),
            pb.LogoutAllRequest(access_token="a?"),
        ),
        (
            lambda accounts: accounts.logout_all("a", keep_current=True),
            pb.LogoutAllRequest(access_token="a", keep_current=True),
        ),
        (
            lambda accounts: accounts.change_password("a", "old\udcff", PASSWORD),
            pb.ChangePasswordRequest(access_token="a", old_password="old?", new_password=PASSWORD),
        ),
    ],
)
async def test_a_method_sends_what_it_was_given(
    client: TokenAuthorityClient,
    authority: ScriptedAuthority,
    call: Callable[[Any], Awaitable[object]],
    sent: Message,
) -> None:
    await call(client.accounts)
    assert [received.request for received in authority.received] == [sent]


async def test_a_login_brings_a_pair(
    client: TokenAuthorityClient, authority: ScriptedAuthority
) -> None:
    noon = Timestamp(seconds=int(NOON.timestamp()))
    authority.script[LOGIN] = [
        pb.LoginResponse(
            pair=tokens_pb.TokenPair(
                access_token="a",
                refresh_token="r",
                expires_in=1_800,
                token_type="Bearer",
                session_id="sess_1",
                access_expire_time=noon,
                refresh_expire_time=noon,
            )
        )
    ]
    assert await client.accounts.login("ada", PASSWORD) == TokenPair(
        access_token="a",
        refresh_token="r",
        expires_in=1_800,
        token_type="Bearer",
        session_id="sess_1",
        access_expire_time=NOON,
        refresh_expire_time=NOON,
    )


async def test_a_logout_tells_how_far_it_has_got(
    client: TokenAuthorityClient, authority: ScriptedAuthority
) -> None:
    authority.script["Logout"] = [pb.LogoutResponse(effective_everywhere=True)]
    assert await client.accounts.logout("r") == LogoutResult(effective_everywhere=True)


async def test_what_ended_is_told(
    client: TokenAuthorityClient, authority: ScriptedAuthority
) -> None:
    ended: dict[str, Any] = {"revoked_sessions": 3, "effective_everywhere": True}
    authority.script["LogoutAll"] = [pb.LogoutAllResponse(**ended)]
    authority.script["ChangePassword"] = [pb.ChangePasswordResponse(**ended)]
    authority.script["SetPassword"] = [admin_pb.SetPasswordResponse(**ended)]
    told = EndedSessions(revoked_sessions=3, effective_everywhere=True)
    assert await client.accounts.logout_all("a") == told
    assert await client.accounts.change_password("a", "old", PASSWORD) == told
    assert await client.admin.set_password("42", PASSWORD) == told


async def test_a_lock_tells_until_when(
    client: TokenAuthorityClient, authority: ScriptedAuthority
) -> None:
    authority.script[LOGIN] = [
        refusal(
            grpc.StatusCode.PERMISSION_DENIED,
            "ACCOUNT_LOCKED",
            RetryInfo(retry_delay=timedelta(minutes=30)),
        )
    ]
    with pytest.raises(AccountLockedError) as caught:
        await client.accounts.login("ada", PASSWORD)
    assert caught.value.retry_after == timedelta(minutes=30)


async def test_a_refused_password_tells_the_rule(
    client: TokenAuthorityClient, authority: ScriptedAuthority
) -> None:
    broken = BadRequest.FieldViolation(field="new_password", description="is among the commonest")
    authority.script["ChangePassword"] = [
        refusal(
            grpc.StatusCode.INVALID_ARGUMENT,
            "PASSWORD_REFUSED",
            BadRequest(field_violations=[broken]),
        )
    ]
    with pytest.raises(PasswordRefusedError) as caught:
        await client.accounts.change_password("a", "old", PASSWORD)
    assert caught.value.violations == {"new_password": "is among the commonest"}


@pytest.mark.parametrize(
    ("code", "reason", "kind"),
    [
        (grpc.StatusCode.UNAUTHENTICATED, "INVALID_CREDENTIALS", InvalidCredentialsError),
        (grpc.StatusCode.PERMISSION_DENIED, "ACCOUNT_DISABLED", AccountDisabledError),
    ],
)
async def test_a_refused_login_shows_no_password(
    client: TokenAuthorityClient,
    authority: ScriptedAuthority,
    code: grpc.StatusCode,
    reason: str,
    kind: type[Exception],
) -> None:
    authority.script[LOGIN] = [refusal(code, reason)]
    with pytest.raises(kind) as caught:
        await client.accounts.login("ada", PASSWORD)
    assert PASSWORD not in shown(caught.value)


NOT_TO_BE_SENT: Final[list[Any]] = [f"{PASSWORD}\udcff", PASSWORD.encode(), [PASSWORD]]


@pytest.mark.parametrize("password", NOT_TO_BE_SENT, ids=["surrogate", "bytes", "list"])
@pytest.mark.parametrize(
    "call",
    [
        lambda client, password: client.accounts.change_password("a", "old", password),
        lambda client, password: client.admin.set_password("42", password),
    ],
)
async def test_a_new_password_that_cannot_be_sent_does_not_show_either(
    client: TokenAuthorityClient,
    authority: ScriptedAuthority,
    call: Callable[[TokenAuthorityClient, Any], Awaitable[object]],
    password: Any,
) -> None:
    with pytest.raises((ValueError, AttributeError)) as caught:
        await call(client, password)
    assert PASSWORD not in shown(caught.value)
    assert authority.received == []


@pytest.mark.parametrize("password", NOT_TO_BE_SENT[1:], ids=["bytes", "list"])
async def test_a_password_that_is_no_text_is_not_sent(
    client: TokenAuthorityClient, authority: ScriptedAuthority, password: Any
) -> None:
    with pytest.raises(AttributeError) as caught:
        await client.accounts.login("ada", password)
    assert PASSWORD not in shown(caught.value)
    assert authority.received == []
