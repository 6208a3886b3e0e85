"""Administration: what is sent."""

from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any, Final

import pytest
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from unit.client.scripted_authority import ScriptedAuthority

from tokenauthority.v1 import admin_service_pb2 as pb
from tokenauthority.v1 import token_service_pb2 as tokens_pb
from tokenauthority_client import (
    Admin,
    AuditCriteria,
    RevocationReason,
    SessionCriteria,
    Subject,
    TokenAuthorityClient,
    User,
    UserStatus,
)

# The same time, on another clock.
NOON: Final = datetime(2030, 1, 2, 14, tzinfo=timezone(timedelta(hours=2)))
NOON_SENT: Final = Timestamp(seconds=int(datetime(2030, 1, 2, 12, tzinfo=UTC).timestamp()))
ADA: Final[dict[str, Any]] = {
    "user_id": "42",
    "username": "ada",
    "email": "ada@example.org",
    "roles": ("admin",),
    "permissions": ("containers.read", "containers.write"),
}
LETTERS: Final[Any] = "admin"  # as an untyped caller may
Call = Callable[[Admin], Awaitable[object]]


@pytest.mark.parametrize(
    ("call", "sent"),
    [
        (
            lambda admin: admin.put_user(Subject(**ADA)),
            pb.PutUserRequest(user=pb.User(**ADA)),
        ),
        (
            lambda admin: admin.put_user(
                User(
                    **ADA,
                    status=UserStatus.DISABLED,
                    locked_until_time=NOON,
                    last_login_time=NOON,
                    create_time=NOON,
                    update_time=NOON,
                )
            ),
            pb.PutUserRequest(user=pb.User(**ADA)),
        ),
        (lambda admin: admin.get_user("42"), pb.GetUserRequest(user_id="42")),
        (
            lambda admin: admin.get_user_by_username("ada"),
            pb.GetUserRequest(username="ada"),
        ),
        (lambda admin: admin.list_users(), pb.ListUsersRequest()),
        (
            lambda admin: admin.list_users(prefix="a", page_size=3, page_token="next"),
            pb.ListUsersRequest(prefix="a", page_size=3, page_token="next"),
        ),
        (
            lambda admin: admin.set_password("42", "pass word"),
            pb.SetPasswordRequest(user_id="42", password="pass word"),
        ),
        (
            lambda admin: admin.set_user_status("42", UserStatus.DISABLED),
            pb.SetUserStatusRequest(user_id="42", status=pb.USER_STATUS_DISABLED),
        ),
        (
            lambda admin: admin.set_user_status("42", UserStatus.LOCKED, locked_until_time=NOON),
            pb.SetUserStatusRequest(
                user_id="42", status=pb.USER_STATUS_LOCKED, locked_until_time=NOON_SENT
            ),
        ),
        (lambda admin: admin.delete_user("42"), pb.DeleteUserRequest(user_id="42")),
        (
            lambda admin: admin.revoke_sessions(SessionCriteria()),
            pb.RevokeSessionsRequest(
                criteria=pb.SessionCriteria(), reason=tokens_pb.REVOCATION_REASON_ADMIN
            ),
        ),
        (
            lambda admin: admin.revoke_sessions(
                SessionCriteria(
                    user_id="42",
                    device_id="laptop",
                    ip_range="192.0.2.0/24",
                    user_agent="curl",
                    create_time_before=NOON,
                    key_id="kid-1",
                ),
                reason=RevocationReason.LOGOUT_ALL,
                dry_run=True,
            ),
            pb.RevokeSessionsRequest(
                criteria=pb.SessionCriteria(
                    user_id="42",
                    device_id="laptop",
                    ip_range="192.0.2.0/24",
                    user_agent="curl",
                    create_time_before=NOON_SENT,
                    key_id="kid-1",
                ),
                reason=tokens_pb.REVOCATION_REASON_LOGOUT_ALL,
                dry_run=True,
            ),
        ),
        (lambda admin: admin.get_token_metrics(), pb.GetTokenMetricsRequest()),
        (
            lambda admin: admin.get_token_metrics(
                date(2030, 1, 2), user_id="42", device_id="laptop"
            ),
            pb.GetTokenMetricsRequest(day="2030-01-02", user_id="42", device_id="laptop"),
        ),
        (lambda admin: admin.list_signing_keys(), pb.ListSigningKeysRequest()),
        (lambda admin: admin.prepare_signing_key(), pb.PrepareSigningKeyRequest()),
        (
            lambda admin: admin.prepare_signing_key("EdDSA"),
            pb.PrepareSigningKeyRequest(algorithm="EdDSA"),
        ),
        (
            lambda admin: admin.activate_signing_key("kid-1"),
            pb.ActivateSigningKeyRequest(key_id="kid-1"),
        ),
        (
            lambda admin: admin.retire_signing_key("kid-1"),
            pb.RetireSigningKeyRequest(key_id="kid-1"),
        ),
        (
            lambda admin: admin.revoke_signing_key("kid-1"),
            pb.RevokeSigningKeyRequest(key_id="kid-1"),
        ),
        (lambda admin: admin.list_audit_events(), pb.ListAuditEventsRequest()),
        (
            lambda admin: admin.list_audit_events(
                AuditCriteria(
                    user_id="42",
                    session_id="sess_1",
                    kinds=("session.created", "session.ended"),
                    start_time=NOON,
                    end_time=NOON + timedelta(seconds=1),
                ),
                page_size=3,
                page_token="next",
            ),
            pb.ListAuditEventsRequest(
                user_id="42",
                session_id="sess_1",
                kinds=["session.created", "session.ended"],
                start_time=NOON_SENT,
                end_time=Timestamp(seconds=NOON_SENT.seconds + 1),
                page_size=3,
                page_token="next",
            ),
        ),
    ],
)
async def test_a_method_sends_what_it_was_given(
    client: TokenAuthorityClient, authority: ScriptedAuthority, call: Call, sent: Message
) -> None:
    await call(client.admin)
    assert [received.request for received in authority.received] == [sent]


