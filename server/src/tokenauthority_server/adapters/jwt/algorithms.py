"""The signature algorithms (RFC 7518, section 3). A new one is a new row of the table."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from jwt import get_algorithm_by_name
from jwt.algorithms import Algorithm


@dataclass(frozen=True, slots=True, kw_only=True)
class SignatureAlgorithm:
    """An algorithm by its name in a token's header.

    `scheme` signs and verifies. `generate` makes a private key, and `thumbprint_members` are those
    of its public JWK that RFC 7638 takes, in their order; a symmetric algorithm has neither.
    """

    name: str
    scheme: Algorithm
    signature_bytes: int
    generate: Callable[[], PrivateKeyTypes] | None = None
    thumbprint_members: tuple[str, ...] = ()


def _p256_key() -> PrivateKeyTypes:
    return ec.generate_private_key(ec.SECP256R1())


ES256: Final = SignatureAlgorithm(
    name="ES256",
    scheme=get_algorithm_by_name("ES256"),
    signature_bytes=64,
    generate=_p256_key,
    thumbprint_members=("crv", "kty", "x", "y"),
)
HS256: Final = SignatureAlgorithm(
    name="HS256", scheme=get_algorithm_by_name("HS256"), signature_bytes=32
)

ALGORITHMS: Final = {algorithm.name: algorithm for algorithm in (ES256, HS256)}
