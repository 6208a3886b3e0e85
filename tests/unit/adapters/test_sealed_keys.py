"""Keys are made, sealed, and opened only as what they were made for."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tokenauthority_server.adapters.sealing import EncryptionKeys
from tokenauthority_server.adapters.signing_keys.material import (
    KEY_PAIR_ALGORITHMS,
    SealedKeys,
)
from tokenauthority_server.domain.errors import SigningKeyError
from tokenauthority_server.domain.key_ports import KeyMaker
from tokenauthority_server.domain.keys import KeyMaterial, KeyState, SigningKey, StoredKey
from tokenauthority_tokens import jwk

NOW = datetime(2026, 1, 1, tzinfo=UTC)
NEW_KEY, OLD_KEY = b"\x11" * 31 + b"\x12", bytes(range(32))
OURS, THEIRS = SealedKeys(EncryptionKeys([OLD_KEY])), SealedKeys(EncryptionKeys([NEW_KEY]))
MAKER: KeyMaker = OURS


def stored(material: KeyMaterial, state: KeyState = KeyState.ACTIVE) -> StoredKey:
    return StoredKey(
        key=SigningKey(
            key_id=material.key_id,
            algorithm=material.algorithm,
            state=state,
            create_time=NOW,
            activate_time=NOW,
            last_expire_time=NOW + timedelta(days=8),
        ),
        material=material,
    )


@pytest.mark.parametrize("algorithm", KEY_PAIR_ALGORITHMS)
async def test_what_a_key_signs_its_published_half_verifies(algorithm: str) -> None:
    material = await MAKER.make(algorithm)
    opened = OURS.open(stored(material))
    published = jwk.public_key(material.public_jwk)
    assert (published.key_id, published.algorithm.name) == (material.key_id, algorithm)
    assert published.verify(b"message", opened.sign(b"message"))
    assert opened.jwk == material.public_jwk
    assert material.key_id == jwk.thumbprint(published.key, published.algorithm)


async def test_a_key_is_as_the_store_says() -> None:
    material = await MAKER.make("ES256")
    for state in KeyState:
        opened = OURS.open(stored(material, state))
        assert (opened.state, opened.create_time, opened.activate_time) == (state, NOW, NOW)
        assert opened.verifying.revoked is (state is KeyState.REVOKED)
        assert opened.signs_until == (NOW + timedelta(days=8)).timestamp()


async def test_no_two_keys_are_alike() -> None:
    one, other = await MAKER.make("ES256"), await MAKER.make("ES256")
    assert one.key_id != other.key_id


async def test_a_key_that_nothing_opens_is_an_error_that_names_it() -> None:
    material = await THEIRS.make("ES256")
    with pytest.raises(SigningKeyError) as refusal:
        OURS.open(stored(material))
    assert material.key_id in str(refusal.value)
    assert "KEY_ENCRYPTION_KEY" in str(refusal.value)


async def test_a_key_of_a_later_version_is_an_error_that_says_so() -> None:
    one = stored(await MAKER.make("ES256"))
    later = replace(one, key=replace(one.key, algorithm="ML-DSA-44"))
    with pytest.raises(SigningKeyError, match="for ML-DSA-44, which this version does not know"):
        OURS.open(later)


async def test_a_sealed_key_belongs_to_its_id_and_its_algorithm() -> None:
    one, other = await MAKER.make("ES256"), await MAKER.make("ES256")
    for moved in (replace(one, key_id=other.key_id), replace(one, algorithm="HS256")):
        with pytest.raises(SigningKeyError):
            OURS.open(stored(moved))


async def test_nobody_brings_in_a_key_by_writing_to_the_table() -> None:
    ours, theirs = await OURS.make("ES256"), await THEIRS.make("ES256")
    opened = OURS.open(stored(replace(ours, public_jwk=theirs.public_jwk)))
    their_signature = THEIRS.open(stored(theirs)).sign(b"message")
    assert not opened.verifying.verify(b"message", their_signature)
    assert opened.jwk == ours.public_jwk


@pytest.mark.parametrize("damage", [b"", b"\x01", b"\x01" * 200])
async def test_a_damaged_key_is_an_error(damage: bytes) -> None:
    material = await MAKER.make("ES256")
    with pytest.raises(SigningKeyError):
        OURS.open(stored(replace(material, sealed_private_key=damage)))


async def test_a_key_is_sealed_anew_by_the_first_encryption_key_and_once() -> None:
    former = await OURS.make("ES256")
    both = SealedKeys(EncryptionKeys([NEW_KEY, OLD_KEY]))
    anew = both.reseal(former)
    assert anew is not None
    assert (anew.key_id, anew.public_jwk) == (former.key_id, former.public_jwk)
    assert THEIRS.open(stored(anew)).jwk == former.public_jwk
    assert both.reseal(anew) is None
    with pytest.raises(SigningKeyError):
        OURS.open(stored(anew))
    with pytest.raises(SigningKeyError):
        THEIRS.reseal(former)


async def test_the_private_key_is_neither_stored_in_clear_nor_shown() -> None:
    material = await MAKER.make("ES256")
    assert "sealed" not in repr(stored(material))
    assert "d" not in json.loads(material.public_jwk)
    # An unsealed private key in DER begins with the version and names its algorithm.
    assert bytes.fromhex("06072a8648ce3d0201") not in material.sealed_private_key
    assert "signing" not in repr(OURS.open(stored(material)))
    assert "1112" not in repr(THEIRS)
