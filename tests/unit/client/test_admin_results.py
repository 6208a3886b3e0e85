"""Administration: what comes back."""

import dataclasses
import json
from datetime import UTC, datetime
from typing import Final

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from unit.client.scripted_authority import ScriptedAuthority

from tokenauthority.v1 import admin_service_pb2 as pb
from tokenauthority.v1 import token_service_pb2 as tokens_pb
from tokenauthority_client import (
    AuditEvent,
    AuditEventPage,
    Device,
    EndedSessions,
    KeyRevocationResult,
    KeyState,
    PutUserResult,
    SessionCriteria,
    SessionsRevocationResult,
    SigningKey,
    Subject,
    TokenAuthorityClient,
    TokenMetrics,
    User,
    UserPage,
    UserStatus,
    UserStatusResult,
)

NOON: Final = datetime(2030, 1, 2, 12, tzinfo=UTC)
LATER: Final = datetime(2030, 1, 9, 12, tzinfo=UTC)
NOON_SENT: Final = Timestamp(seconds=int(NOON.timestamp()))
LATER_SENT: Final = Timestamp(seconds=int(LATER.timestamp()))
USER: Final = User(
    user_id="42",
    username="ada",
    email="ada@example.org",
    roles=("admin",),
    permissions=("containers.read",),
    status=UserStatus.LOCKED,
    locked_until_time=LATER,
    last_login_time=NOON,
    create_time=NOON,
    update_time=LATER,
)
USER_SENT: Final = pb.User(
    user_id="42",
    username="ada",
    email="ada@example.org",
    roles=["admin"],
    permissions=["containers.read"],
    status=pb.USER_STATUS_LOCKED,
    locked_until_time=LATER_SENT,
    last_login_time=NOON_SENT,
    create_time=NOON_SENT,
    update_time=LATER_SENT,
)
NEW: Final = User(
    user_id="43",
    username="ben",
    email="",
    roles=(),
    permissions=(),
    status=UserStatus.ACTIVE,
    locked_until_time=None,
    last_login_time=None,
    create_time=NOON,
    update_time=NOON,
)
NEW_SENT: Final = pb.User(
    user_id="43",
    username="ben",
    status=pb.USER_STATUS_ACTIVE,
    create_time=NOON_SENT,
    update_time=NOON_SENT,
)
KEY: Final = SigningKey(
    key_id="kid-1",
    algorithm="ES256",
    state=KeyState.RETIRED,
    create_time=NOON,
    activate_time=NOON,
    retire_time=LATER,
    last_expire_time=LATER,
)
KEY_SENT: Final = pb.SigningKey(
    key_id="kid-1",
    algorithm="ES256",
    state=tokens_pb.KEY_STATE_RETIRED,
    create_time=NOON_SENT,
    activate_time=NOON_SENT,
    retire_time=LATER_SENT,
    last_expire_time=LATER_SENT,
)
PREPARED: Final = dataclasses.replace(
    KEY, state=KeyState.PREPARED, activate_time=None, retire_time=None, last_expire_time=None
)
PREPARED_SENT: Final = pb.SigningKey(
    key_id="kid-1",
    algorithm="ES256",
    state=tokens_pb.KEY_STATE_PREPARED,
    create_time=NOON_SENT,
)


async def test_put_user(client: TokenAuthorityClient, authority: ScriptedAuthority) -> None:
    authority.script["PutUser"] = [pb.PutUserResponse(user=USER_SENT, effective_everywhere=True)]
    assert await client.admin.put_user(Subject(user_id="42", username="ada")) == PutUserResult(
        user=USER, effective_everywhere=True
    )


async def test_get_user(client: TokenAuthorityClient, authority: ScriptedAuthority) -> None:
    authority.script["GetUser"] = [
        pb.GetUserResponse(user=USER_SENT),
        pb.GetUserResponse(user=NEW_SENT),
    ]
    assert await client.admin.get_user("42") == USER
    assert await client.admin.get_user_by_username("ben") == NEW


async def test_list_users(client: TokenAuthorityClient, authority: ScriptedAuthority) -> None:
    authority.script["ListUsers"] = [
        pb.ListUsersResponse(users=[USER_SENT, NEW_SENT], next_page_token="next")
    ]
    assert await client.admin.list_users() == UserPage(users=(USER, NEW), next_page_token="next")


async def test_set_user_status(client: TokenAuthorityClient, authority: ScriptedAuthority) -> None:
    authority.script["SetUserStatus"] = [
        pb.SetUserStatusResponse(user=USER_SENT, revoked_sessions=2, effective_everywhere=True)
    ]
    assert await client.admin.set_user_status("42", UserStatus.LOCKED) == UserStatusResult(
        user=USER, revoked_sessions=2, effective_everywhere=True
    )


async def test_delete_user(client: TokenAuthorityClient, authority: ScriptedAuthority) -> None:
    authority.script["DeleteUser"] = [
        pb.DeleteUserResponse(revoked_sessions=2, effective_everywhere=True)
    ]
    assert await client.admin.delete_user("42") == EndedSessions(
        revoked_sessions=2, effective_everywhere=True
    )


