"""The signature algorithms (RFC 7518, section 3; RFC 8037), and which keys are fit for each.

A new algorithm is a new row of the table. PyJWT does the signatures.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt import get_algorithm_by_name
from jwt.algorithms import Algorithm

MIN_SECRET_BYTES: Final = 32
"""RFC 7518, section 3.2: a key for HS256 is no shorter than its hash."""

MIN_RSA_BITS: Final = 2048
"""RFC 7518, section 3.3."""

MIN_RSA_EXPONENT: Final = 65537
"""Smaller ones have a history of forged signatures (NIST SP 800-56B, section 6.2)."""

_MAX_RSA_EXPONENT: Final = 2**32
"""A check takes as long as the exponent, and up to a hundred times longer."""

_MAX_RSA_BITS: Final = 8192
"""A check by a longer key takes too long, and a token of one has no room for claims."""


class UnfitKeyError(ValueError):
    """A key cannot be used, or not for its algorithm; the text says why and holds nothing of it."""


_ORDER_OF_P256: Final = bytes.fromhex(
    "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551"
)
_ORDER_OF_ED25519: Final = (2**252 + 27742317777372353535851937790883648493).to_bytes(32)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignatureAlgorithm:
    """An algorithm by its name in a token's header.

    `scheme` signs and verifies. `check` raises UnfitKeyError for a public key that is not one of
    the algorithm's, or a weak one. `numbers` are those in a signature, big-endian. The
    `thumbprint_members` are those of the public JWK that RFC 7638 takes, in their order; a
    symmetric algorithm has none.
    """

    name: str
    scheme: Algorithm
    check: Callable[[object], None]
    numbers: Callable[[bytes], tuple[bytes, ...]]
    thumbprint_members: tuple[str, ...] = ()

    @property
    def is_symmetric(self) -> bool:
        """Whether whoever verifies could sign too."""
        return not self.thumbprint_members

    def signature_bytes(self, key: object) -> int:
        """Return how long each signature of the key is."""
        if isinstance(key, RSAPublicKey):
            return (key.key_size + 7) // 8
        return 32 if self.is_symmetric else 64

    def ceiling(self, key: object) -> bytes:
        """Return what every number in a signature of the key is below."""
        if isinstance(key, RSAPublicKey):
            return key.public_numbers().n.to_bytes(self.signature_bytes(key))
        return _ORDER_OF_ED25519 if isinstance(key, Ed25519PublicKey) else _ORDER_OF_P256


def _row(
    name: str,
    check: Callable[[object], None],
    numbers: Callable[[bytes], tuple[bytes, ...]],
    thumbprint_members: tuple[str, ...] = (),
) -> SignatureAlgorithm:
    return SignatureAlgorithm(
        name=name,
        scheme=get_algorithm_by_name(name),
        check=check,
        numbers=numbers,
        thumbprint_members=thumbprint_members,
    )


def _check_p256(key: object) -> None:
    if not isinstance(key, EllipticCurvePublicKey) or not isinstance(key.curve, SECP256R1):
        raise UnfitKeyError("is not an elliptic-curve key on P-256, which ES256 needs")


def _check_ed25519(key: object) -> None:
    if not isinstance(key, Ed25519PublicKey):
        raise UnfitKeyError("is not an Ed25519 key, which EdDSA needs here")


def _check_rsa(key: object) -> None:
    if not isinstance(key, RSAPublicKey):
        raise UnfitKeyError("is not an RSA key, which RS256 and PS256 need")
    if not MIN_RSA_BITS <= key.key_size <= _MAX_RSA_BITS:
        raise UnfitKeyError(
            f"is an RSA key of {key.key_size} bits; it must have {MIN_RSA_BITS} to {_MAX_RSA_BITS}"
        )
    exponent = key.public_numbers().e
    for unfit, problem in (
        (exponent < MIN_RSA_EXPONENT, f"an exponent below {MIN_RSA_EXPONENT}"),
        (exponent > _MAX_RSA_EXPONENT, f"an exponent above {_MAX_RSA_EXPONENT}"),
        (exponent % 2 == 0, "an even exponent"),
    ):
        if unfit:
            raise UnfitKeyError(f"is an RSA key with {problem}")


def _check_secret(key: object) -> None:
    if not isinstance(key, bytes) or len(key) < MIN_SECRET_BYTES:
        raise UnfitKeyError(f"is shorter than {MIN_SECRET_BYTES} bytes")


def _r_and_s(signature: bytes) -> tuple[bytes, ...]:
    return signature[:32], signature[32:]


def _s(signature: bytes) -> tuple[bytes, ...]:
    return (signature[:31:-1],)  # little-endian (RFC 8032, section 5.1.6)


def _whole(signature: bytes) -> tuple[bytes, ...]:
    return (signature,)


def _none(_: bytes) -> tuple[bytes, ...]:
    return ()


ES256: Final = _row("ES256", _check_p256, _r_and_s, ("crv", "kty", "x", "y"))
EDDSA: Final = _row("EdDSA", _check_ed25519, _s, ("crv", "kty", "x"))
RS256: Final = _row("RS256", _check_rsa, _whole, ("e", "kty", "n"))
PS256: Final = _row("PS256", _check_rsa, _whole, ("e", "kty", "n"))
HS256: Final = _row("HS256", _check_secret, _none)

ALGORITHMS: Final = {one.name: one for one in (ES256, EDDSA, RS256, PS256, HS256)}


def algorithm_of(key: Any) -> SignatureAlgorithm:
    """Return the algorithm that a public key is for when nothing names one.

    Of the two for RSA it is RS256. Raises UnfitKeyError when there is none.
    """
    for kind, algorithm in (
        (EllipticCurvePublicKey, ES256),
        (Ed25519PublicKey, EDDSA),
        (RSAPublicKey, RS256),
    ):
        if isinstance(key, kind):
            return algorithm
    raise UnfitKeyError("is of a kind that signs no tokens; take P-256, Ed25519 or RSA")
