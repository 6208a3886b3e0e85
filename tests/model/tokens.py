"""What tokens say: as the contract has it, as their bytes have it, and as a verdict tells it."""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from model.authority_model import Pair

from tokenauthority.v1 import token_service_pb2 as pb


@dataclass(frozen=True)
class Token:
    """A token that was given: `epoch` is the session's when it was signed."""

    text: str
    pair: Pair
    is_access: bool
    epoch: int

    @property
    def tampered(self) -> str:
        """The same with another signature."""
        at = self.text.rindex(".") + 5
        return self.text[:at] + ("A" if self.text[at] != "A" else "B") + self.text[at + 1 :]

    @property
    def expected(self) -> Mapping[str, Any]:
        """What it has to say, but for its id and its times."""
        session, subject = self.pair.session, self.pair.profile
        both = {
            "sub": subject.user_id,
            "session_id": session.session_id,
            "device_id": session.device.device_id,
            "scope": list(session.request.scope),
            "iss": "wakedock",
            "epoch": self.epoch,
        }
        if not self.is_access:
            return present(both | {"token_type": "refresh", "aud": "wakedock"})
        return present(
            both
            | {
                "token_type": "access",
                "aud": "wakedock-users",
                "username": subject.username,
                "email": subject.email,
                "roles": list(subject.roles),
                "permissions": list(subject.permissions),
                "profile_epoch": self.pair.profile_epoch,
            }
        )


def payload(text: str) -> dict[str, Any]:
    part = text.split(".")[1]
    members: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return members


def said(claims: pb.Claims) -> Mapping[str, Any]:
    """The claims of a verdict as the token's payload writes them."""
    is_access = claims.token_type == pb.TOKEN_TYPE_ACCESS
    members: dict[str, Any] = {
        "sub": claims.user_id,
        "username": claims.username,
        "email": claims.email,
        "roles": list(claims.roles),
        "permissions": list(claims.permissions),
        "session_id": claims.session_id,
        "device_id": claims.device_id,
        "scope": list(claims.scope),
        "token_type": "access" if is_access else "refresh",
        "iss": claims.issuer,
        "aud": claims.audience,
        "iat": claims.issue_time.seconds,
        "exp": claims.expire_time.seconds,
        "jti": claims.token_id,
        "epoch": claims.epoch,
    }
    if is_access:
        members["profile_epoch"] = claims.profile_epoch
    return present(members)


def present(members: Mapping[str, Any]) -> Mapping[str, Any]:
    """Leave out what is absent."""
    return {name: value for name, value in members.items() if value not in ("", [])}


def text_of(pair: pb.TokenPair, *, is_access: bool) -> str:
    return pair.access_token if is_access else pair.refresh_token


def expiry_of(pair: pb.TokenPair, *, is_access: bool) -> int:
    return (pair.access_expire_time if is_access else pair.refresh_expire_time).seconds
