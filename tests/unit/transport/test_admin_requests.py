"""From requests of AdminService to values: each field by its rule."""

from datetime import UTC, datetime

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from tokenauthority.v1 import admin_service_pb2 as pb
from tokenauthority.v1 import token_service_pb2 as tokens_pb
from tokenauthority_server.domain.audit import AuditFilter
from tokenauthority_server.domain.errors import InvalidRequestError, ProfileTooLargeError
from tokenauthority_server.domain.revocations import RevocationReason
from tokenauthority_server.domain.session_criteria import SessionCriteria
from tokenauthority_server.domain.users import Profile, UserStatus
from tokenauthority_server.transport.admin import requests

TIME = datetime(2026, 3, 1, 12, 0, 0, 250_000, tzinfo=UTC)
STAMP = Timestamp(seconds=int(TIME.timestamp()), nanos=250_000_999)
NO_TIME = Timestamp(seconds=300_000_000_000)
LONG = "x" * 1_100


def refused(error: pytest.ExceptionInfo[InvalidRequestError]) -> set[str]:
    return {one.field for one in error.value.violations}


def test_a_profile() -> None:
    user = pb.User(user_id="u", username="n", email="e", roles=["a"], permissions=["b", "c"])
    profile = Profile(user_id="u", username="n", email="e", roles=("a",), permissions=("b", "c"))
    assert requests.put_user(pb.PutUserRequest(user=user)) == profile


def test_a_profile_that_breaks_rules() -> None:
    user = pb.User(username=LONG, email=LONG, roles=["", "a", "a"], permissions=["\0"])
    with pytest.raises(InvalidRequestError) as error:
        requests.put_user(pb.PutUserRequest(user=user))
    assert refused(error) == {
        "user.user_id",
        "user.username",
        "user.email",
        "user.roles[0]",
        "user.roles[2]",
        "user.permissions[0]",
    }
    with pytest.raises(InvalidRequestError) as error:
        requests.put_user(pb.PutUserRequest())
    assert refused(error) == {"user.user_id", "user.username"}


def test_a_profile_of_a_million_roles_is_not_looked_at() -> None:
    user = pb.User(user_id="u", username="n", roles=[""] * 100_000)
    with pytest.raises(ProfileTooLargeError):
        requests.put_user(pb.PutUserRequest(user=user))


def test_who_is_meant() -> None:
    assert requests.get_user(pb.GetUserRequest(user_id="u")) == ("u", "")
    assert requests.get_user(pb.GetUserRequest(username="n")) == ("", "n")
    for request, field in (
        (pb.GetUserRequest(), "identity"),
        (pb.GetUserRequest(user_id=""), "user_id"),
        (pb.GetUserRequest(username=LONG), "username"),
    ):
        with pytest.raises(InvalidRequestError) as error:
            requests.get_user(request)
        assert refused(error) == {field}


def test_pages() -> None:
    wanted = pb.ListUsersRequest(prefix="a", page_size=7, page_token="t")
    assert requests.list_users(wanted) == ("a", 7, "t")
    bad = pb.ListUsersRequest(prefix=LONG, page_size=-1, page_token=LONG)
    with pytest.raises(InvalidRequestError) as error:
        requests.list_users(bad)
    assert refused(error) == {"prefix", "page_size", "page_token"}


def test_passwords_are_not_looked_at() -> None:
    long = "p" * 5_000
    assert requests.set_password(pb.SetPasswordRequest(user_id="u", password=long)) == ("u", long)
    with pytest.raises(InvalidRequestError) as error:
        requests.set_password(pb.SetPasswordRequest(password="secret\0"))
    assert refused(error) == {"user_id", "password"}
    assert "secret" not in str(error.value)


@pytest.mark.parametrize("status", [UserStatus.ACTIVE, UserStatus.DISABLED, UserStatus.LOCKED])
def test_statuses(status: UserStatus) -> None:
    asked = pb.SetUserStatusRequest(
        user_id="u", status=pb.UserStatus.Value(f"USER_STATUS_{status}")
    )
    assert requests.set_user_status(asked) == ("u", status, None)
    asked.locked_until_time.CopyFrom(STAMP)
    assert requests.set_user_status(asked) == ("u", status, TIME)


@pytest.mark.parametrize("status", [0, 4, 99])
def test_no_status(status: int) -> None:
    asked = pb.SetUserStatusRequest(status=status)  # type: ignore[arg-type]
    asked.locked_until_time.CopyFrom(NO_TIME)
    with pytest.raises(InvalidRequestError) as error:
        requests.set_user_status(asked)
    assert refused(error) == {"user_id", "status", "locked_until_time"}


