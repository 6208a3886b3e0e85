"""SigningKeyStore.retire: a key signs no more, and what it has signed stays good."""

import pytest
from support.asking import access_claims, new_session
from support.signing_keys import (
    ACTIVE,
    PREPARED,
    PUBLISHED,
    RETIRED,
    REVOKED,
    SECOND,
    activate,
    key_of,
    prepare,
    retire,
    revoke,
    states,
    supply,
)
from support.steps import create, death, refresh_death, rotate
from support.stores import Stores

from tokenauthority_server.domain.errors import KeyNotFoundError, KeyStateError


async def test_a_prepared_key_that_never_signed_is_needed_no_more(stores: Stores) -> None:
    await supply(stores, "a", "b")
    before = await stores.records.now()
    key = await retire(stores, "b")
    assert key == await key_of(stores, "b")
    assert key.state is RETIRED
    assert key.retire_time == key.last_expire_time
    assert before <= key.last_expire_time <= await stores.records.now()
    assert (await stores.records.audit_kinds("")).count("key.retired") == 1


async def test_the_active_key_of_an_algorithm_in_use_stays(stores: Stores) -> None:
    await supply(stores, "a", "b")
    told = "The signing key a is the one that signs. Activate another one"
    with pytest.raises(KeyStateError, match=told):
        await retire(stores, "a", in_use=("EdDSA", "ES256"))
    assert await states(stores) == {"a": ACTIVE, "b": PREPARED}
    assert "key.retired" not in await stores.records.audit_kinds("")


async def test_so_does_the_only_active_one_while_a_new_algorithm_has_none(stores: Stores) -> None:
    # Guard: else no key signed, and the next one signed however few had fetched it.
    await supply(stores, "a", "b")
    await prepare(stores, "e", algorithm="EdDSA")
    with pytest.raises(KeyStateError, match="the one that signs"):
        await retire(stores, "a", in_use=("EdDSA",))
    assert (await retire(stores, "a", in_use=())).state is RETIRED


async def test_the_active_key_of_another_algorithm_goes(stores: Stores) -> None:
    await supply(stores, "a", "b")
    await prepare(stores, "e", algorithm="EdDSA")
    await stores.advance(PUBLISHED)
    await activate(stores, "e")
    before = await key_of(stores, "a")
    key = await retire(stores, "a", in_use=("EdDSA",))
    assert key.state is RETIRED
    assert key.retire_time is not None
    assert key.last_expire_time == before.last_expire_time


async def test_a_retired_key_is_left_as_it_is(stores: Stores) -> None:
    await supply(stores, "a", "b")
    first = await retire(stores, "b")
    assert await retire(stores, "b") == first
    await stores.advance(SECOND)
    assert (await retire(stores, "b")).state is RETIRED
    assert (await stores.records.audit_kinds("")).count("key.retired") == 1


async def test_a_revocation_is_final(stores: Stores) -> None:
    await supply(stores, "a", "b")
    await revoke(stores, "a")
    with pytest.raises(KeyStateError, match=r"The signing key a is REVOKED, .* which is final"):
        await retire(stores, "a")
    assert (await key_of(stores, "a")).state is REVOKED


async def test_an_unknown_key(stores: Stores) -> None:
    with pytest.raises(KeyNotFoundError, match="no signing key nobody"):
        await retire(stores, "nobody")


async def test_its_sessions_go_on(stores: Stores) -> None:
    await supply(stores, "a", "b")
    grant = await create(stores, new_session(key_id="a"))
    await retire(stores, "a", in_use=())
    assert await death(stores, access_claims(grant)) is None
    assert await refresh_death(stores, grant) is None
    assert (await rotate(stores, grant)).generation == 1
