"""Keys are made once, survive restarts, and are never replaced in silence."""

import asyncio
import json
from dataclasses import replace
from datetime import timedelta

import pytest
from unit.adapters.forging import ACCESS, AUDIENCE, ENCRYPTION_KEYS, ISSUER, NOW, SYMMETRIC_KEY

from tokenauthority_server.adapters.jwt.algorithms import ES256, HS256
from tokenauthority_server.adapters.jwt.codec import TokenCodec
from tokenauthority_server.adapters.jwt.keyring import KeyRing
from tokenauthority_server.adapters.memory.clock import MemoryClock
from tokenauthority_server.adapters.memory.signing_keys import MemorySigningKeyStore
from tokenauthority_server.adapters.sealing import EncryptionKeys
from tokenauthority_server.adapters.signing_keys import (
    SigningKeyError,
    SigningKeyStore,
    StoredKey,
    load_keyring,
    make_signing_key,
    open_signing_key,
)
from tokenauthority_server.domain.errors import StoreUnavailableError
from tokenauthority_server.domain.keys import KeyState

CLOCK = MemoryClock(NOW)
NEW_KEY, OLD_KEY = b"\x11" * 32, bytes(range(32))
OTHER_KEYS = EncryptionKeys([NEW_KEY])


async def loaded(
    store: SigningKeyStore, keys: EncryptionKeys = ENCRYPTION_KEYS, algorithm: str = "ES256"
) -> KeyRing:
    ring = KeyRing(algorithm)
    await load_keyring(ring, store, keys, CLOCK)
    return ring


def codec_over(ring: KeyRing) -> TokenCodec:
    return TokenCodec(ring, issuer=ISSUER, audience=AUDIENCE)


class SlowerStore(MemorySigningKeyStore):
    """A store to which another replica adds its key just before this one does."""

    async def add_if_none_active(self, key: StoredKey) -> None:
        await super().add_if_none_active(make_signing_key(ES256, ENCRYPTION_KEYS, NOW))
        await super().add_if_none_active(key)


class AwayStore(MemorySigningKeyStore):
    """A store that cannot be asked."""

    async def load(self) -> list[StoredKey]:
        raise StoreUnavailableError("PostgreSQL")


async def test_the_first_start_makes_one_key_and_later_ones_find_it() -> None:
    store = MemorySigningKeyStore()
    first, second = await loaded(store), await loaded(store)
    (stored,) = store.keys
    assert first.current().signer().key_id == second.current().signer().key_id == stored.kid
    token = codec_over(first).sign(replace(ACCESS, key_id=""))
    assert codec_over(second).verify(token) == replace(ACCESS, key_id=stored.kid)


async def test_a_new_key_is_active_at_once() -> None:
    store = MemorySigningKeyStore()
    (published,) = (await loaded(store)).public_keys()
    (stored,) = store.keys
    assert (published.state, published.algorithm) == (KeyState.ACTIVE, "ES256")
    assert (published.activate_time, published.retire_time) == (NOW, None)
    assert (stored.create_time, stored.activate_time) == (NOW, NOW)
    assert stored.public_jwk == published.jwk
    assert json.loads(stored.public_jwk)["kid"] == stored.kid


async def test_of_replicas_that_start_together_all_sign_with_one_key() -> None:
    store = MemorySigningKeyStore()
    rings = await asyncio.gather(*(loaded(store) for _ in range(8)))
    assert len(store.keys) == 1
    assert {ring.current().signer().key_id for ring in rings} == {store.keys[0].kid}


async def test_a_replica_that_was_slower_takes_the_others_key() -> None:
    store = SlowerStore()
    ring = await loaded(store)
    (stored,) = store.keys
    assert ring.current().signer().key_id == stored.kid


async def test_hs256_needs_no_stored_key() -> None:
    store = MemorySigningKeyStore()
    ring = KeyRing("HS256", [replace(SYMMETRIC_KEY, state=KeyState.ACTIVE)])
    await load_keyring(ring, store, ENCRYPTION_KEYS, CLOCK)
    assert store.keys == []
    assert ring.current().signer().key_id == SYMMETRIC_KEY.key_id


@pytest.mark.parametrize("state", [KeyState.PREPARED, KeyState.RETIRED, KeyState.REVOKED])
async def test_a_key_in_another_state_is_kept_and_does_not_sign(state: KeyState) -> None:
    older = replace(make_signing_key(ES256, ENCRYPTION_KEYS, NOW), state=state)
    store = MemorySigningKeyStore([older])
    ring = await loaded(store)
    assert len(store.keys) == 2
    assert ring.current().keys.keys() == {one.kid for one in store.keys}
    assert ring.current().signer().key_id == store.keys[1].kid
    assert ring.current().keys[older.kid].state is state