def test_criteria() -> None:
    asked = pb.RevokeSessionsRequest(
        criteria=pb.SessionCriteria(
            user_id="u",
            device_id="d",
            ip_range="192.0.2.0/24",
            user_agent="a",
            create_time_before=STAMP,
            key_id="k",
        ),
        dry_run=True,
    )
    criteria = SessionCriteria(
        user_id="u",
        device_id="d",
        ip_range="192.0.2.0/24",
        user_agent="a",
        create_time_before=TIME,
        key_id="k",
    )
    assert requests.revoke_sessions(asked) == (criteria, RevocationReason.ADMIN, True)
    asked = pb.RevokeSessionsRequest(
        criteria=pb.SessionCriteria(key_id="k"), reason=tokens_pb.REVOCATION_REASON_LOGOUT_ALL
    )
    of_a_key = (SessionCriteria(key_id="k"), RevocationReason.LOGOUT_ALL, False)
    assert requests.revoke_sessions(asked) == of_a_key


@pytest.mark.parametrize(
    "asked",
    [pb.RevokeSessionsRequest(), pb.RevokeSessionsRequest(criteria=pb.SessionCriteria())],
)
def test_no_criteria(asked: pb.RevokeSessionsRequest) -> None:
    # Before anybody asks whether the caller may claim the reason.
    with pytest.raises(InvalidRequestError) as error:
        requests.revoke_sessions(asked)
    assert refused(error) == {"criteria"}


def test_criteria_that_break_rules() -> None:
    asked = pb.RevokeSessionsRequest(
        criteria=pb.SessionCriteria(
            user_id=LONG,
            device_id=LONG,
            ip_range="here",
            user_agent=LONG,
            create_time_before=NO_TIME,
            key_id=LONG,
        ),
        reason=tokens_pb.REVOCATION_REASON_REUSE_DETECTED,
    )
    with pytest.raises(InvalidRequestError) as error:
        requests.revoke_sessions(asked)
    names = ("user_id", "device_id", "ip_range", "user_agent", "create_time_before", "key_id")
    assert refused(error) == {"reason", *(f"criteria.{name}" for name in names)}


@pytest.mark.parametrize(
    ("written", "network"),
    [
        ("192.0.2.0/24", "192.0.2.0/24"),
        ("192.0.2.7", "192.0.2.7/32"),
        ("0.0.0.0/0", "0.0.0.0/0"),
        ("2001:DB8:0::/32", "2001:db8::/32"),
        ("::1", "::1/128"),
        ("::ffff:192.0.2.0/120", "192.0.2.0/24"),
        ("::/0", "::/0"),
    ],
)
def test_networks(written: str, network: str) -> None:
    asked = pb.RevokeSessionsRequest(criteria=pb.SessionCriteria(ip_range=written))
    criteria, _, _ = requests.revoke_sessions(asked)
    assert criteria.ip_range == network


@pytest.mark.parametrize(
    "written",
    [
        "192.0.2.7/24",
        "192.0.2.0/33",
        "192.0.2.0/-1",
        "192.0.2.0/x",
        "192.0.2/24",
        "2001:db8::1/32",
        "fe80::1%eth0",
        "/24",
        "192.0.2.0/24/24",
        "1" * 100,
        "192.0.2.0/24\0",
    ],
)
def test_no_networks(written: str) -> None:
    asked = pb.RevokeSessionsRequest(criteria=pb.SessionCriteria(ip_range=written))
    with pytest.raises(InvalidRequestError) as error:
        requests.revoke_sessions(asked)
    assert refused(error) == {"criteria.ip_range"}


def test_events() -> None:
    asked = pb.ListAuditEventsRequest(
        user_id="u", session_id="s", kinds=["a", "b"], start_time=STAMP, end_time=STAMP, page_size=3
    )
    wanted = AuditFilter(
        user_id="u", session_id="s", kinds=("a", "b"), start_time=TIME, end_time=TIME
    )
    assert requests.list_audit_events(asked) == (wanted, 3, "")
    assert requests.list_audit_events(pb.ListAuditEventsRequest()) == (AuditFilter(), 0, "")


def test_events_that_break_rules() -> None:
    asked = pb.ListAuditEventsRequest(
        user_id=LONG, session_id=LONG, kinds=["a", "a", ""], start_time=NO_TIME, page_size=-1
    )
    with pytest.raises(InvalidRequestError) as error:
        requests.list_audit_events(asked)
    names = {"user_id", "session_id", "kinds[1]", "kinds[2]", "start_time", "page_size"}
    assert refused(error) == names
    with pytest.raises(InvalidRequestError) as error:
        requests.list_audit_events(pb.ListAuditEventsRequest(kinds=["a"] * 33))
    assert refused(error) == {"kinds"}


@pytest.mark.parametrize(
    "time", [datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)]
)
def test_a_time_that_the_database_takes_for_infinity_is_none(time: datetime) -> None:
    # It would come back as one that no answer can hold.
    stamp = Timestamp()
    stamp.FromDatetime(time)
    with pytest.raises(InvalidRequestError) as error:
        requests.set_user_status(
            pb.SetUserStatusRequest(
                user_id="u", status=pb.USER_STATUS_LOCKED, locked_until_time=stamp
            )
        )
    assert refused(error) == {"locked_until_time"}
