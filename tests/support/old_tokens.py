"""Old tokens: made as the platform makes them, and as nobody should."""

import hmac
import json
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from typing import Any, Final

import jwt

SECRET: Final = "9nR4sVq7tYw2zXc5vBm8kLj3hGf6dSa1"
ISSUER: Final = "wakedock"
AUDIENCE: Final = "wakedock-users"
ISSUE_TIME: Final = 1_767_268_800
"""2026-01-01 12:00 UTC."""
HEADER: Final = {"alg": "HS256", "typ": "JWT"}
PAYLOAD: Final[Mapping[str, Any]] = {
    "sub": "17",
    "username": "ann",
    "email": "ann@example.com",
    "roles": ["admin"],
    "permissions": ["containers.read", "containers.stop"],
    "session_id": "sess_" + "s" * 43,
    "device_id": "laptop",
    "scope": ["api"],
    "token_type": "access",
    "iat": ISSUE_TIME,
    "exp": ISSUE_TIME + 1800,
    "iss": ISSUER,
    "aud": AUDIENCE,
    "jti": "j" * 43,
}


def old_token(secret: str = SECRET, *, issue_time: int = ISSUE_TIME, **claims: object) -> str:
    """A token of the platform, with these claims in place of its usual ones."""
    times = {"iat": issue_time, "exp": issue_time + 1800}
    return jwt.encode({**PAYLOAD, **times, **claims}, secret, algorithm="HS256")


def without(*names: str) -> dict[str, Any]:
    """The usual claims but these."""
    return {name: value for name, value in PAYLOAD.items() if name not in names}


def b64(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def segment(content: object) -> str:
    """A part of a token: of a string its own bytes, of anything else its JSON."""
    text = content if isinstance(content, str) else json.dumps(content, separators=(",", ":"))
    return b64(text.encode())


def signed(header: object, payload: object, secret: str = SECRET) -> str:
    """A token with a good HMAC by the secret, whatever it says."""
    signing_input = f"{segment(header)}.{segment(payload)}"
    return f"{signing_input}.{b64(hmac.digest(secret.encode(), signing_input.encode(), 'sha256'))}"
