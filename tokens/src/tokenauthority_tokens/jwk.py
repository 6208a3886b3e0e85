"""Public keys as JSON Web Keys (RFC 7517), read strictly and written canonically."""

import hashlib
from collections.abc import Mapping
from typing import Any, Final

from jwt.exceptions import InvalidKeyError

from tokenauthority_tokens import base64url, strict_json
from tokenauthority_tokens.algorithms import (
    ALGORITHMS,
    EDDSA,
    ES256,
    RS256,
    SignatureAlgorithm,
    UnfitKeyError,
)
from tokenauthority_tokens.keys import VerifyingKey

MAX_JWK_BYTES: Final = 16 * 1024

_OF_KIND: Final = {"EC": ES256, "OKP": EDDSA, "RSA": RS256}

PRIVATE_MEMBERS: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
"""Those that nobody but the owner of a key may see (RFC 7518, section 6)."""


def public_key(text: str) -> VerifyingKey:
    """Return the key of a JWK as GetPublicKeys and jwks.json publish it.

    Raises UnfitKeyError for a JWK that is none, has no `kid` of printable ASCII, names another use
    than verifying signatures, or holds anything private.
    """
    members = read(text.encode("utf-8", "surrogatepass"))
    if members.keys() & PRIVATE_MEMBERS:
        raise UnfitKeyError("is not a public key: it holds private members")
    key_id = members.get("kid")
    if not isinstance(key_id, str) or not key_id:
        raise UnfitKeyError("has no kid")
    if not (key_id.isascii() and key_id.isprintable()):
        raise UnfitKeyError("has a kid that is not printable ASCII")
    algorithm = algorithm_of(members, "verify")
    return VerifyingKey(key_id=key_id, algorithm=algorithm, key=load(members, algorithm))


def read(data: bytes) -> Mapping[str, Any]:
    """Return the members of a JWK; raise UnfitKeyError when it is no JSON object."""
    if len(data) > MAX_JWK_BYTES:
        raise UnfitKeyError(f"has more than {MAX_JWK_BYTES} bytes")
    try:
        return strict_json.loads(data)
    except ValueError:
        raise UnfitKeyError("is not one JSON object, with each member once") from None


def algorithm_of(members: Mapping[str, Any], operation: str) -> SignatureAlgorithm:
    """Return the algorithm that the JWK is for; raise UnfitKeyError unless it allows `operation`.

    `alg` names it; without one it goes by the kind of key. `use` and `key_ops` (RFC 7517, sections
    4.2 and 4.3) may say what the key is for, and then it is for nothing else.
    """
    if members.get("use", "sig") != "sig":
        raise UnfitKeyError("is not for signatures: its use is not sig")
    operations = members.get("key_ops", [operation])
    if not isinstance(operations, list) or operation not in operations:
        raise UnfitKeyError(f"is not for this: its key_ops do not have {operation}")
    of_kind = _OF_KIND.get(str(members.get("kty")))
    if of_kind is None:
        raise UnfitKeyError("has a kty that is not EC, OKP or RSA")
    algorithm = ALGORITHMS.get(str(members.get("alg", of_kind.name)))
    if algorithm is None or algorithm.thumbprint_members != of_kind.thumbprint_members:
        raise UnfitKeyError("has an alg that is not for its kty, or that is not known here")
    return algorithm


def load(members: Mapping[str, Any], algorithm: SignatureAlgorithm) -> Any:
    """Return the public key of a JWK, whatever else stands in it; raise UnfitKeyError.

    A key has one spelling here. Of another one the library would skip what it does not know, and a
    damaged key could pass for a different one.
    """
    try:
        taken = {name: members[name] for name in algorithm.thumbprint_members}
        key = algorithm.scheme.from_jwk(dict(taken))
        is_canonical = _public_members(key, algorithm) == taken
    except (InvalidKeyError, ValueError, TypeError, KeyError):
        is_canonical = False
    if not is_canonical:
        raise UnfitKeyError(f"is no {algorithm.name} key that can be read")
    return key


def thumbprint(key: Any, algorithm: SignatureAlgorithm) -> str:
    """Return the RFC 7638 thumbprint of a public key."""
    members = strict_json.dumps(_public_members(key, algorithm))
    return base64url.encode(hashlib.sha256(members).digest())


def write(key: Any, algorithm: SignatureAlgorithm, key_id: str) -> str:
    """Return the public key as the JSON text of its JWK; nothing private is ever in it."""
    members = _public_members(key, algorithm)
    jwk = {**members, "kid": key_id, "alg": algorithm.name, "use": "sig"}
    return strict_json.dumps(jwk).decode()


def _public_members(key: Any, algorithm: SignatureAlgorithm) -> dict[str, object]:
    """Return what makes the key, in the order of its thumbprint."""
    members = algorithm.scheme.to_jwk(key, as_dict=True)
    return {name: members[name] for name in algorithm.thumbprint_members}
