"""What AccountService takes of a request, and what it refuses before any work."""

import pytest

from tokenauthority.v1 import account_service_pb2 as pb
from tokenauthority.v1 import token_service_pb2
from tokenauthority_server.domain.errors import InvalidRequestError
from tokenauthority_server.domain.logins import Credentials
from tokenauthority_server.domain.sessions import Device
from tokenauthority_server.transport import account_requests as requests

LONG = "\ufdfa" * 342
"""1,026 bytes, and eleven times as many in their normal form."""


def test_a_login_is_taken_as_it_was_typed() -> None:
    request = pb.LoginRequest(
        username=" Ada ",
        password=" e\u0301 ",
        device=token_service_pb2.Device(device_id="phone", ip_address="::ffff:192.0.2.1"),
        scope=["a", "b"],
    )
    assert requests.login(request) == (
        Credentials(username=" Ada ", password=" e\u0301 "),
        Device(device_id="phone", ip_address="192.0.2.1"),
        ("a", "b"),
    )


def test_every_fault_of_a_login_is_named_at_once() -> None:
    request = pb.LoginRequest(
        username="a" * 151,
        password=LONG,
        device=token_service_pb2.Device(ip_address="here"),
        scope=["a", "a"],
    )
    with pytest.raises(InvalidRequestError) as refused:
        requests.login(request)
    named = {one.field: one.description for one in refused.value.violations}
    assert named.keys() == {"username", "password", "device.ip_address", "scope[1]"}
    assert named["password"] == "has 1026 bytes; at most 1024 are allowed"
    assert LONG not in str(refused.value)


@pytest.mark.parametrize(
    ("username", "password", "field"),
    [
        ("", "p", "username"),
        ("a", "", "password"),
        ("a\0", "p", "username"),
        ("a", "\0", "password"),
    ],
)
def test_nothing_is_typed_without_a_name_and_a_password(
    username: str, password: str, field: str
) -> None:
    with pytest.raises(InvalidRequestError) as refused:
        requests.login(pb.LoginRequest(username=username, password=password))
    assert [one.field for one in refused.value.violations] == [field]


def test_what_a_logout_presents() -> None:
    assert requests.logout(pb.LogoutRequest(refresh_token="t")) == "t"
    asked = pb.LogoutAllRequest(access_token="t", keep_current=True)
    assert requests.logout_all(asked) == ("t", True)
    with pytest.raises(InvalidRequestError, match="refresh_token"):
        requests.logout(pb.LogoutRequest())
    with pytest.raises(InvalidRequestError, match="access_token"):
        requests.logout_all(pb.LogoutAllRequest())


def test_what_a_change_presents() -> None:
    asked = pb.ChangePasswordRequest(access_token="t", old_password="o", new_password=LONG)
    change = requests.change_password(asked)
    # What a new password may be its own rules say.
    assert change == requests.Change(access_token="t", old_password="o", new_password=LONG)
    assert LONG not in repr(change)
    for request, fields in (
        (pb.ChangePasswordRequest(), ["access_token", "old_password", "new_password"]),
        (
            pb.ChangePasswordRequest(access_token="t", old_password=LONG, new_password="n"),
            ["old_password"],
        ),
    ):
        with pytest.raises(InvalidRequestError) as refused:
            requests.change_password(request)
        assert [one.field for one in refused.value.violations] == fields
