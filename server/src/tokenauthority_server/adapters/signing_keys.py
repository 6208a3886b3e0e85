"""Signing keys as they are stored: made, sealed, opened, and brought into the ring."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Protocol

from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
)

from tokenauthority_server.adapters.jwt.algorithms import ALGORITHMS, SignatureAlgorithm
from tokenauthority_server.adapters.jwt.keyring import KeyRing
from tokenauthority_server.adapters.jwt.keys import TokenKey, public_jwk
from tokenauthority_server.adapters.sealing import EncryptionKeys, UnsealError
from tokenauthority_server.domain.errors import StartError, StoreUnavailableError
from tokenauthority_server.domain.keys import KeyState
from tokenauthority_server.domain.ports import Clock

_LABEL: Final = "signing keys"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredKey:
    """A row of the table of signing keys.

    `public_jwk` is for whoever reads the table. The ring takes the public key from the sealed
    private one, so that nobody brings in a key by writing to the table alone.
    """

    kid: str
    algorithm: str
    public_jwk: str
    sealed_private_key: bytes = field(repr=False)
    state: KeyState
    create_time: datetime
    activate_time: datetime | None = None
    retire_time: datetime | None = None


class SigningKeyStore(Protocol):
    """The table of signing keys. Both methods raise StoreUnavailableError."""

    async def load(self) -> Sequence[StoredKey]:
        """Return all keys. May be asked again after a failure."""
        ...

    async def add_if_none_active(self, key: StoredKey) -> None:
        """Add the key unless one of its algorithm is active.

        Atomic: of any number of replicas that start at once, one adds its key.
        """
        ...


class SigningKeyError(StartError):
    """A stored signing key cannot be used; the text names it and says what to do."""

    exit_code = 2


async def load_keyring(
    ring: KeyRing, store: SigningKeyStore, keys: EncryptionKeys, clock: Clock
) -> None:
    """Fill the ring from the store; to be called again whenever the store may have changed.

    When no key of the ring's algorithm is active one is made, unless another replica was faster.
    Raises StoreUnavailableError, and SigningKeyError when any stored key cannot be opened: then no
    key was made and the ring is as it was.
    """
    algorithm = ALGORITHMS[ring.algorithm]
    opened = [open_signing_key(one, keys) for one in await store.load()]
    if algorithm.generate and not any(_signs(one, algorithm) for one in opened):
        await store.add_if_none_active(make_signing_key(algorithm, keys, clock.now()))
        opened = [open_signing_key(one, keys) for one in await store.load()]
        if not any(_signs(one, algorithm) for one in opened):
            raise StoreUnavailableError("the signing key that was just made")
    ring.replace(opened)


def make_signing_key(
    algorithm: SignatureAlgorithm, keys: EncryptionKeys, now: datetime
) -> StoredKey:
    """Return a new key, active from now on; raise ValueError for a symmetric algorithm."""
    if algorithm.generate is None:
        raise ValueError(f"{algorithm.name} has no key pairs")
    private = algorithm.generate()
    kid, jwk = public_jwk(private, algorithm)
    der = private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    return StoredKey(
        kid=kid,
        algorithm=algorithm.name,
        public_jwk=jwk,
        sealed_private_key=keys.sealer(_LABEL).seal(der, _context(kid, algorithm.name)),
        state=KeyState.ACTIVE,
        create_time=now,
        activate_time=now,
    )


def open_signing_key(stored: StoredKey, keys: EncryptionKeys) -> TokenKey:
    """Return the key for the ring; raise SigningKeyError."""
    algorithm = ALGORITHMS.get(stored.algorithm)
    if algorithm is None:
        raise SigningKeyError(
            f"The signing key {stored.kid} is for {stored.algorithm}, which this version does not "
            "know. Start the version that made the key, or a later one."
        )
    context = _context(stored.kid, stored.algorithm)
    try:
        der = keys.sealer(_LABEL).open(stored.sealed_private_key, context)
    except UnsealError as error:
        raise SigningKeyError(
            f"The signing key {stored.kid} cannot be opened: no key in KEY_ENCRYPTION_KEY is the "
            "one that sealed it. Add that one to the end of the list (the first key seals, all of "
            "them open)."
        ) from error
    # What opens was sealed by us for this id and algorithm, so neither needs another look.
    private = load_der_private_key(der, password=None)
    return TokenKey(
        key_id=stored.kid,
        algorithm=algorithm,
        state=stored.state,
        jwk=public_jwk(private, algorithm)[1],
        create_time=stored.create_time,
        activate_time=stored.activate_time,
        retire_time=stored.retire_time,
        signing=private,
        verifying=private.public_key(),
    )


def _signs(key: TokenKey, algorithm: SignatureAlgorithm) -> bool:
    return key.state is KeyState.ACTIVE and key.algorithm is algorithm


def _context(kid: str, algorithm: str) -> bytes:
    return f"{algorithm} {kid}".encode()
