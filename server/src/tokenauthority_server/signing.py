"""All that has to do with signing keys, wired: for the server, and for `tokenauthority keys`."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tokenauthority_server.adapters.jwt.keyring import KeyRing
from tokenauthority_server.adapters.jwt.keys import TokenKey, symmetric_key
from tokenauthority_server.adapters.postgres.database import Database
from tokenauthority_server.adapters.postgres.signing_keys import PostgresSigningKeyStore
from tokenauthority_server.adapters.sealing import EncryptionKeys
from tokenauthority_server.adapters.signing_keys.folder import KeyFolder
from tokenauthority_server.adapters.signing_keys.following import KeyFollower
from tokenauthority_server.adapters.signing_keys.material import (
    KEY_PAIR_ALGORITHMS,
    SealedKeys,
)
from tokenauthority_server.config import Settings
from tokenauthority_server.domain.keys import KeyState, KeyTerms
from tokenauthority_server.domain.ports import Propagation
from tokenauthority_server.services.key_rotation import KeyRotation
from tokenauthority_server.services.signing_keys import SigningKeys


@dataclass(frozen=True, slots=True, kw_only=True)
class Signing:
    """The ring of this process, and what keeps it current."""

    ring: KeyRing
    follower: KeyFollower
    rotation: KeyRotation

    async def load(self) -> None:
        """Return when there is a key that signs; raise what KeyRotation.tick raises."""
        await self.rotation.tick()
        self.ring.current().signer()


def signing(settings: Settings, database: Database, encryption_keys: EncryptionKeys) -> Signing:
    """Return it, with nothing loaded yet; raise SigningKeyError when a folder of keys is bad."""
    store, sealed = PostgresSigningKeyStore(database), SealedKeys(encryption_keys)
    algorithm = made_here(settings)
    ring = KeyRing(settings.jwt_algorithm, stored_keys_sign=bool(algorithm))
    follower = KeyFollower(ring, store, sealed, _configured_keys(settings))
    rotation = KeyRotation(
        store=store,
        maker=sealed,
        updates=follower,
        algorithm=algorithm or None,
        terms=_terms(settings),
    )
    return Signing(ring=ring, follower=follower, rotation=rotation)


def signing_keys(
    settings: Settings,
    database: Database,
    encryption_keys: EncryptionKeys,
    propagation: Propagation,
) -> SigningKeys:
    """Return what administrators do with keys. A folder of keys is not looked at."""
    return SigningKeys(
        store=PostgresSigningKeyStore(database),
        maker=SealedKeys(encryption_keys),
        propagation=propagation,
        algorithm=made_here(settings),
        algorithms=KEY_PAIR_ALGORITHMS,
        terms=_terms(settings),
    )


def made_here(settings: Settings) -> str:
    """Return the algorithm whose keys are made here, and sign; "" where a setting brings them."""
    of_pairs = settings.jwt_algorithm in KEY_PAIR_ALGORITHMS and not settings.signing_keys_dir
    return settings.jwt_algorithm if of_pairs else ""


def _terms(settings: Settings) -> KeyTerms:
    return KeyTerms(rotate_after=settings.key_rotation, longest=settings.longest_token_lifetime)


def _configured_keys(settings: Settings) -> Callable[[], Sequence[TokenKey]]:
    if settings.signing_keys_dir:
        folder = KeyFolder(settings.signing_keys_dir, settings.jwt_algorithm)
        folder.read()
        return folder.current
    if settings.jwt_algorithm == "HS256":
        secret = settings.jwt_secret_key.get_secret_value().encode()
        key = symmetric_key(secret, KeyState.ACTIVE)
        return lambda: (key,)
    return tuple
