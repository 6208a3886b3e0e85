"""A key as the ring holds it, and how it is made of a secret."""

import hmac
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from jwt import InvalidKeyError

from tokenauthority_server.domain.keys import KeyState, PublicKey
from tokenauthority_tokens import base64url
from tokenauthority_tokens.algorithms import HS256, MIN_SECRET_BYTES
from tokenauthority_tokens.keys import VerifyingKey

# A signing input always has a dot and this has none, so a `kid` can never pass for a signature.
_SYMMETRIC_KEY_ID: Final = b"tokenauthority key id"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TokenKey:
    """A key in one state of its life.

    `jwk` is the public key as JSON text (RFC 7517), and empty for a symmetric key. `signing` is the
    private half, None where only the public one is at hand. No token that the key signs expires
    after `signs_until`, in Unix seconds; None sets no bound.
    """

    verifying: VerifyingKey
    state: KeyState
    jwk: str
    create_time: datetime
    activate_time: datetime | None = None
    retire_time: datetime | None = None
    signs_until: float | None = None
    signing: object = field(repr=False)

    @property
    def key_id(self) -> str:
        """The key's `kid`."""
        return self.verifying.key_id

    @property
    def may_sign(self) -> bool:
        """Whether it still signs: a pair is signed again with the key that it was issued under."""
        return self.state is not KeyState.REVOKED and self.signing is not None

    def reaches(self, expire_time: int) -> bool:
        """Return whether a token of the key may live until then."""
        return self.signs_until is None or expire_time <= self.signs_until

    def sign(self, message: bytes) -> bytes:
        """Return the signature."""
        return self.verifying.algorithm.scheme.sign(message, self.signing)

    def published(self) -> PublicKey:
        """Return what anyone may know of it."""
        return PublicKey(
            key_id=self.key_id,
            algorithm=self.verifying.algorithm.name,
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
        verifying=VerifyingKey(
            key_id=base64url.encode(hmac.digest(secret, _SYMMETRIC_KEY_ID, "sha256")),
            algorithm=HS256,
            key=prepared,
            revoked=state is KeyState.REVOKED,
        ),
        state=state,
        jwk="",
        create_time=datetime.fromtimestamp(0, UTC),
        signing=prepared,
    )
