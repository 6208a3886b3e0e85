"""Signs and verifies tokens: the ports TokenSigner and TokenVerifier."""

from collections.abc import Sequence
from dataclasses import replace

from tokenauthority_server.adapters.jwt import sizes
from tokenauthority_server.adapters.jwt.keyring import STORE, KeyRing
from tokenauthority_server.domain.errors import ProfileTooLargeError, StoreUnavailableError
from tokenauthority_server.domain.tokens import (
    MAX_TOKEN_BYTES,
    Claims,
    InactiveReason,
    TokenRefusedError,
    TokenType,
)
from tokenauthority_server.domain.users import Profile
from tokenauthority_tokens import base64url, jws
from tokenauthority_tokens import claims as payloads
from tokenauthority_tokens.verifier import Verifier


class TokenCodec:
    """Tokens of one issuer, for one audience, under the keys of a ring."""

    def __init__(self, ring: KeyRing, *, issuer: str, audience: str) -> None:
        self._ring = ring
        self._issuer = issuer
        self._verifier = Verifier(issuer=issuer, audience=audience)
        self._frame_size = max(
            sizes.frame_size(self._ours(sizes.widest(token_type))) for token_type in TokenType
        )

    def active_key_id(self) -> str:
        """Return the id of the key that signs now; raise StoreUnavailableError without one."""
        return self._ring.current().signer().key_id

    def may_sign(self, key_id: str, until: int) -> bool:
        """Return whether the key is known here, and signs what expires at `until` (Unix seconds).

        Raises StoreUnavailableError before any key is known.
        """
        key = self._ring.current().keys.get(key_id)
        return key is not None and key.may_sign and key.reaches(until)

    def sign(self, claims: Claims) -> str:
        """Return the token, signed with the key that `claims.key_id` names.

        Raises StoreUnavailableError where that key is not known, may not sign any more, or may not
        sign a token that lives this long. Raises ProfileTooLargeError rather than return a token
        above MAX_TOKEN_BYTES.
        """
        key = self._ring.current().signer_of(claims.key_id)
        if not key.reaches(claims.expire_time):
            raise StoreUnavailableError(STORE, "the horizon of the key")
        payload = base64url.encode(payloads.write(self._ours(claims)))
        header = key.verifying.header(claims.token_type).segment()
        signing_input = f"{header}.{payload}"
        token = f"{signing_input}.{base64url.encode(key.sign(signing_input.encode('ascii')))}"
        if len(token) > MAX_TOKEN_BYTES:
            raise ProfileTooLargeError
        return token

    def verify(self, token: str) -> Claims:
        """Return the claims of a token that we signed, for our audience of its type.

        Raises TokenRefusedError with the reason that Verifier.verify gives. Raises
        StoreUnavailableError before any key is known.
        """
        claims = self._verifier.verify(self._ring.current().verifying, token)
        if isinstance(claims, InactiveReason):
            is_revoked = claims is InactiveReason.KEY_REVOKED
            raise TokenRefusedError(claims, _key_id_of(token) if is_revoked else "")
        return claims

    def profile_size(self, profile: Profile) -> int:
        """Return the bytes that the profile takes of a token's payload."""
        return sizes.profile_size(profile)

    def profile_budget(self, device_id: str, scope: Sequence[str]) -> int:
        """Return the bytes of payload that a token of this device and scope leaves for a profile.

        Either token of a pair fits, under any key of the ring. Raises StoreUnavailableError before
        any key is known.
        """
        room = sizes.payload_size(self._ring.current().verifying)
        return room - self._frame_size - sizes.device_size(device_id, scope)

    def _ours(self, claims: Claims) -> Claims:
        audience = self._verifier.audience(claims.token_type)
        return replace(claims, issuer=self._issuer, audience=audience)


def _key_id_of(token: str) -> str:
    """Return the `kid` of a token that a key of the ring has signed."""
    return jws.read_header(jws.split(token).header_segment).key_id
