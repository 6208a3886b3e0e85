"""All ways in which a caller ends a session of its own, or a token."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

from faults.harness.served import Served

from tokenauthority.v1 import account_service_pb2 as account_pb
from tokenauthority.v1 import token_service_pb2 as pb
from tokenauthority.v1.account_service_pb2_grpc import AccountServiceStub

SECONDS: Final = 10.0
"""More than a revocation ever waits."""


class Acknowledgement(Protocol):
    """Any of their answers."""

    @property
    def effective_everywhere(self) -> bool: ...


@dataclass(frozen=True)
class Holding:
    """A session of a user who has no other. `name` is the user's, and its token's in a history."""

    name: str
    pair: pb.TokenPair = field(repr=False)


Form = Callable[[Served, Holding], Awaitable[Acknowledgement]]


def _by_access_token(at: Served, one: Holding) -> Awaitable[Acknowledgement]:
    return at.stub.Revoke(pb.RevokeRequest(token=one.pair.access_token), timeout=SECONDS)


def _by_refresh_token(at: Served, one: Holding) -> Awaitable[Acknowledgement]:
    return at.stub.Revoke(pb.RevokeRequest(token=one.pair.refresh_token), timeout=SECONDS)


def _by_session(at: Served, one: Holding) -> Awaitable[Acknowledgement]:
    return at.stub.Revoke(pb.RevokeRequest(session_id=one.pair.session_id), timeout=SECONDS)


def _by_user(at: Served, one: Holding) -> Awaitable[Acknowledgement]:
    return at.stub.Revoke(pb.RevokeRequest(user_id=one.name), timeout=SECONDS)


def _by_logout(at: Served, one: Holding) -> Awaitable[Acknowledgement]:
    request = account_pb.LogoutRequest(refresh_token=one.pair.refresh_token)
    return AccountServiceStub(at.channel).Logout(request, timeout=SECONDS)


FORMS: Final[Mapping[str, Form]] = {
    "access token": _by_access_token,
    "refresh token": _by_refresh_token,
    "session": _by_session,
    "user": _by_user,
    "logout": _by_logout,
}
