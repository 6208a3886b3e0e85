"""Tokens with any header and any payload, signed or not: what an attacker could send."""

import json
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import replace
from typing import Final, Protocol

from support.key_pairs import KeyPair, pair_of

from tokenauthority_tokens import claims as payloads
from tokenauthority_tokens.algorithms import ALGORITHMS
from tokenauthority_tokens.keys import KeySet
from tokenauthority_tokens.values import Claims, InactiveReason, TokenType
from tokenauthority_tokens.verifier import Verifier

ISSUER: Final = "wakedock"
AUDIENCE: Final = "wakedock-users"
VERIFIER: Final = Verifier(issuer=ISSUER, audience=AUDIENCE)

PAIRS: Final = {name: pair_of(name) for name in ALGORITHMS}
KEY: Final = PAIRS["ES256"]
KEYS: Final = KeySet.of(pair.verifying for pair in PAIRS.values())

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


class Signing(Protocol):
    """A key that signs."""

    def sign(self, message: bytes) -> bytes: ...


def b64(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def segment(content: object) -> str:
    """A part of a token: a string's or bytes' own bytes, or the JSON of anything else."""
    if isinstance(content, bytes):
        return b64(content)
    text = content if isinstance(content, str) else json.dumps(content, separators=(",", ":"))
    return b64(text.encode())


def signed(header: object, payload: object, key: Signing = KEY) -> str:
    """A token with a good signature of the key, whatever it says."""
    signing_input = f"{segment(header)}.{segment(payload)}"
    return f"{signing_input}.{b64(key.sign(signing_input.encode()))}"


def header_of(key: KeyPair, token_type: TokenType = TokenType.ACCESS) -> Mapping[str, str]:
    typ = "at+jwt" if token_type is TokenType.ACCESS else "rt+jwt"
    return {"alg": key.algorithm, "kid": key.key_id, "typ": typ}


def issued(claims: Claims, key: KeyPair = KEY) -> str:
    """A token as the authority issues it."""
    return signed(header_of(key, claims.token_type), payloads.write(claims), key)


def issued_by(key: KeyPair, claims: Claims = ACCESS) -> Claims:
    """What a verifier reads in `issued(claims, key)`."""
    return replace(claims, key_id=key.key_id)


def verdict(token: str, keys: KeySet = KEYS) -> Claims | InactiveReason:
    """The claims, or why the token is refused; any exception is a failure of the test."""
    return VERIFIER.verify(keys, token)
