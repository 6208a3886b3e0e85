"""Keys of every algorithm, with both halves at hand."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from tokenauthority_tokens import jwk
from tokenauthority_tokens.algorithms import ALGORITHMS
from tokenauthority_tokens.keys import VerifyingKey

SECRET: Final = b"0123456789abcdef0123456789abcdef"
SYMMETRIC_KEY_ID: Final = "symmetric"

_MAKE: Final[Mapping[str, Callable[[], Any]]] = {
    "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate,
    "RS256": lambda: rsa.generate_private_key(public_exponent=65537, key_size=2048),
    "PS256": lambda: rsa.generate_private_key(public_exponent=65537, key_size=2048),
    "HS256": lambda: SECRET,
}


@dataclass(frozen=True, slots=True)
class KeyPair:
    """`private` signs what `verifying` verifies; of HS256 they are the same."""

    verifying: VerifyingKey
    private: Any

    @property
    def algorithm(self) -> str:
        return self.verifying.algorithm.name

    @property
    def key_id(self) -> str:
        return self.verifying.key_id

    def sign(self, message: bytes) -> bytes:
        return self.verifying.algorithm.scheme.sign(message, self.private)


def make_pair(name: str, private: Any = None) -> KeyPair:
    """A pair of the private key, or a new one."""
    algorithm = ALGORITHMS[name]
    private = private or _MAKE[name]()
    public = private if algorithm.is_symmetric else private.public_key()
    key_id = SYMMETRIC_KEY_ID if algorithm.is_symmetric else jwk.thumbprint(public, algorithm)
    return KeyPair(VerifyingKey(key_id=key_id, algorithm=algorithm, key=public), private)


@cache
def pair_of(name: str) -> KeyPair:
    """The pair of the algorithm, one and the same each time: an RSA key takes long to find."""
    return make_pair(name)
