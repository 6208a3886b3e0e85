"""Signing keys as they are stored: made, sealed, and opened for the ring."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
)

from tokenauthority_server.adapters.jwt.keys import TokenKey
from tokenauthority_server.adapters.sealing import EncryptionKeys, UnsealError
from tokenauthority_server.domain.errors import SigningKeyError
from tokenauthority_server.domain.keys import KeyMaterial, KeyState, StoredKey
from tokenauthority_tokens import jwk
from tokenauthority_tokens.algorithms import ALGORITHMS, UnfitKeyError
from tokenauthority_tokens.keys import VerifyingKey

_LABEL: Final = "signing keys"

# The keys live for months at the most, so that RSA's smallest fit size will do: a longer one signs
# at half the rate.
_RSA_BITS: Final = 2048


def _rsa_key() -> Any:
    return rsa.generate_private_key(public_exponent=65537, key_size=_RSA_BITS)


_GENERATE: Final[Mapping[str, Callable[[], Any]]] = {
    "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate,
    "RS256": _rsa_key,
    "PS256": _rsa_key,
}

KEY_PAIR_ALGORITHMS: Final = tuple(_GENERATE)
"""The algorithms whose keys are made and kept here."""


class SealedKeys:
    """The port KeyMaker, over KEY_ENCRYPTION_KEY."""

    def __init__(self, keys: EncryptionKeys) -> None:
        self._sealer = keys.sealer(_LABEL)

    async def make(self, algorithm: str) -> KeyMaterial:
        """See KeyMaker.make."""
        # An RSA key takes a tenth of a second and more to find.
        return await asyncio.to_thread(self._make, algorithm)

    def prove(self, keys: Sequence[StoredKey]) -> None:
        """See KeyMaker.prove."""
        for one in keys:
            if one.key.state is not KeyState.REVOKED:
                self._unseal(one.material)

    def reseal(self, material: KeyMaterial) -> KeyMaterial | None:
        """See KeyMaker.reseal."""
        private = self._unseal(material)
        context = _context(material)
        if self._sealer.is_current(material.sealed_private_key, context):
            return None
        return replace(material, sealed_private_key=self._sealer.seal(private, context))

    def open(self, stored: StoredKey) -> TokenKey:
        """Return the key for the ring; raise SigningKeyError.

        The public key is taken from the sealed private one, so that nobody brings in a key by
        writing to the table alone. Of a revoked key, which is only to be recognised, the private
        half is left as it is.
        """
        key, algorithm = stored.key, ALGORITHMS.get(stored.key.algorithm)
        if algorithm is None:
            raise SigningKeyError(
                f"The signing key {key.key_id} is for {key.algorithm}, which this version does not "
                "know. Start the version that made the key, or a later one."
            )
        private = None if key.state is KeyState.REVOKED else self._private(stored.material)
        public = private.public_key() if private else _published(stored.material)
        verifying = VerifyingKey(
            key_id=key.key_id,
            algorithm=algorithm,
            key=public,
            revoked=key.state is KeyState.REVOKED,
        )
        return TokenKey(
            verifying=verifying,
            state=key.state,
            jwk=jwk.write(verifying.key, algorithm, key.key_id),
            create_time=key.create_time,
            activate_time=key.activate_time,
            retire_time=key.retire_time,
            signs_until=key.last_expire_time.timestamp(),
            signing=private,
        )

    def _private(self, material: KeyMaterial) -> Any:
        # What opens was sealed by us for this id and algorithm, so neither needs another look; and
        # to look at an RSA key again would hold up everything for a tenth of a second.
        return load_der_private_key(
            self._unseal(material), password=None, unsafe_skip_rsa_key_validation=True
        )

    def _make(self, name: str) -> KeyMaterial:
        algorithm = ALGORITHMS[name]
        private = _GENERATE[name]()
        public = private.public_key()
        key_id = jwk.thumbprint(public, algorithm)
        der = private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        unsealed = KeyMaterial(
            key_id=key_id,
            algorithm=name,
            public_jwk=jwk.write(public, algorithm, key_id),
            sealed_private_key=b"",
        )
        return replace(unsealed, sealed_private_key=self._sealer.seal(der, _context(unsealed)))

    def _unseal(self, material: KeyMaterial) -> bytes:
        try:
            return self._sealer.open(material.sealed_private_key, _context(material))
        except UnsealError as error:
            raise SigningKeyError(
                f"The signing key {material.key_id} cannot be opened: no key in KEY_ENCRYPTION_KEY "
                "is the one that sealed it. Add that one to the end of the list (the first key "
                "seals, all of them open)."
            ) from error


def _published(material: KeyMaterial) -> Any:
    try:
        return jwk.public_key(material.public_jwk).key
    except UnfitKeyError as error:
        raise SigningKeyError(f"The signing key {material.key_id} {error}.") from None


def _context(material: KeyMaterial) -> bytes:
    return f"{material.algorithm} {material.key_id}".encode()
