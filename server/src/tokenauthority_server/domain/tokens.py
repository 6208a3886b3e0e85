"""Tokens and pairs of them. What a token says, and how it is verified, server and clients share."""

import hashlib
from dataclasses import dataclass, field
from datetime import datetime

from tokenauthority_tokens.values import (
    MAX_TOKEN_BYTES,
    Claims,
    InactiveReason,
    TokenType,
    unfit,
)

__all__ = [
    "MAX_TOKEN_BYTES",
    "Claims",
    "InactiveReason",
    "TokenPair",
    "TokenRefusedError",
    "TokenType",
    "VerifiedToken",
    "fingerprint",
    "unfit",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenPair:
    """A signed pair. `expires_in` is what was left of the access token, in seconds, when asked."""

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    session_id: str
    expires_in: int
    access_expire_time: datetime
    refresh_expire_time: datetime


@dataclass(slots=True, eq=False)
class VerifiedToken:
    """A token that was verified, as it is remembered.

    `written` is a place for the claims as they are written into answers, so that this is not done
    twice either; empty until somebody puts them there. It may depend on nothing but the claims.
    `size` is how many bytes all of it takes, about.
    """

    claims: Claims
    size: int = 0
    written: bytes = b""


class TokenRefusedError(Exception):
    """A token is no good by itself: its form, signature, issuer, audience, type or times.

    With KEY_REVOKED, `revoked_key_id` is the key that signed it.
    """

    def __init__(self, reason: InactiveReason, revoked_key_id: str = "") -> None:
        super().__init__(reason.value)
        self.reason = reason
        self.revoked_key_id = revoked_key_id


def fingerprint(token_id: str) -> bytes:
    """Return the SHA-256 of a refresh token's id: all that the database ever holds of it."""
    return hashlib.sha256(token_id.encode()).digest()