async def test_loading_again_brings_what_has_changed() -> None:
    store = MemorySigningKeyStore()
    ring = await loaded(store)
    first = ring.current().signer().key_id
    store.keys = [
        replace(store.keys[0], state=KeyState.RETIRED, retire_time=NOW + timedelta(days=1)),
        make_signing_key(ES256, ENCRYPTION_KEYS, NOW + timedelta(days=1)),
    ]
    await load_keyring(ring, store, ENCRYPTION_KEYS, CLOCK)
    assert ring.current().signer().key_id == store.keys[1].kid != first
    assert [one.key_id for one in ring.public_keys()] == [store.keys[1].kid, first]
    assert ring.public_keys()[1].retire_time == NOW + timedelta(days=1)


async def test_a_key_survives_a_change_of_the_first_encryption_key() -> None:
    store = MemorySigningKeyStore()
    before = await loaded(store, EncryptionKeys([OLD_KEY]))
    after = await loaded(store, EncryptionKeys([NEW_KEY, OLD_KEY]))
    assert after.current().signer().key_id == before.current().signer().key_id
    assert len(store.keys) == 1


@pytest.mark.parametrize("state", list(KeyState))
async def test_a_key_that_nothing_opens_is_an_error_and_never_a_new_key(state: KeyState) -> None:
    stored = replace(make_signing_key(ES256, OTHER_KEYS, NOW), state=state)
    store = MemorySigningKeyStore([stored])
    ring = KeyRing("ES256")
    with pytest.raises(SigningKeyError) as refusal:
        await load_keyring(ring, store, ENCRYPTION_KEYS, CLOCK)
    assert stored.kid in str(refusal.value)
    assert "KEY_ENCRYPTION_KEY" in str(refusal.value)
    assert store.keys == [stored]
    with pytest.raises(StoreUnavailableError):
        ring.current()


async def test_an_error_leaves_the_ring_as_it_was() -> None:
    ring = await loaded(MemorySigningKeyStore())
    former = ring.current()
    stranger = MemorySigningKeyStore([make_signing_key(ES256, OTHER_KEYS, NOW)])
    with pytest.raises(SigningKeyError):
        await load_keyring(ring, stranger, ENCRYPTION_KEYS, CLOCK)
    with pytest.raises(StoreUnavailableError):
        await load_keyring(ring, AwayStore(), ENCRYPTION_KEYS, CLOCK)
    assert ring.current() is former


async def test_a_key_of_a_later_version_is_an_error_that_says_so() -> None:
    stored = replace(make_signing_key(ES256, ENCRYPTION_KEYS, NOW), algorithm="ML-DSA-44")
    with pytest.raises(SigningKeyError, match="for ML-DSA-44, which this version does not know"):
        await loaded(MemorySigningKeyStore([stored]))


def test_a_sealed_key_belongs_to_its_id_and_its_algorithm() -> None:
    one, other = (make_signing_key(ES256, ENCRYPTION_KEYS, NOW) for _ in range(2))
    assert open_signing_key(one, ENCRYPTION_KEYS).key_id == one.kid
    for moved in (replace(one, kid=other.kid), replace(one, algorithm="HS256")):
        with pytest.raises(SigningKeyError):
            open_signing_key(moved, ENCRYPTION_KEYS)


def test_nobody_brings_in_a_key_by_writing_to_the_table() -> None:
    ours, theirs = (
        make_signing_key(ES256, ENCRYPTION_KEYS, NOW),
        make_signing_key(ES256, OTHER_KEYS, NOW),
    )
    with pytest.raises(SigningKeyError):
        open_signing_key(theirs, ENCRYPTION_KEYS)
    opened = open_signing_key(replace(ours, public_jwk=theirs.public_jwk), ENCRYPTION_KEYS)
    their_signature = open_signing_key(theirs, OTHER_KEYS).sign(b"message")
    assert not opened.verify(b"message", their_signature)
    assert opened.jwk == ours.public_jwk


@pytest.mark.parametrize("damage", [b"", b"\x01", b"\x01" * 200])
def test_a_damaged_key_is_an_error(damage: bytes) -> None:
    stored = make_signing_key(ES256, ENCRYPTION_KEYS, NOW)
    with pytest.raises(SigningKeyError):
        open_signing_key(replace(stored, sealed_private_key=damage), ENCRYPTION_KEYS)


def test_a_symmetric_algorithm_has_nothing_to_store() -> None:
    with pytest.raises(ValueError, match="HS256 has no key pairs"):
        make_signing_key(HS256, ENCRYPTION_KEYS, NOW)


def test_the_private_key_is_neither_stored_in_clear_nor_shown() -> None:
    stored = make_signing_key(ES256, ENCRYPTION_KEYS, NOW)
    assert "sealed" not in repr(stored)
    assert '"d"' not in stored.public_jwk
    # An unsealed private key in DER begins with the version and names its algorithm.
    assert bytes.fromhex("06072a8648ce3d0201") not in stored.sealed_private_key


class Lagging(MemorySigningKeyStore):
    """A store whose answers do not have yet what was just added."""

    async def load(self) -> list[StoredKey]:
        return []


async def test_no_ring_without_a_key_that_signs() -> None:
    ring = KeyRing("ES256")
    with pytest.raises(StoreUnavailableError):
        await load_keyring(ring, Lagging(), ENCRYPTION_KEYS, CLOCK)
    with pytest.raises(StoreUnavailableError):
        ring.current()
