"""A key as the ring holds it, and how it is made of a secret or of a private key."""

import hashlib
import hmac
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from jwt import InvalidKeyError

from tokenauthority_server.adapters import base64url
from tokenauthority_server.adapters.jwt import strict_json
from tokenauthority_server.adapters.jwt.algorithms import HS256, SignatureAlgorithm
from tokenauthority_server.adapters.jwt.jws import Header
from tokenauthority_server.domain.keys import KeyState, PublicKey
from tokenauthority_server.domain.tokens import TokenType

MIN_SECRET_BYTES: Final = 32
"""RFC 7518, section 3.2: a key for HS256 is no shorter than its hash."""

# A signing input always has a dot and this has none, so a `kid` can never pass for a signature.
_SYMMETRIC_KEY_ID: Final = b"tokenauthority key id"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TokenKey:
    """A key that verifies tokens, and signs them unless it is revoked.

    `jwk` is the public key as JSON text (RFC 7517), and empty for a symmetric key.
    """

    key_id: str
    algorithm: SignatureAlgorithm
    state: KeyState
    jwk: str
    create_time: datetime
    activate_time: datetime | None = None
    retire_time: datetime | None = None
    signing: object = field(repr=False)
    verifying: object = field(repr=False)

    @property
    def may_sign(self) -> bool:
        """Whether it still signs: a pair is signed again with the key that it was issued under."""
        return self.state is not KeyState.REVOKED

    def header(self, token_type: TokenType) -> Header:
        """Return the header of the tokens that it signs."""
        return Header(self.algorithm.name, self.key_id, token_type)

    def sign(self, message: bytes) -> bytes:
        """Return the signature."""
        return self.algorithm.scheme.sign(message, self.signing)

    def verify(self, message: bytes, signature: bytes) -> bool:
        """Return whether the signature is this key's over the message.

        Of an ECDSA signature (r, s) the mirrored (r, -s) is accepted as well, as everywhere else:
        whoever mirrors it has a second spelling of the same token, with the same `jti`, and nothing
        here is keyed by the bytes of a token. So it is as alive, and as dead, as the original.
        """
        return self.algorithm.scheme.verify(message, self.verifying, signature)

    def published(self) -> PublicKey:
        """Return what anyone may know of it."""
        return PublicKey(
            key_id=self.key_id,
            algorithm=self.algorithm.name,
            state=self.state,
            jwk=self.jwk,
            activate_time=self.activate_time,
            retire_time=self.retire_time,
        )


def symmetric_key(secret: bytes, state: KeyState) -> TokenKey:
    """Return the HS256 key of JWT_SECRET_KEY.

    Its id is the same in every process, and tells no more of the secret than any token does. Raises
    ValueError for a secret that is too short, or that is a public key.
    """
    if len(secret) < MIN_SECRET_BYTES:
        raise ValueError(f"JWT_SECRET_KEY must have at least {MIN_SECRET_BYTES} bytes")
    try:
        prepared = HS256.scheme.prepare_key(secret)
    except InvalidKeyError:
        raise ValueError("JWT_SECRET_KEY must be a secret, not a public key") from None
    return TokenKey(
        key_id=base64url.encode(hmac.digest(secret, _SYMMETRIC_KEY_ID, "sha256")),
        algorithm=HS256,
        state=state,
        jwk="",
        create_time=datetime.fromtimestamp(0, UTC),
        signing=prepared,
        verifying=prepared,
    )


def public_jwk(private: PrivateKeyTypes, algorithm: SignatureAlgorithm) -> tuple[str, str]:
    """Return the id of a key pair, which is its RFC 7638 thumbprint, and its public JWK."""
    members = algorithm.scheme.to_jwk(private.public_key(), as_dict=True)
    taken = {name: members[name] for name in algorithm.thumbprint_members}
    key_id = base64url.encode(hashlib.sha256(strict_json.dumps(taken)).digest())
    jwk = {**members, "kid": key_id, "alg": algorithm.name, "use": "sig"}
    return key_id, strict_json.dumps(jwk).decode()
