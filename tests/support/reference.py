"""What PyJWT says of a token that we accept: the second opinion."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any

import jwt

from tokenauthority_tokens import claims as payloads
from tokenauthority_tokens.keys import VerifyingKey
from tokenauthority_tokens.values import Claims, TokenType

# Times are compared apart from the rest, by whoever knows what time it is.
OPTIONS: Any = {
    "require": ["sub", "iat", "exp", "iss", "aud", "jti"],
    "strict_aud": True,
    "verify_exp": False,
    "verify_iat": False,
}


def second_opinion(token: str, key: VerifyingKey, claims: Claims) -> str:
    """Empty when PyJWT accepts the token and reads the same in it, else what differs."""
    material: Any = key.key
    try:
        decoded = jwt.decode_complete(
            token,
            material,
            algorithms=[key.algorithm.name],
            issuer=claims.issuer,
            audience=claims.audience,
            options=OPTIONS,
        )
    except jwt.InvalidTokenError as error:
        return f"PyJWT refuses it: {error!r}"
    header = {
        "alg": key.algorithm.name,
        "kid": claims.key_id,
        "typ": "at+jwt" if claims.token_type is TokenType.ACCESS else "rt+jwt",
    }
    if decoded["header"] != header:
        return f"PyJWT reads another header: {decoded['header']}"
    if decoded["payload"] != json.loads(payloads.write(claims)):
        return f"PyJWT reads other claims: {decoded['payload']}"
    return ""


def flaw_in_form(token: str) -> str:
    """Empty when the token is in its one form, else what is not: PyJWT is not as strict."""
    parts = token.split(".")
    decoded = [urlsafe_b64decode(part + "=" * (-len(part) % 4)) for part in parts]
    if [urlsafe_b64encode(data).decode().rstrip("=") for data in decoded] != parts:
        return "its base64 is not canonical"
    for data in decoded[:2]:
        pairs = json.loads(data, object_pairs_hook=list)
        if len(dict(pairs)) != len(pairs):
            return f"a member stands twice: {pairs}"
    return ""
