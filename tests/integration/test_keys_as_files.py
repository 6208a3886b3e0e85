"""An authority whose keys are mounted as files: rotated by hand, and proof against a bad file."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import jwt
import pytest
from support.authority import KEY, NO_FILE, Served, serving
from support.callers import ANN
from support.key_files import assert_kept, new_key, pem, public_pem
from support.postgres import Connection

from tokenauthority_client import InactiveReason, KeyState, StoreUnavailableError
from tokenauthority_server.adapters.postgres.database import Database
from tokenauthority_server.adapters.sealing import EncryptionKeys
from tokenauthority_server.adapters.signing_keys.folder import KeyFolderError
from tokenauthority_server.config import load_settings
from tokenauthority_server.domain import errors
from tokenauthority_server.domain.sessions import Origin
from tokenauthority_server.propagation import Untold
from tokenauthority_server.services.signing_keys import SigningKeys
from tokenauthority_server.signing import signing_keys
from tokenauthority_tokens import jwk
from tokenauthority_tokens.algorithms import ALGORITHMS

FIRST, SECOND, THIRD = new_key(), new_key(), new_key()
REFUSED = "a signing key is refused, the last good set stays"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "keys"
    path.mkdir()
    (path / "1.pem").write_bytes(pem(FIRST))
    return path


@pytest.fixture
async def served(database_url: str, redis_url: str, folder: Path) -> AsyncIterator[Served]:
    async with serving(database_url, redis_url, SIGNING_KEYS_DIR=str(folder)) as served:
        yield served


@pytest.fixture
async def keys(database_url: str, folder: Path) -> AsyncIterator[SigningKeys]:
    """What an administrator does with keys, beside the authority."""
    given = {
        "DATABASE_URL": database_url,
        "KEY_ENCRYPTION_KEY": KEY,
        "SIGNING_KEYS_DIR": str(folder),
    }
    settings = load_settings(given, NO_FILE, mode="keys")
    database = Database(database_url)
    await database.open()
    sealing = EncryptionKeys(settings.key_encryption_keys)
    yield signing_keys(settings, database, sealing, Untold())
    await database.close()


def key_id(key: object, algorithm: str = "ES256") -> str:
    return jwk.thumbprint(key, ALGORITHMS[algorithm])


def signer(token: str) -> str:
    kid: str = jwt.get_unverified_header(token)["kid"]
    return kid


async def published(served: Served) -> dict[str, KeyState]:
    """The state of each key; the page shows the same ones."""
    keys = await served.client.get_public_keys()
    page = (await served.http.ask("/.well-known/jwks.json")).json["keys"]
    assert page == [json.loads(key.jwk) for key in keys]
    return {key.key_id: key.state for key in keys}


async def test_tokens_are_signed_with_the_key_in_the_folder_and_none_is_made(
    served: Served, database: Connection
) -> None:
    pair = await served.client.create_pair(ANN)

    assert signer(pair.access_token) == signer(pair.refresh_token) == key_id(FIRST.public_key())
    assert await served.client.validate(pair.access_token)
    refreshed = (await served.client.refresh(pair.refresh_token)).pair
    assert await served.client.validate(refreshed.access_token)
    assert await published(served) == {key_id(FIRST.public_key()): KeyState.ACTIVE}
    assert await database.fetchval("SELECT count(*) FROM tokenauthority.signing_keys") == 0


@pytest.mark.parametrize("algorithm", ["EdDSA", "RS256", "PS256"])
async def test_a_folder_brings_keys_of_any_algorithm(
    database_url: str, redis_url: str, tmp_path: Path, algorithm: str
) -> None:
    key = new_key(algorithm)
    (tmp_path / "1.pem").write_bytes(pem(key))
    async with serving(
        database_url, redis_url, SIGNING_KEYS_DIR=str(tmp_path), JWT_ALGORITHM=algorithm
    ) as served:
        pair = await served.client.create_pair(ANN)

        assert jwt.get_unverified_header(pair.access_token)["alg"] == algorithm
        assert signer(pair.access_token) == key_id(key.public_key(), algorithm)
        assert await served.client.validate(pair.access_token)


async def test_a_key_is_prepared_and_activated_by_its_file(served: Served, folder: Path) -> None:
    first, second = key_id(FIRST.public_key()), key_id(SECOND.public_key())
    before = await served.client.create_pair(ANN)

    (folder / "2.pem").write_bytes(public_pem(SECOND))
    await served.authority.load_keys()

    assert await published(served) == {first: KeyState.ACTIVE, second: KeyState.PREPARED}
    assert signer((await served.client.create_pair(ANN)).access_token) == first

    (folder / "2.pem").write_bytes(pem(SECOND))
    await served.authority.load_keys()

    assert await published(served) == {first: KeyState.RETIRED, second: KeyState.ACTIVE}
    after = await served.client.create_pair(ANN)
    assert signer(after.access_token) == second
    for pair in (before, after):
        assert await served.client.validate(pair.access_token)
    refreshed = await served.client.refresh(before.refresh_token)
    assert signer(refreshed.pair.access_token) == second

    # What it signed is verified for as long as its public half is there.
    (folder / "1.pem").write_bytes(public_pem(FIRST))
    await served.authority.load_keys()
    assert await served.client.validate(before.access_token)
    (folder / "1.pem").unlink()
    await served.authority.load_keys()
    assert await published(served) == {second: KeyState.ACTIVE}
    verdict = await served.client.validate(before.access_token)
    assert (verdict.active, verdict.reason) == (False, InactiveReason.UNKNOWN_KEY)
    assert await served.client.validate(after.access_token)


async def test_a_replica_that_reads_later_knows_the_key_by_the_first_token_of_it(
    database_url: str, redis_url: str, served: Served, folder: Path
) -> None:
    async with serving(database_url, redis_url, SIGNING_KEYS_DIR=str(folder)) as other:
        (folder / "2.pem").write_bytes(pem(SECOND))
        await served.authority.load_keys()
        pair = await served.client.create_pair(ANN)

        assert signer(pair.access_token) == key_id(SECOND.public_key())
        assert await other.client.validate(pair.access_token)
        refreshed = await other.client.refresh(pair.refresh_token)
        assert await served.client.validate(refreshed.pair.access_token)


@pytest.mark.parametrize(
    "content",
    [pem(FIRST)[:-60], b"", public_pem(SECOND)],
    ids=["cut off", "empty", "no private key any more"],
)
async def test_a_bad_file_is_told_once_and_the_last_good_set_stays(
    served: Served, folder: Path, content: bytes
) -> None:
    before = await served.client.create_pair(ANN)
    known = await published(served)

    (folder / "1.pem").write_bytes(content)
    for _ in range(3):
        await served.authority.load_keys()

    (line,) = await served.logged(REFUSED)
    assert str(folder) in line["problem"]
    assert line["level"] == "error"
    assert_kept(pem(FIRST), served.log.getvalue())
    assert await published(served) == known
    assert await served.client.validate(before.access_token)
    after = (await served.client.refresh(before.refresh_token)).pair
    assert signer(after.access_token) == key_id(FIRST.public_key())
    assert await served.client.validate(after.access_token)

    (folder / "1.pem").write_bytes(pem(FIRST))
    await served.authority.load_keys()
    assert await served.logged("the folder of signing keys is good again")


async def test_a_bad_folder_ends_the_start_before_anything_listens(
    database_url: str, redis_url: str, folder: Path
) -> None:
    (folder / "2.pem").write_bytes(pem(SECOND)[:-60])
    with pytest.raises(KeyFolderError, match=r"2\.pem is damaged"):
        async with serving(database_url, redis_url, SIGNING_KEYS_DIR=str(folder)):
            pass


async def test_a_key_of_the_folder_is_revoked_and_the_next_one_signs(
    served: Served, folder: Path, keys: SigningKeys
) -> None:
    pair = await served.client.create_pair(ANN)

    revoked = await keys.revoke_elsewhere(key_id(FIRST.public_key()), Origin(caller="test"))
    with pytest.raises(errors.StoreUnavailableError):
        await served.authority.load_keys()  # known, and said: no key signs

    assert (revoked.key, revoked.sessions) == (None, 1)
    verdict = await served.client.validate(pair.access_token)
    assert (verdict.active, verdict.reason) == (False, InactiveReason.KEY_REVOKED)
    assert await published(served) == {}
    # Nobody can make a private key appear in the folder but its owner.
    with pytest.raises(StoreUnavailableError):
        await served.client.create_pair(ANN)
    (folder / "2.pem").write_bytes(pem(SECOND))
    await served.authority.load_keys()
    after = await served.client.create_pair(ANN)
    assert signer(after.access_token) == key_id(SECOND.public_key())


async def test_keys_of_the_database_verify_on_after_the_change_to_files(
    database_url: str, redis_url: str, folder: Path, keys: SigningKeys
) -> None:
    async with serving(database_url, redis_url) as served:
        before = await served.client.create_pair(ANN)
    async with serving(database_url, redis_url, SIGNING_KEYS_DIR=str(folder)) as served:
        after = await served.client.create_pair(ANN)

        assert signer(after.access_token) == key_id(FIRST.public_key())
        # It has to be possible that they end.
        await keys.retire(signer(before.access_token), Origin(caller="test"))
        await served.authority.load_keys()
        assert await served.client.validate(before.access_token)
        refreshed = await served.client.refresh(before.refresh_token)
        assert signer(refreshed.pair.access_token) == key_id(FIRST.public_key())
