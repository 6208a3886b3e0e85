"""Signs and verifies tokens: the ports TokenSigner and TokenVerifier."""

from collections.abc import Sequence
from dataclasses import replace

from tokenauthority_server.adapters import base64url
from tokenauthority_server.adapters.jwt import claims as payloads
from tokenauthority_server.adapters.jwt import jws, sizes
from tokenauthority_server.adapters.jwt.keyring import KeyRing, KeySet
from tokenauthority_server.domain.errors import ProfileTooLargeError
from tokenauthority_server.domain.keys import KeyState
from tokenauthority_server.domain.tokens import (
    MAX_TOKEN_BYTES,
    Claims,
    InactiveReason,
    TokenRefusedError,
    TokenType,
)
from tokenauthority_server.domain.users import Profile


class TokenCodec:
    """Tokens of one issuer, for one audience, under the keys of a ring."""

    def __init__(self, ring: KeyRing, *, issuer: str, audience: str) -> None:
        self._ring = ring
        self._issuer = issuer
        # A refresh token is for the issuer alone (RFC 8725, section 3.9).
        self._audiences = {TokenType.ACCESS: audience, TokenType.REFRESH: issuer}
        self._frame_size = max(
            sizes.frame_size(self._ours(sizes.widest(token_type))) for token_type in TokenType
        )

    def active_key_id(self) -> str:
        """Return the id of the key that signs now; raise StoreUnavailableError without one."""
        return self._ring.current().signer().key_id

    def sign(self, claims: Claims) -> str:
        """Return the token, under `claims.key_id` where that key still signs, else the active one.

        Raises ProfileTooLargeError rather than return a token above MAX_TOKEN_BYTES.
        """
        key = self._ring.current().signer(claims.key_id)
        payload = base64url.encode(payloads.write(self._ours(claims)))
        signing_input = f"{key.header(claims.token_type).segment()}.{payload}"
        token = f"{signing_input}.{base64url.encode(key.sign(signing_input.encode('ascii')))}"
        if len(token) > MAX_TOKEN_BYTES:
            raise ProfileTooLargeError
        return token

    def verify(self, token: str) -> Claims:
        """Return the claims of a token that we signed, for our audience of its type.

        Raises TokenRefusedError with the first of these reasons that applies: MALFORMED,
        UNKNOWN_KEY (no key has this id and this algorithm), BAD_SIGNATURE, KEY_REVOKED,
        WRONG_ISSUER, WRONG_AUDIENCE. Raises StoreUnavailableError before any key is known.
        """
        claims = _verified(self._ring.current(), token)
        if isinstance(claims, InactiveReason):
            raise TokenRefusedError(claims)
        if claims.issuer != self._issuer:
            raise TokenRefusedError(InactiveReason.WRONG_ISSUER)
        if claims.audience != self._audiences[claims.token_type]:
            raise TokenRefusedError(InactiveReason.WRONG_AUDIENCE)
        return claims

    def profile_size(self, profile: Profile) -> int:
        """Return the bytes that the profile takes of a token's payload."""
        return sizes.profile_size(profile)

    def profile_budget(self, device_id: str, scope: Sequence[str]) -> int:
        """Return the bytes of payload that a token of this device and scope leaves for a profile.

        Either token of a pair fits, under any key of the ring. Raises StoreUnavailableError before
        any key is known.
        """
        room = sizes.payload_size(self._ring.current())
        return room - self._frame_size - sizes.device_size(device_id, scope)

    def _ours(self, claims: Claims) -> Claims:
        return replace(claims, issuer=self._issuer, audience=self._audiences[claims.token_type])


def _verified(keys: KeySet, token: str) -> Claims | InactiveReason:
    """Return the claims of a token that one of the keys signed, or why it is none.

    No exception of the parsing gets out: the text of the token would hang on it.
    """
    try:
        parts = jws.split(token)
        header = keys.headers.get(parts.header_segment) or jws.read_header(parts.header_segment)
        claims = payloads.read(parts.payload, header.token_type, header.key_id)
    except ValueError:
        return InactiveReason.MALFORMED
    key = keys.keys.get(header.key_id)
    # The algorithm belongs to the key; the header only has to repeat it (RFC 8725, section 3.1).
    if key is None or key.algorithm.name != header.algorithm:
        return InactiveReason.UNKNOWN_KEY
    if not key.verify(parts.signing_input, parts.signature):
        return InactiveReason.BAD_SIGNATURE
    return InactiveReason.KEY_REVOKED if key.state is KeyState.REVOKED else claims
