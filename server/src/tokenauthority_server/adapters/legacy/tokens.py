"""The form of the platform's old access tokens, read as strictly as our own."""

from collections.abc import Mapping
from typing import Final

from tokenauthority_server.domain.tokens import (
    MAX_TOKEN_BYTES,
    Claims,
    InactiveReason,
    TokenType,
)
from tokenauthority_tokens import base64url, jws, strict_json
from tokenauthority_tokens.algorithms import HS256
from tokenauthority_tokens.keys import VerifyingKey
from tokenauthority_tokens.members import integer, optional_text, text, texts
from tokenauthority_tokens.values import LONGEST_LIFETIME, MAX_EPOCH, MAX_TIME

LEGACY_KEY_ID: Final = "legacy"
"""The `key_id` of their claims: a fact about this key kills all of them."""

# All that the platform's libraries write, so that no header has to be parsed. Whatever else a
# header may say, `kid` or `jwk` or another `alg`, it is none of these.
_HEADERS: Final = frozenset(
    base64url.encode(strict_json.dumps(header))
    for header in ({"alg": "HS256"}, {"alg": "HS256", "typ": "JWT"}, {"typ": "JWT", "alg": "HS256"})
)
_REQUIRED: Final = {"sub", "token_type", "iat", "exp", "iss", "aud", "jti"}
# Each with how the platform may write it where there is none; ours would leave it out.
_OPTIONAL: Final[Mapping[str, object]] = {
    "username": "",
    "email": "",
    "roles": [],
    "permissions": [],
    "session_id": "",
    "device_id": "",
    "scope": [],
}


def has_old_form(token: str) -> bool:
    """Return whether the token begins as one of the platform's; above MAX_TOKEN_BYTES none does."""
    return len(token) <= MAX_TOKEN_BYTES and token.partition(".")[0] in _HEADERS


class OldTokens:
    """Verifies old access tokens of one issuer for one audience."""

    __slots__ = ("_audience", "_issuer", "_key")

    def __init__(self, secret: bytes, *, issuer: str, audience: str) -> None:
        self._key = VerifyingKey(key_id=LEGACY_KEY_ID, algorithm=HS256, key=secret)
        self._issuer = issuer
        self._audience = audience

    def verify(self, token: str) -> Claims | InactiveReason:
        """Return the claims of an old access token that was signed with the secret.

        Or the first of these reasons that applies: MALFORMED, BAD_SIGNATURE, WRONG_ISSUER,
        WRONG_AUDIENCE. Times are for `values.unfit`. A token that `has_old_form` costs one HMAC
        over its length, whatever is wrong with it; of any other nothing is looked at. No epoch
        outdates the claims: their user's facts kill them by time (see LegacyView).
        """
        if not has_old_form(token):
            return InactiveReason.MALFORMED
        try:
            parts = jws.split(token)
        except ValueError:
            self._key.spend(token.encode("utf-8", "surrogatepass"))
            return InactiveReason.MALFORMED
        try:
            claims = _read(parts.payload)
        except ValueError:
            claims = None
        good = self._key.verify(parts.signing_input, parts.signature)
        if claims is None:
            return InactiveReason.MALFORMED
        if not good:
            return InactiveReason.BAD_SIGNATURE
        if claims.issuer != self._issuer:
            return InactiveReason.WRONG_ISSUER
        return claims if claims.audience == self._audience else InactiveReason.WRONG_AUDIENCE


def _read(payload: bytes) -> Claims:
    """Return the claims; raise ValueError unless the payload is exactly of the old form."""
    written = strict_json.loads(payload)
    members = {name: value for name, value in written.items() if value != _OPTIONAL.get(name)}
    if not (members.keys() >= _REQUIRED and written.keys() <= _REQUIRED | _OPTIONAL.keys()):
        raise ValueError("a member is missing, or is not the platform's")
    if members["token_type"] != TokenType.ACCESS.value:
        raise ValueError("not an access token")
    issue_time = integer(members, "iat", MAX_TIME)
    expire_time = integer(members, "exp", MAX_TIME)
    if not 0 <= expire_time - issue_time <= LONGEST_LIFETIME[TokenType.ACCESS]:
        raise ValueError("it would outlive the facts about its user, or ends before it begins")
    return Claims(
        token_type=TokenType.ACCESS,
        user_id=text(members, "sub"),
        session_id=optional_text(members, "session_id"),
        token_id=text(members, "jti"),
        issue_time=issue_time,
        expire_time=expire_time,
        epoch=MAX_EPOCH,
        profile_epoch=MAX_EPOCH,
        issuer=text(members, "iss"),
        audience=text(members, "aud"),
        key_id=LEGACY_KEY_ID,
        device_id=optional_text(members, "device_id"),
        scope=texts(members, "scope"),
        username=optional_text(members, "username"),
        email=optional_text(members, "email"),
        roles=texts(members, "roles"),
        permissions=texts(members, "permissions"),
    )
