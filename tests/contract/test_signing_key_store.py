"""SigningKeyStore: one active key of each algorithm, however many replicas start."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from support.racing import race

from tokenauthority_server.adapters.memory.signing_keys import MemorySigningKeyStore
from tokenauthority_server.adapters.postgres.database import Database
from tokenauthority_server.adapters.postgres.signing_keys import PostgresSigningKeyStore
from tokenauthority_server.adapters.signing_keys import SigningKeyStore, StoredKey
from tokenauthority_server.domain.keys import KeyState

NOON = datetime(2026, 1, 1, 12, 0, 0, 123_456, tzinfo=UTC)
KEY = StoredKey(
    kid="key-1",
    algorithm="ES256",
    public_jwk='{"kty":"EC"}',
    sealed_private_key=b"\x00sealed\xff",
    state=KeyState.ACTIVE,
    create_time=NOON,
    activate_time=NOON,
)


@pytest.fixture
async def postgres_keys(database_url: str) -> AsyncIterator[SigningKeyStore]:
    database = Database(database_url)
    await database.open()
    yield PostgresSigningKeyStore(database)
    await database.close()


@pytest.fixture(params=["memory", "postgres"])
def keys(request: pytest.FixtureRequest) -> SigningKeyStore:
    if request.param == "memory":
        return MemorySigningKeyStore()
    store: SigningKeyStore = request.getfixturevalue("postgres_keys")
    return store


async def test_there_is_none_at_first(keys: SigningKeyStore) -> None:
    assert list(await keys.load()) == []


async def test_a_key_comes_back_as_it_was_added(keys: SigningKeyStore) -> None:
    await keys.add_if_none_active(KEY)
    assert list(await keys.load()) == [KEY]


async def test_a_second_active_key_is_not_added(keys: SigningKeyStore) -> None:
    await keys.add_if_none_active(KEY)
    await keys.add_if_none_active(replace(KEY, kid="key-2"))
    assert list(await keys.load()) == [KEY]


async def test_each_algorithm_has_a_key_of_its_own(keys: SigningKeyStore) -> None:
    later = NOON + timedelta(seconds=1)
    other = replace(KEY, kid="key-2", algorithm="EdDSA", create_time=later, activate_time=later)
    await keys.add_if_none_active(KEY)
    await keys.add_if_none_active(other)
    assert {one.kid: one for one in await keys.load()} == {"key-1": KEY, "key-2": other}


async def test_of_many_replicas_one_adds_its_key(keys: SigningKeyStore) -> None:
    # The guard: an index that allows one active key of an algorithm.
    made = [replace(KEY, kid=f"key-{number}") for number in range(16)]
    await race(*(keys.add_if_none_active(one) for one in made))
    (kept,) = await keys.load()
    assert kept in made