async def test_revoke_sessions(client: TokenAuthorityClient, authority: ScriptedAuthority) -> None:
    authority.script["RevokeSessions"] = [
        pb.RevokeSessionsResponse(matched_sessions=3, revoked_sessions=2, effective_everywhere=True)
    ]
    ended = await client.admin.revoke_sessions(SessionCriteria(user_id="42"))
    assert ended == SessionsRevocationResult(
        matched_sessions=3, revoked_sessions=2, effective_everywhere=True
    )


async def test_get_token_metrics(
    client: TokenAuthorityClient, authority: ScriptedAuthority
) -> None:
    names = [field.name for field in dataclasses.fields(TokenMetrics)]
    counts = {name: 10 + number for number, name in enumerate(names[:-1])}
    authority.script["GetTokenMetrics"] = [
        pb.GetTokenMetricsResponse(metrics=pb.TokenMetrics(**counts, as_of_time=NOON_SENT)),
        pb.GetTokenMetricsResponse(metrics=pb.TokenMetrics(active_sessions=0)),
        pb.GetTokenMetricsResponse(metrics=pb.TokenMetrics()),
    ]
    told = await client.admin.get_token_metrics()
    assert dataclasses.asdict(told) == {**counts, "as_of_time": NOON}
    none_live = await client.admin.get_token_metrics()
    assert (none_live.active_sessions, none_live.as_of_time) == (0, None)
    not_counted = await client.admin.get_token_metrics()
    assert (not_counted.active_sessions, not_counted.as_of_time) == (None, None)


async def test_signing_keys(client: TokenAuthorityClient, authority: ScriptedAuthority) -> None:
    authority.script["ListSigningKeys"] = [
        pb.ListSigningKeysResponse(keys=[KEY_SENT, PREPARED_SENT])
    ]
    authority.script["PrepareSigningKey"] = [pb.PrepareSigningKeyResponse(key=PREPARED_SENT)]
    authority.script["ActivateSigningKey"] = [pb.ActivateSigningKeyResponse(key=KEY_SENT)]
    authority.script["RetireSigningKey"] = [pb.RetireSigningKeyResponse(key=KEY_SENT)]
    assert await client.admin.list_signing_keys() == (KEY, PREPARED)
    assert await client.admin.prepare_signing_key() == PREPARED
    assert await client.admin.activate_signing_key("kid-1") == KEY
    assert await client.admin.retire_signing_key("kid-1") == KEY


@pytest.mark.parametrize(("sent", "told"), [(0, 0), (7, 7), (-1, None)])
async def test_revoke_signing_key(
    client: TokenAuthorityClient, authority: ScriptedAuthority, sent: int, told: int | None
) -> None:
    authority.script["RevokeSigningKey"] = [
        pb.RevokeSigningKeyResponse(key=KEY_SENT, revoked_sessions=sent, effective_everywhere=True)
    ]
    assert await client.admin.revoke_signing_key("kid-1") == KeyRevocationResult(
        key=KEY, revoked_sessions=told, effective_everywhere=True
    )


EVENT: Final = AuditEvent(
    event_id="0190",
    time=NOON,
    kind="session.created",
    caller="wakedock-api",
    user_id="42",
    session_id="sess_1",
    device=Device(device_id="laptop", user_agent="curl", ip_address="::1"),
    outcome="OK",
    reason="LOGOUT",
    request_id="req-9",
    details={"key_id": "kid-1"},
)
EVENT_SENT: Final = pb.AuditEvent(
    event_id="0190",
    time=NOON_SENT,
    kind="session.created",
    caller="wakedock-api",
    user_id="42",
    session_id="sess_1",
    device=tokens_pb.Device(device_id="laptop", user_agent="curl", ip_address="::1"),
    outcome="OK",
    reason="LOGOUT",
    request_id="req-9",
    details={"key_id": "kid-1"},
)


async def test_list_audit_events(
    client: TokenAuthorityClient, authority: ScriptedAuthority
) -> None:
    authority.script["ListAuditEvents"] = [
        pb.ListAuditEventsResponse(events=[EVENT_SENT], next_page_token="next")
    ]
    page = await client.admin.list_audit_events()
    assert page == AuditEventPage(events=(EVENT,), next_page_token="next")


def test_an_event_can_be_kept_in_a_set_and_written_as_json() -> None:
    assert {EVENT, dataclasses.replace(EVENT)} == {EVENT}
    written = json.loads(json.dumps(dataclasses.asdict(EVENT), default=datetime.isoformat))
    assert written["details"] == {"key_id": "kid-1"}
    assert written["time"] == "2030-01-02T12:00:00+00:00"


async def test_values_of_a_newer_contract_are_unrecognized(
    client: TokenAuthorityClient, authority: ScriptedAuthority
) -> None:
    authority.script["GetUser"] = [
        pb.GetUserResponse(user=pb.User(status=pb.UserStatus.ValueType(999))),
        pb.GetUserResponse(user=pb.User()),
    ]
    authority.script["ListSigningKeys"] = [
        pb.ListSigningKeysResponse(
            keys=[pb.SigningKey(state=tokens_pb.KeyState.ValueType(999)), pb.SigningKey()]
        )
    ]
    for _ in range(2):
        assert (await client.admin.get_user("42")).status is UserStatus.UNRECOGNIZED
    for key in await client.admin.list_signing_keys():
        assert key.state is KeyState.UNRECOGNIZED