NAIVE: Final = datetime(2030, 1, 2, 12)  # noqa: DTZ001 - what is tested


@pytest.mark.parametrize(
    ("call", "problem"),
    [
        (
            lambda admin: admin.set_user_status("42", UserStatus.LOCKED, locked_until_time=NAIVE),
            "locked_until_time has no time zone",
        ),
        (
            lambda admin: admin.revoke_sessions(SessionCriteria(create_time_before=NAIVE)),
            "create_time_before has no time zone",
        ),
        (
            lambda admin: admin.list_audit_events(AuditCriteria(start_time=NAIVE)),
            "start_time has no time zone",
        ),
        (
            lambda admin: admin.list_audit_events(AuditCriteria(end_time=NAIVE)),
            "end_time has no time zone",
        ),
        (lambda admin: admin.get_token_metrics(NOON), "day is a date"),
        (
            lambda admin: admin.put_user(Subject(user_id="42", username="ada", roles=LETTERS)),
            "a list of strings",
        ),
        (
            lambda admin: admin.list_audit_events(AuditCriteria(kinds=LETTERS)),
            "a list of strings",
        ),
        (
            lambda admin: admin.set_user_status("42", UserStatus.UNRECOGNIZED),
            "USER_STATUS_UNRECOGNIZED",
        ),
    ],
)
async def test_what_could_mean_another_thing_is_not_sent(
    client: TokenAuthorityClient, authority: ScriptedAuthority, call: Call, problem: str
) -> None:
    with pytest.raises((TypeError, ValueError), match=problem):
        await call(client.admin)
    assert authority.received == []


async def test_all_users_are_asked_for_page_by_page(
    client: TokenAuthorityClient, authority: ScriptedAuthority
) -> None:
    authority.script["ListUsers"] = [
        pb.ListUsersResponse(
            users=[pb.User(user_id="1"), pb.User(user_id="2")], next_page_token="2"
        ),
        pb.ListUsersResponse(next_page_token="3"),
        pb.ListUsersResponse(users=[pb.User(user_id="3")]),
    ]
    found = [user.user_id async for user in client.admin.iter_users(prefix="a", page_size=2)]
    assert found == ["1", "2", "3"]
    assert [received.request for received in authority.received] == [
        pb.ListUsersRequest(prefix="a", page_size=2, page_token=token) for token in ("", "2", "3")
    ]


async def test_all_events_are_asked_for_page_by_page(
    client: TokenAuthorityClient, authority: ScriptedAuthority
) -> None:
    authority.script["ListAuditEvents"] = [
        pb.ListAuditEventsResponse(events=[pb.AuditEvent(event_id="1")], next_page_token="2"),
        pb.ListAuditEventsResponse(events=[pb.AuditEvent(event_id="2")]),
    ]
    criteria = AuditCriteria(kinds=("session.created",), start_time=NOON)
    events = client.admin.iter_audit_events(criteria, page_size=1)
    assert [event.event_id async for event in events] == ["1", "2"]
    assert [received.request for received in authority.received] == [
        pb.ListAuditEventsRequest(
            kinds=["session.created"], start_time=NOON_SENT, page_size=1, page_token=token
        )
        for token in ("", "2")
    ]


async def test_no_page_is_asked_for_that_nobody_reads(
    client: TokenAuthorityClient, authority: ScriptedAuthority
) -> None:
    authority.script["ListUsers"] = [
        pb.ListUsersResponse(users=[pb.User(user_id="1")], next_page_token="2")
    ]
    async for user in client.admin.iter_users():
        assert user.user_id == "1"
        break
    assert len(authority.received) == 1
