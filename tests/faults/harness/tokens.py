"""What a token says of itself."""

import base64
import json
from typing import Any

from tokenauthority.v1 import token_service_pb2 as pb


def claims_of(token: str) -> dict[str, Any]:
    """The claims of a token that the authority signed, unverified."""
    payload = token.split(".")[1]
    claims: dict[str, Any] = json.loads(
        base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))
    )
    return claims


def token_id(token: str) -> str:
    """Its `jti`."""
    found: str = claims_of(token)["jti"]
    return found


def same_pair(one: pb.TokenPair, other: pb.TokenPair) -> bool:
    """Whether two pairs are one, but for their signatures and the seconds that are left of it.

    A signature by ES256 differs each time.
    """
    return _lasting(one) == _lasting(other)


def _lasting(pair: pb.TokenPair) -> list[object]:
    unsigned = [token.rpartition(".")[0] for token in (pair.access_token, pair.refresh_token)]
    return [
        *unsigned,
        pair.token_type,
        pair.session_id,
        pair.access_expire_time,
        pair.refresh_expire_time,
    ]
