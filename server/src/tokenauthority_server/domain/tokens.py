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


class TokenRefusedError(Exception):
    """A token is no good by itself: its form, signature, issuer, audience, type or times."""

    def __init__(self, reason: InactiveReason) -> None:
        super().__init__(reason.value)
        self.reason = reason


def fingerprint(token_id: str) -> bytes:
    """Return the SHA-256 of a refresh token's id: all that the database ever holds of it."""
    return hashlib.sha256(token_id.encode()).digest()
