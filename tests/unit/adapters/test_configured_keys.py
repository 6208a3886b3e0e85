"""Keys that a folder brings, beside those of the store."""

from datetime import timedelta
from pathlib import Path

from support.key_files import new_key, pem

from tokenauthority_server.adapters.jwt.keyring import KeyRing
from tokenauthority_server.adapters.memory.database import MemoryDatabase
from tokenauthority_server.adapters.memory.signing_keys import MemorySigningKeyStore
from tokenauthority_server.adapters.sealing import EncryptionKeys
from tokenauthority_server.adapters.signing_keys.folder import KeyFolder
from tokenauthority_server.adapters.signing_keys.following import KeyFollower
from tokenauthority_server.adapters.signing_keys.material import SealedKeys
from tokenauthority_server.domain.keys import KeyState, KeyTerms
from tokenauthority_server.domain.sessions import Origin

TERMS = KeyTerms(rotate_after=timedelta(days=30), longest=timedelta(days=7))


async def test_of_a_key_that_is_in_both_the_store_has_the_word(tmp_path: Path) -> None:
    store = MemorySigningKeyStore(MemoryDatabase())
    sealed = SealedKeys(EncryptionKeys([bytes(range(32))]))
    material = await sealed.make("ES256")
    await store.prepare(material, TERMS, Origin(caller="test"))
    # As an operator takes it from jwks.json, so that it goes on being known.
    (tmp_path / "1.jwk").write_text(material.public_jwk)
    (tmp_path / "2.pem").write_bytes(pem(new_key()))
    folder = KeyFolder(tmp_path, "ES256")
    retired, active = folder.read()
    assert (retired.key_id, retired.state) == (material.key_id, KeyState.RETIRED)

    ring = KeyRing("ES256")
    await KeyFollower(ring, store, sealed, folder.current).catch_up()

    known = ring.current()
    assert known.keys.keys() == {material.key_id, active.key_id}
    assert known.keys[material.key_id].state is KeyState.PREPARED
    assert known.signer().key_id == active.key_id
