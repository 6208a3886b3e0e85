"""Every string of every request: at its limit, past it, empty, with a NUL."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from unit.transport.asking import known, of_ada, refresh, violations

from tokenauthority.v1 import token_service_pb2 as pb
from tokenauthority_server.transport import requests


@dataclass(frozen=True)
class Text:
    """A string of a request: where it stands, how it is set, and its rules."""

    path: str
    parse: Callable[[Any], object]
    build: Callable[[str], object]
    limit: int | None
    required: bool = False

    def __str__(self) -> str:
        return f"{self.parse.__name__} {self.path}"


TEXTS = [
    Text(
        "user_id",
        requests.create_pair,
        lambda value: pb.CreatePairRequest(user_id=value),
        128,
        required=True,
    ),
    Text(
        "subject.user_id",
        requests.create_pair,
        lambda value: of_ada(user_id=value),
        128,
        required=True,
    ),
    Text(
        "subject.username",
        requests.create_pair,
        lambda value: of_ada(username=value),
        150,
        required=True,
    ),
    Text("subject.email", requests.create_pair, lambda value: of_ada(email=value), 254),
    Text(
        "device.device_id",
        requests.create_pair,
        lambda value: known(device=pb.Device(device_id=value)),
        128,
    ),
    Text(
        "device.user_agent",
        requests.create_pair,
        lambda value: known(device=pb.Device(user_agent=value)),
        512,
    ),
    Text("scope[0]", requests.create_pair, lambda value: known(scope=[value]), 128),
    Text("request_id", requests.create_pair, lambda value: known(request_id=value), 128),
    Text(
        "subject.roles[2]",
        requests.create_pair,
        lambda value: of_ada(roles=[value]),
        None,
    ),
    Text(
        "subject.permissions[2]",
        requests.create_pair,
        lambda value: of_ada(permissions=[value]),
        None,
    ),
    Text(
        "refresh_token",
        requests.refresh,
        lambda value: pb.RefreshRequest(refresh_token=value),
        None,
        required=True,
    ),
    Text(
        "device.device_id",
        requests.refresh,
        lambda value: refresh(device=pb.Device(device_id=value)),
        128,
    ),
    Text(
        "device.user_agent",
        requests.refresh,
        lambda value: refresh(device=pb.Device(user_agent=value)),
        512,
    ),
    Text(
        "token",
        requests.revoke,
        lambda value: pb.RevokeRequest(token=value),
        None,
        required=True,
    ),
    Text(
        "session_id",
        requests.revoke,
        lambda value: pb.RevokeRequest(session_id=value),
        128,
        required=True,
    ),
    Text(
        "user_id",
        requests.revoke,
        lambda value: pb.RevokeRequest(user_id=value),
        128,
        required=True,
    ),
    Text(
        "except_session_id",
        requests.revoke,
        lambda value: pb.RevokeRequest(user_id="u-ada", except_session_id=value),
        128,
    ),
    Text(
        "user_id",
        requests.list_sessions,
        lambda value: pb.ListSessionsRequest(user_id=value),
        128,
        required=True,
    ),
    Text(
        "page_token",
        requests.list_sessions,
        lambda value: pb.ListSessionsRequest(user_id="u-ada", page_token=value),
        1024,
    ),
]
LIMITED = [text for text in TEXTS if text.limit]
REQUIRED = [text for text in TEXTS if text.required]
OPTIONAL = [text for text in TEXTS if not text.required and "[" not in text.path]


@pytest.mark.parametrize("text", LIMITED, ids=str)
def test_a_text_may_be_as_long_as_its_limit_and_no_longer(text: Text) -> None:
    assert text.limit
    text.parse(text.build("x" * text.limit))
    text.parse(text.build("é" * (text.limit // 2)))

    assert violations(text.parse, text.build("x" * (text.limit + 1))) == {
        text.path: f"has {text.limit + 1} bytes; at most {text.limit} are allowed"
    }
    assert violations(text.parse, text.build("é" * (text.limit // 2 + 1))).keys() == {text.path}


@pytest.mark.parametrize("text", TEXTS, ids=str)
def test_a_text_has_no_nul(text: Text) -> None:
    assert violations(text.parse, text.build("a\0b")) == {text.path: "contains NUL"}


@pytest.mark.parametrize("text", REQUIRED, ids=str)
def test_a_required_text_is_not_empty(text: Text) -> None:
    assert violations(text.parse, text.build("")) == {text.path: "is required"}


@pytest.mark.parametrize("text", OPTIONAL, ids=str)
def test_an_optional_text_may_be_empty(text: Text) -> None:
    text.parse(text.build(""))
