"""CreateRequest.digest: what makes two requests the same."""

from dataclasses import replace

import pytest

from tokenauthority_server.domain.sessions import CreateRequest, Device
from tokenauthority_server.domain.users import Profile

ADA = Profile(user_id="u-ada", username="ada", roles=("a", "b"))
ASKED = CreateRequest(
    user_id="u-ada",
    profile=ADA,
    device=Device(device_id="phone", user_agent="app/1", ip_address="192.0.2.1"),
    scope=("a", "b"),
    request_id="r-1",
)


def test_the_same_request_has_the_same_digest() -> None:
    again = replace(ASKED, profile=replace(ADA), device=replace(ASKED.device))
    assert again is not ASKED
    assert again.digest() == ASKED.digest()
    assert len(ASKED.digest()) == 32


@pytest.mark.parametrize(
    "other",
    [
        replace(ASKED, user_id="u-bob"),
        replace(ASKED, profile=None),
        replace(ASKED, profile=replace(ADA, username="countess")),
        replace(ASKED, profile=replace(ADA, email="ada@example.com")),
        replace(ASKED, profile=replace(ADA, roles=("a,b",))),
        replace(ASKED, profile=replace(ADA, roles=(), permissions=("a", "b"))),
        replace(ASKED, device=Device()),
        replace(ASKED, device=replace(ASKED.device, user_agent="app/2")),
        replace(ASKED, scope=("b", "a")),
        replace(ASKED, scope=("a",)),
        replace(ASKED, scope=("a", "b", "")),
        replace(ASKED, scope=('a", "b',)),
        replace(ASKED, request_id="r-2"),
    ],
)
def test_any_difference_is_another_digest(other: CreateRequest) -> None:
    assert other.digest() != ASKED.digest()
