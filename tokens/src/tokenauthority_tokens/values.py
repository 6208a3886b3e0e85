"""What tokens say, and the rules that a token alone decides. Knows no technology."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

MAX_TOKEN_BYTES: Final = 8 * 1024
"""No token above this is ever decoded, nor minted."""

MAX_TIME: Final = 253_402_300_799
"""The last second of the year 9999: the last one that a google.protobuf.Timestamp can say."""

MAX_EPOCH: Final = 2**63 - 1


class TokenType(StrEnum):
    """The two tokens of a pair; the value is the claim "token_type"."""

    ACCESS = "access"
    REFRESH = "refresh"


LONGEST_LIFETIME: Final = {TokenType.ACCESS: 24 * 3600, TokenType.REFRESH: 365 * 24 * 3600}
"""In seconds. No setting allows more, so a token that claims more is none of ours: it would outlive
what is kept of its revocation, and its key."""


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


def unfit(claims: Claims, expected: TokenType, *, now: float, leeway: int) -> InactiveReason | None:
    """Return why the token is not a good one of this type at `now` by itself, or None.

    `now` is in Unix seconds of the verifier's clock, and `leeway` in seconds: how far apart the
    clocks of two machines may be (RFC 7519, section 4.1.4).
    """
    if claims.token_type is not expected:
        return InactiveReason.WRONG_TYPE
    if claims.expire_time + leeway <= now:
        return InactiveReason.EXPIRED
    if claims.issue_time - leeway > now:
        return InactiveReason.NOT_YET_VALID
    return None
