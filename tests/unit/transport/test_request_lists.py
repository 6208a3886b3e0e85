"""Scope, roles, permissions and addresses: what is in them, and how much."""

from collections.abc import Callable
from typing import Any

import pytest
from unit.transport.asking import known, of_ada, refresh, violations

from tokenauthority.v1 import token_service_pb2 as pb
from tokenauthority_server.domain.errors import ProfileTooLargeError
from tokenauthority_server.transport import requests

Lists = Callable[[list[str]], pb.CreatePairRequest]
LISTS: list[tuple[str, Lists]] = [
    (
        "subject.roles",
        lambda values: pb.CreatePairRequest(
            subject=pb.Subject(user_id="u-ada", username="ada", roles=values)
        ),
    ),
    (
        "subject.permissions",
        lambda values: pb.CreatePairRequest(
            subject=pb.Subject(user_id="u-ada", username="ada", permissions=values)
        ),
    ),
    ("scope", lambda values: known(scope=values)),
]


@pytest.mark.parametrize(("path", "build"), LISTS)
def test_a_list_holds_nothing_empty_and_nothing_twice(path: str, build: Lists) -> None:
    assert violations(requests.create_pair, build(["a", "", "b", "a", ""])) == {
        f"{path}[1]": "is empty",
        f"{path}[3]": "is there twice",
        f"{path}[4]": "is empty",
    }


@pytest.mark.parametrize(("path", "build"), LISTS)
def test_a_list_may_be_empty(path: str, build: Lists) -> None:
    created = requests.create_pair(build([]))

    assert created.scope == ()
    assert path == "scope" or (created.profile and not created.profile.roles)


def test_a_scope_has_at_most_64_values() -> None:
    most = [str(number) for number in range(64)]
    assert requests.create_pair(known(scope=most)).scope == tuple(most)

    assert violations(requests.create_pair, known(scope=[*most, ""])) == {
        "scope": "has 65 values; at most 64 are allowed"
    }


def test_roles_and_permissions_are_limited_by_the_use_case() -> None:
    many = [f"permission.{number}" for number in range(500)]

    created = requests.create_pair(of_ada(permissions=many))

    assert created.profile
    assert created.profile.permissions == ("read", "write", *many)


@pytest.mark.parametrize(
    "fields",
    [
        {"roles": [str(number) for number in range(8_193)]},
        {"permissions": ["x" * 8_193]},
        {"roles": ["x" * 5_000], "permissions": ["", "x" * 9_000]},
    ],
)
def test_what_no_token_could_hold_is_not_even_looked_at(fields: dict[str, list[str]]) -> None:
    with pytest.raises(ProfileTooLargeError):
        requests.create_pair(of_ada(**fields))

    broken = of_ada(**fields)
    broken.subject.username = ""
    assert violations(requests.create_pair, broken) == {"subject.username": "is required"}


@pytest.mark.parametrize("parse_with", [known, refresh])
@pytest.mark.parametrize(
    ("given", "normal"),
    [
        ("", ""),
        ("192.0.2.1", "192.0.2.1"),
        ("2001:DB8:0:0::1", "2001:db8::1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("::1", "::1"),
    ],
)
def test_an_address_is_brought_to_its_normal_form(
    parse_with: Callable[..., Any], given: str, normal: str
) -> None:
    request = parse_with(device=pb.Device(ip_address=given))

    device = (
        requests.create_pair(request).device
        if parse_with is known
        else requests.refresh(request)[1]
    )

    assert device.ip_address == normal


@pytest.mark.parametrize(
    "given",
    [
        "localhost",
        "192.0.2",
        "192.0.2.256",
        "192.0.2.01",
        "192.0.2.1/32",
        "192.0.2.1:80",
        "[::1]",
        "fe80::1%eth0",
        " 192.0.2.1",
        "192.0.2.1\0",
        "1" * 100_000,
    ],
)
def test_what_is_no_address_is_refused(given: str) -> None:
    refused = {"device.ip_address": "is neither an IPv4 nor an IPv6 address"}

    assert violations(requests.create_pair, known(device=pb.Device(ip_address=given))) == refused
    assert violations(requests.refresh, refresh(device=pb.Device(ip_address=given))) == refused
