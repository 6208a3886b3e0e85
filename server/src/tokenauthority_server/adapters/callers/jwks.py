"""The keys of a Kubernetes cluster, as its API server publishes them (RFC 7517, section 5)."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tokenauthority_server.adapters.mounted_files import read_content, shown, unreadable
from tokenauthority_tokens import jwk, strict_json
from tokenauthority_tokens.algorithms import UnfitKeyError
from tokenauthority_tokens.keys import VerifyingKey

ALGORITHMS: Final = frozenset({"RS256", "ES256"})
"""What API servers sign with. Keys for others are passed over."""

MAX_JWKS_BYTES: Final = 256 * 1024


@dataclass(frozen=True, slots=True)
class Jwks:
    """The keys by their ids, and the SHA-256 of the file that they are from."""

    keys: Mapping[str, VerifyingKey]
    digest: bytes


def read_jwks(path: Path) -> Jwks:
    """Return the keys of a file; raise ValueError, whose text goes behind the setting's name."""
    name = shown(path)
    try:
        content = read_content(path, MAX_JWKS_BYTES)
    except OSError as error:
        raise ValueError(unreadable(name, error)) from None
    except ValueError as error:
        raise ValueError(f"{name} {error}") from None
    try:
        listed = strict_json.loads(content).get("keys")
    except ValueError:
        listed = None
    if not isinstance(listed, list):
        raise ValueError(  # noqa: TRY004 - what was read is wrong, no caller is
            f"{name} is no JSON Web Key Set. Take it from the cluster: "
            "kubectl get --raw /openid/v1/jwks"
        )
    keys: dict[str, VerifyingKey] = {}
    for number, one in enumerate(listed, 1):
        try:
            key = _key(one)
        except UnfitKeyError as error:
            raise ValueError(f"{name}: key {number} {error}") from None
        if key is None:
            continue
        if key.key_id in keys:
            raise ValueError(f"{name}: key {number} has the kid of another one")
        keys[key.key_id] = key
    if not keys:
        raise ValueError(f"{name} holds no key for {' or '.join(sorted(ALGORITHMS))}")
    return Jwks(keys, hashlib.sha256(content).digest())


def _key(found: Any) -> VerifyingKey | None:
    # The reader leaves an object in a list as pairs: written again, it is read as any JWK is.
    pairs = found if isinstance(found, tuple) else ()
    if str(dict(pairs).get("alg", "RS256")) not in ALGORITHMS:
        return None
    if len(dict(pairs)) != len(pairs):
        raise UnfitKeyError("has a member twice")
    return jwk.public_key(json.dumps(dict(pairs)))
