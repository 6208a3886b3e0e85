"""The keys of the fuzzing: always the same, so that what was found can be looked at again."""

from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from support.example_keys import (
    RFC_7515_A_1_SECRET,
    RFC_7515_A_2_PRIVATE,
    RFC_7515_A_3_PRIVATE,
    RFC_8037_A_1_PRIVATE,
)
from support.key_pairs import KeyPair

from tokenauthority_tokens import base64url
from tokenauthority_tokens.algorithms import ALGORITHMS
from tokenauthority_tokens.keys import KeySet, VerifyingKey

_PRIVATE: Final[dict[str, Any]] = {
    "ES256": ALGORITHMS["ES256"].scheme.from_jwk(dict(RFC_7515_A_3_PRIVATE)),
    "EdDSA": ALGORITHMS["EdDSA"].scheme.from_jwk(dict(RFC_8037_A_1_PRIVATE)),
    # One and the same for both, as nobody should: what would take one for the other is found.
    "RS256": ALGORITHMS["RS256"].scheme.from_jwk(dict(RFC_7515_A_2_PRIVATE)),
    "PS256": ALGORITHMS["PS256"].scheme.from_jwk(dict(RFC_7515_A_2_PRIVATE)),
    "HS256": base64url.decode(RFC_7515_A_1_SECRET),
}


def _pair(name: str, private: PrivateKeyTypes | bytes) -> KeyPair:
    public = private if isinstance(private, bytes) else private.public_key()
    return KeyPair(VerifyingKey(key_id=name, algorithm=ALGORITHMS[name], key=public), private)


PAIRS: Final = {name: _pair(name, private) for name, private in _PRIVATE.items()}
KEYS: Final = KeySet.of(pair.verifying for pair in PAIRS.values())
