"""Signing keys as the conformance suites make them, and the steps of their life."""

from datetime import timedelta

from support.asking import ORIGIN
from support.stores import Stores

from tokenauthority_server.domain.keys import KeyMaterial, KeyState, KeyTerms, SigningKey

TERMS = KeyTerms(rotate_after=timedelta(days=30), longest=timedelta(days=7))
PUBLISHED = TERMS.published_for
SECOND = timedelta(seconds=1)
PREPARED, ACTIVE = KeyState.PREPARED, KeyState.ACTIVE
RETIRED, REVOKED = KeyState.RETIRED, KeyState.REVOKED


def material(key_id: str, algorithm: str = "ES256") -> KeyMaterial:
    return KeyMaterial(
        key_id=key_id,
        algorithm=algorithm,
        public_jwk=f'{{"kid":"{key_id}"}}',
        sealed_private_key=b"\x00sealed " + key_id.encode() + b"\xff",
    )


async def prepare(stores: Stores, key_id: str, algorithm: str = "ES256") -> SigningKey:
    return await stores.keys.prepare(material(key_id, algorithm), TERMS, ORIGIN)


async def supply(stores: Stores, *key_ids: str, algorithm: str = "ES256") -> bool:
    made = [material(key_id, algorithm) for key_id in key_ids]
    return await stores.keys.supply(made, TERMS, ORIGIN)


async def activate(
    stores: Stores, key_id: str | None = None, algorithm: str = "ES256"
) -> SigningKey:
    return await stores.keys.activate(algorithm, key_id, TERMS, ORIGIN)


async def rotate_keys(stores: Stores, algorithm: str = "ES256") -> bool:
    return await stores.keys.rotate(algorithm, TERMS, ORIGIN)


async def retire(stores: Stores, key_id: str, in_use: tuple[str, ...] = ("ES256",)) -> SigningKey:
    return await stores.keys.retire(key_id, in_use, ORIGIN)


async def revoke(
    stores: Stores, key_id: str, replacement: str = "spare"
) -> tuple[SigningKey, int | None]:
    return await stores.keys.revoke(key_id, material(replacement), TERMS, ORIGIN)


async def key_of(stores: Stores, key_id: str) -> SigningKey:
    (key,) = [one.key for one in (await stores.keys.load()).keys if one.key.key_id == key_id]
    return key


async def states(stores: Stores) -> dict[str, KeyState]:
    return {one.key.key_id: one.key.state for one in (await stores.keys.load()).keys}
