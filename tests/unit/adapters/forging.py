"""Tokens with any header and any payload, signed or not: what an attacker could send."""

import json
from base64 import urlsafe_b64encode
from datetime import UTC, datetime
from typing import Final

from tokenauthority_server.adapters.jwt.algorithms import ES256
from tokenauthority_server.adapters.jwt.codec import TokenCodec
from tokenauthority_server.adapters.jwt.keyring import KeyRing
from tokenauthority_server.adapters.jwt.keys import TokenKey, symmetric_key
from tokenauthority_server.adapters.sealing import EncryptionKeys
from tokenauthority_server.adapters.signing_keys import make_signing_key, open_signing_key
from tokenauthority_server.domain.keys import KeyState
from tokenauthority_server.domain.tokens import (
    Claims,
    InactiveReason,
    TokenRefusedError,
    TokenType,
)

ISSUER: Final = "wakedock"
AUDIENCE: Final = "wakedock-users"
SECRET: Final = b"0123456789abcdef0123456789abcdef"
NOW: Final = datetime(2026, 1, 1, tzinfo=UTC)
ENCRYPTION_KEYS: Final = EncryptionKeys([bytes(range(32))])


def es256_key() -> TokenKey:
    return open_signing_key(make_signing_key(ES256, ENCRYPTION_KEYS, NOW), ENCRYPTION_KEYS)


KEY: Final = es256_key()
SYMMETRIC_KEY: Final = symmetric_key(SECRET, KeyState.RETIRED)


def codec(*keys: TokenKey, algorithm: str = "ES256") -> TokenCodec:
    ring = KeyRing(algorithm)
    ring.replace(keys or (KEY, SYMMETRIC_KEY))
    return TokenCodec(ring, issuer=ISSUER, audience=AUDIENCE)


CODEC: Final = codec()

ACCESS: Final = Claims(
    token_type=TokenType.ACCESS,
    user_id="user-1",
    session_id="sess_" + "s" * 43,
    token_id="j" * 43,
    issue_time=1_767_225_600,
    expire_time=1_767_227_400,
    epoch=3,
    issuer=ISSUER,
    audience=AUDIENCE,
    key_id=KEY.key_id,
    device_id="laptop",
    scope=("read", "write"),
    username="ada",
    email="ada@example.org",
    roles=("engineer",),
    permissions=("engines.run", "engines.stop"),
    profile_epoch=4,
)
REFRESH: Final = Claims(
    token_type=TokenType.REFRESH,
    user_id="user-1",
    session_id=ACCESS.session_id,
    token_id="k" * 43,
    issue_time=ACCESS.issue_time,
    expire_time=ACCESS.expire_time,
    epoch=3,
    issuer=ISSUER,
    audience=ISSUER,
    key_id=KEY.key_id,
    device_id="laptop",
    scope=("read", "write"),
)

ACCESS_HEADER: Final = {"alg": "ES256", "kid": KEY.key_id, "typ": "at+jwt"}
REFRESH_HEADER: Final = {"alg": "ES256", "kid": KEY.key_id, "typ": "rt+jwt"}
ACCESS_PAYLOAD: Final = {
    "sub": "user-1",
    "username": "ada",
    "email": "ada@example.org",
    "roles": ["engineer"],
    "permissions": ["engines.run", "engines.stop"],
    "session_id": ACCESS.session_id,
    "device_id": "laptop",
    "scope": ["read", "write"],
    "token_type": "access",
    "iat": 1_767_225_600,
    "exp": 1_767_227_400,
    "iss": ISSUER,
    "aud": AUDIENCE,
    "jti": ACCESS.token_id,
    "epoch": 3,
    "profile_epoch": 4,
}
REFRESH_PAYLOAD: Final = {
    "sub": "user-1",
    "session_id": ACCESS.session_id,
    "device_id": "laptop",
    "scope": ["read", "write"],
    "token_type": "refresh",
    "iat": 1_767_225_600,
    "exp": 1_767_227_400,
    "iss": ISSUER,
    "aud": ISSUER,
    "jti": REFRESH.token_id,
    "epoch": 3,
}


def b64(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def segment(content: object) -> str:
    """A part of a token: a string's or bytes' own bytes, or the JSON of anything else."""
    if isinstance(content, bytes):
        return b64(content)
    text = content if isinstance(content, str) else json.dumps(content, separators=(",", ":"))
    return b64(text.encode())


def signed(header: object, payload: object, key: TokenKey = KEY) -> str:
    """A token with a good signature of the key, whatever it says."""
    signing_input = f"{segment(header)}.{segment(payload)}"
    return f"{signing_input}.{b64(key.sign(signing_input.encode()))}"


def verdict(token: str, verifier: TokenCodec = CODEC) -> Claims | InactiveReason:
    """The claims, or why the token is refused; any other exception is a failure of the test."""
    try:
        return verifier.verify(token)
    except TokenRefusedError as error:
        return error.reason
