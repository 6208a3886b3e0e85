"""Claims as the JSON of a token's payload (RFC 7519, section 4), member by member.

What is absent is left out, so that the same claims always give the same bytes.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from tokenauthority_server.adapters.jwt import strict_json
from tokenauthority_server.domain.tokens import Claims, TokenType
from tokenauthority_server.domain.users import Profile

MAX_TIME: Final = 253_402_300_799
"""The last second of the year 9999: the last one that a google.protobuf.Timestamp can say."""

MAX_EPOCH: Final = 2**63 - 1

_BOTH = frozenset({"sub", "session_id", "token_type", "iat", "exp", "iss", "aud", "jti", "epoch"})
_REQUIRED: Final = {TokenType.ACCESS: _BOTH | {"profile_epoch"}, TokenType.REFRESH: _BOTH}
_OPTIONAL: Final = {
    TokenType.ACCESS: frozenset(
        {"device_id", "scope", "username", "email", "roles", "permissions"}
    ),
    TokenType.REFRESH: frozenset({"device_id", "scope"}),
}


def write(claims: Claims) -> bytes:
    """Return the payload."""
    return strict_json.dumps({**_subject(claims), **frame(claims)})


def profile(source: Claims | Profile) -> dict[str, object]:
    """Return the members that say who the user is: the first ones of an access token."""
    return _present(
        {
            "sub": source.user_id,
            "username": source.username,
            "email": source.email,
            "roles": source.roles,
            "permissions": source.permissions,
        }
    )


def device(device_id: str, scope: Sequence[str]) -> dict[str, object]:
    """Return the members that a session has of its own: where it runs, and what for."""
    return _present({"device_id": device_id, "scope": tuple(scope)})


def frame(claims: Claims) -> dict[str, object]:
    """Return all other members."""
    members: dict[str, object] = {
        "session_id": claims.session_id,
        **device(claims.device_id, claims.scope),
        "token_type": claims.token_type.value,
        "iat": claims.issue_time,
        "exp": claims.expire_time,
        "iss": claims.issuer,
        "aud": claims.audience,
        "jti": claims.token_id,
        "epoch": claims.epoch,
    }
    if claims.token_type is TokenType.ACCESS:
        members["profile_epoch"] = claims.profile_epoch
    return _present(members)


def read(payload: bytes, token_type: TokenType, key_id: str) -> Claims:
    """Return the claims; raise ValueError unless the payload is exactly of this type's form.

    A member that is not ours may mean anything to whoever wrote it, `nbf` for one, so it is refused
    rather than ignored.
    """
    members = strict_json.loads(payload)
    required = _REQUIRED[token_type]
    if not required <= members.keys() <= required | _OPTIONAL[token_type]:
        raise ValueError("a member is missing, or is not ours")
    if members["token_type"] != token_type.value:
        raise ValueError("header and payload disagree about the type")
    return Claims(
        token_type=token_type,
        user_id=_text(members, "sub"),
        session_id=_text(members, "session_id"),
        token_id=_text(members, "jti"),
        issue_time=_integer(members, "iat", MAX_TIME),
        expire_time=_integer(members, "exp", MAX_TIME),
        epoch=_integer(members, "epoch", MAX_EPOCH),
        issuer=_text(members, "iss"),
        audience=_text(members, "aud"),
        key_id=key_id,
        device_id=_optional_text(members, "device_id"),
        scope=_texts(members, "scope"),
        username=_optional_text(members, "username"),
        email=_optional_text(members, "email"),
        roles=_texts(members, "roles"),
        permissions=_texts(members, "permissions"),
        profile_epoch=_integer(members, "profile_epoch", MAX_EPOCH)
        if token_type is TokenType.ACCESS
        else 0,
    )


def _subject(claims: Claims) -> dict[str, object]:
    return profile(claims) if claims.token_type is TokenType.ACCESS else {"sub": claims.user_id}


def _present(members: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in members.items() if value not in ("", ())}


def _string(value: object) -> str:
    # JSON can write what neither UTF-8 nor PostgreSQL can hold: half a surrogate pair, and NUL.
    if not isinstance(value, str) or "\0" in value:
        raise ValueError("not a string that we could store")
    if not value.isascii():
        value.encode()
    return value


def _text(members: Mapping[str, object], name: str) -> str:
    value = _string(members[name])
    if not value:
        raise ValueError("an empty string is written by leaving it out")
    return value


def _optional_text(members: Mapping[str, object], name: str) -> str:
    return _text(members, name) if name in members else ""


def _texts(members: Mapping[str, object], name: str) -> tuple[str, ...]:
    if name not in members:
        return ()
    values = members[name]
    if not isinstance(values, list) or not values:
        raise ValueError("an empty list is written by leaving it out")
    return tuple(_string(value) for value in values)


def _integer(members: Mapping[str, object], name: str, maximum: int) -> int:
    value = members[name]
    # bool is an int to isinstance, and is none here.
    if type(value) is not int or value > maximum:
        raise ValueError("not an integer in its range")
    return value
