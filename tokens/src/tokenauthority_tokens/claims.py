"""Claims as the JSON of a token's payload (RFC 7519, section 4), member by member.

What is absent is left out, so that the same claims always give the same bytes.
"""

from collections.abc import Mapping, Sequence
from typing import Final, Protocol

from tokenauthority_tokens import strict_json
from tokenauthority_tokens.members import integer, optional_text, text, texts
from tokenauthority_tokens.values import (
    LONGEST_LIFETIME,
    MAX_EPOCH,
    MAX_TIME,
    Claims,
    TokenType,
)


class Profile(Protocol):
    """Who a user is, as access tokens say it."""

    @property
    def user_id(self) -> str:
        """The claim `sub`."""
        ...

    @property
    def username(self) -> str:
        """The user's name."""
        ...

    @property
    def email(self) -> str:
        """The user's address."""
        ...

    @property
    def roles(self) -> tuple[str, ...]:
        """The user's roles."""
        ...

    @property
    def permissions(self) -> tuple[str, ...]:
        """The user's permissions."""
        ...


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


def profile(source: Profile) -> dict[str, object]:
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
    issue_time = integer(members, "iat", MAX_TIME)
    expire_time = integer(members, "exp", MAX_TIME)
    if not 0 <= expire_time - issue_time <= LONGEST_LIFETIME[token_type]:
        raise ValueError("no token lives that long, nor ends before it begins")
    return Claims(
        token_type=token_type,
        user_id=text(members, "sub"),
        session_id=text(members, "session_id"),
        token_id=text(members, "jti"),
        issue_time=issue_time,
        expire_time=expire_time,
        epoch=integer(members, "epoch", MAX_EPOCH),
        issuer=text(members, "iss"),
        audience=text(members, "aud"),
        key_id=key_id,
        device_id=optional_text(members, "device_id"),
        scope=texts(members, "scope"),
        username=optional_text(members, "username"),
        email=optional_text(members, "email"),
        roles=texts(members, "roles"),
        permissions=texts(members, "permissions"),
        profile_epoch=integer(members, "profile_epoch", MAX_EPOCH)
        if token_type is TokenType.ACCESS
        else 0,
    )


def _subject(claims: Claims) -> dict[str, object]:
    return profile(claims) if claims.token_type is TokenType.ACCESS else {"sub": claims.user_id}


def _present(members: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in members.items() if value not in ("", ())}
