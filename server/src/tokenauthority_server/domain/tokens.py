"""Tokens: what they say, and the rules that a token alone decides."""

import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

MAX_TOKEN_BYTES = 8 * 1024
"""No token above this is ever decoded, nor minted."""


class TokenType(StrEnum):
    """The two tokens of a pair; the value is the claim "token_type"."""

    ACCESS = "access"
    REFRESH = "refresh"


class InactiveReason(StrEnum):
    """Why a token is not active; the names are the contract's."""

    MALFORMED = "MALFORMED"
    BAD_SIGNATURE = "BAD_SIGNATURE"
    UNKNOWN_KEY = "UNKNOWN_KEY"
    WRONG_ISSUER = "WRONG_ISSUER"
    WRONG_AUDIENCE = "WRONG_AUDIENCE"
    WRONG_TYPE = "WRONG_TYPE"
    NOT_YET_VALID = "NOT_YET_VALID"
    EXPIRED = "EXPIRED"
    TOKEN_REVOKED = "TOKEN_REVOKED"  # noqa: S105 - a reason, no secret
    SESSION_REVOKED = "SESSION_REVOKED"
    USER_REVOKED = "USER_REVOKED"
    KEY_REVOKED = "KEY_REVOKED"
    SESSION_EXPIRED = "SESSION_EXPIRED"
    INVALID = "INVALID"


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """What a token says (RFC 7519). Times are Unix seconds; absent values are empty.

    `key_id` is the header's. The fields from `username` on stand in access tokens only.
    """

    token_type: TokenType
    user_id: str
    session_id: str
    token_id: str
    issue_time: int
    expire_time: int
    epoch: int
    issuer: str = ""
    audience: str = ""
    key_id: str = ""
    device_id: str = ""
    scope: tuple[str, ...] = ()
    username: str = ""
    email: str = ""
    roles: tuple[str, ...] = ()
    permissions: tuple[str, ...] = ()
    profile_epoch: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenPair:
    """A signed pair. `expires_in` is what was left of the access token, in seconds, when asked."""

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    session_id: str
    expires_in: int
    access_expire_time: datetime
    refresh_expire_time: datetime


class TokenRefusedError(Exception):
    """A token is no good by itself: its form, signature, issuer, audience, type or times."""

    def __init__(self, reason: InactiveReason) -> None:
        super().__init__(reason.value)
        self.reason = reason


def fingerprint(token_id: str) -> bytes:
    """Return the SHA-256 of a refresh token's id: all that the database ever holds of it."""
    return hashlib.sha256(token_id.encode()).digest()


def time_refusal(claims: Claims, *, now: float, leeway: int) -> InactiveReason | None:
    """Return why the token's own times refuse it at `now`, or None.

    `now` is in Unix seconds of the verifier's clock and `leeway` in seconds (RFC 7519, 4.1.4).
    """
    if claims.expire_time + leeway <= now:
        return InactiveReason.EXPIRED
    if claims.issue_time - leeway > now:
        return InactiveReason.NOT_YET_VALID
    return None
