"""Good requests, each with what a test wants to vary; and what is wrong with a bad one."""

from collections.abc import Callable
from typing import Any

import pytest

from tokenauthority.v1 import token_service_pb2 as pb
from tokenauthority_server.domain.errors import InvalidRequestError

ADA = pb.Subject(
    user_id="u-ada",
    username="ada",
    email="ada@example.com",
    roles=["author", "editor"],
    permissions=["read", "write"],
)
PHONE = pb.Device(device_id="phone", user_agent="app/1", ip_address="192.0.2.1")


def violations(parse: Callable[[Any], object], request: object) -> dict[str, str]:
    with pytest.raises(InvalidRequestError) as caught:
        parse(request)
    return {one.field: one.description for one in caught.value.violations}


def of_ada(**fields: Any) -> pb.CreatePairRequest:
    request = pb.CreatePairRequest(subject=ADA)
    for name, value in fields.items():
        if isinstance(value, str):
            setattr(request.subject, name, value)
        else:
            getattr(request.subject, name).extend(value)
    return request


def known(**fields: Any) -> pb.CreatePairRequest:
    return pb.CreatePairRequest(user_id="u-ada", **fields)


def refresh(**fields: Any) -> pb.RefreshRequest:
    return pb.RefreshRequest(refresh_token="refresh", **fields)
