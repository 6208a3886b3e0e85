"""SigningKeyStore: a prepared key becomes the active one, by hand or because it is due."""

import re
from dataclasses import replace
from datetime import datetime

import pytest
from support.asking import ORIGIN
from support.signing_keys import (
    ACTIVE,
    PREPARED,
    PUBLISHED,
    RETIRED,
    SECOND,
    TERMS,
    activate,
    key_of,
    prepare,
    retire,
    revoke,
    rotate_keys,
    states,
    supply,
)
from support.stores import Stores

from tokenauthority_server.domain.errors import KeyNotFoundError, KeyStateError


async def test_the_key_that_signed_is_retired_in_the_same_change(stores: Stores) -> None:
    await supply(stores, "a", "b")
    await stores.advance(PUBLISHED)
    before = await stores.records.now()
    activated = await activate(stores, "b")
    retired = await key_of(stores, "a")
    assert activated == await key_of(stores, "b")
    assert (retired.state, activated.state) == (RETIRED, ACTIVE)
    assert activated.activate_time is not None
    assert before <= activated.activate_time <= await stores.records.now()
    assert retired.retire_time == activated.activate_time
    assert activated.last_expire_time == activated.activate_time + TERMS.horizon
    kinds = ["key.activated", "key.activated", "key.prepared"]
    assert await stores.records.audit_kinds("") == kinds


async def test_what_a_retired_key_may_have_signed_is_not_forgotten(stores: Stores) -> None:
    await supply(stores, "a", "b")
    before = await key_of(stores, "a")
    await activate(stores, "b")
    assert (await key_of(stores, "a")).last_expire_time == before.last_expire_time


async def test_a_horizon_is_never_moved_back(stores: Stores) -> None:
    # What the former release added may sign for a year.
    await supply(stores, "a", "b")
    longer = await key_of(stores, "b")
    shorter = replace(TERMS, longest=SECOND)
    activated = await stores.keys.activate("ES256", "b", shorter, ORIGIN)
    assert activated.last_expire_time == longer.last_expire_time


async def test_without_an_id_it_is_the_oldest_prepared_one(stores: Stores) -> None:
    await supply(stores, "a", "b")
    await prepare(stores, "e", "EdDSA")
    await stores.advance(SECOND)
    await prepare(stores, "c")
    await stores.advance(PUBLISHED)
    assert (await activate(stores)).key_id == "b"
    assert (await activate(stores)).key_id == "c"
    with pytest.raises(KeyNotFoundError, match="No signing key for ES256 is prepared"):
        await activate(stores)
    assert await states(stores) == {"a": RETIRED, "b": RETIRED, "c": ACTIVE, "e": PREPARED}


async def test_each_algorithm_has_an_active_key_of_its_own(stores: Stores) -> None:
    await supply(stores, "a", "b")
    await prepare(stores, "e", "EdDSA")
    await stores.advance(PUBLISHED)
    # The id alone says which one it is.
    assert (await activate(stores, "e", algorithm="ES256")).key_id == "e"
    assert await states(stores) == {"a": ACTIVE, "b": PREPARED, "e": ACTIVE}


async def test_an_active_key_is_left_as_it_is(stores: Stores) -> None:
    await supply(stores, "a", "b")
    before = await key_of(stores, "a")
    await stores.advance(SECOND)
    again = await activate(stores, "a")
    assert again == await key_of(stores, "a")
    assert again.state is ACTIVE
    assert before.activate_time is not None
    assert again.last_expire_time - before.last_expire_time <= SECOND
    assert (await stores.records.audit_kinds("")).count("key.activated") == 1


async def test_an_unknown_key(stores: Stores) -> None:
    await supply(stores, "a", "b")
    with pytest.raises(KeyNotFoundError, match="no signing key nobody"):
        await activate(stores, "nobody")


async def test_a_key_that_has_ceased_to_sign_never_signs_again(stores: Stores) -> None:
    await supply(stores, "a", "b")
    await activate(stores, "b")
    for state in ("RETIRED", "REVOKED"):
        if state == "REVOKED":
            await revoke(stores, "a")
        told = f"The signing key a is {state}, has not signed since .*Z, and never signs again"
        with pytest.raises(KeyStateError, match=told):
            await activate(stores, "a")
    assert (await key_of(stores, "b")).state is ACTIVE


async def test_a_key_that_verifiers_may_not_know_yet_does_not_sign(stores: Stores) -> None:
    await supply(stores, "a", "b")
    await stores.advance(PUBLISHED)
    key = await prepare(stores, "c")
    with pytest.raises(KeyStateError) as refused:
        await activate(stores, "c")
    may_from = re.search(
        r"may be activated from (\S+Z) on\. It was published at (\S+Z)", str(refused.value)
    )
    assert may_from is not None
    ready = datetime.fromisoformat(may_from[1])
    assert ready.microsecond == 0
    # At that time it may, and not a whole second before.
    assert SECOND > ready - (key.create_time + PUBLISHED) >= SECOND * 0
    assert await states(stores) == {"a": ACTIVE, "b": PREPARED, "c": PREPARED}

    await stores.advance(PUBLISHED - SECOND * 20)
    with pytest.raises(KeyStateError, match="may be activated from"):
        await activate(stores, "c")
    await stores.advance(SECOND * 20)
    assert (await activate(stores, "c")).state is ACTIVE


async def test_a_key_that_is_as_old_as_the_oldest_is_known_to_everyone(stores: Stores) -> None:
    await supply(stores, "a", "b")
    assert (await activate(stores, "b")).state is ACTIVE
    await stores.advance(SECOND)
    await supply(stores, "c")
    with pytest.raises(KeyStateError, match="may be activated from"):
        await activate(stores, "c")


async def test_it_rotates_when_it_is_due(stores: Stores) -> None:
    await supply(stores, "a", "b")
    assert not await rotate_keys(stores)
    await stores.advance(TERMS.rotate_after - SECOND * 20)
    assert not await rotate_keys(stores)
    assert await states(stores) == {"a": ACTIVE, "b": PREPARED}
    await stores.advance(SECOND * 20)
    assert await rotate_keys(stores)
    assert await states(stores) == {"a": RETIRED, "b": ACTIVE}
    assert not await rotate_keys(stores)


async def test_it_does_not_rotate_without_a_prepared_key(stores: Stores) -> None:
    await supply(stores, "a")
    await stores.advance(TERMS.rotate_after * 2)
    assert not await rotate_keys(stores)
    assert await states(stores) == {"a": ACTIVE}


async def test_it_rotates_to_the_oldest_prepared_key_when_that_is_known(stores: Stores) -> None:
    await supply(stores, "a")
    await stores.advance(TERMS.rotate_after)
    await prepare(stores, "b")
    await stores.advance(SECOND)
    await prepare(stores, "c")
    assert not await rotate_keys(stores)
    await stores.advance(PUBLISHED - SECOND * 20)
    assert not await rotate_keys(stores)
    await stores.advance(SECOND * 20)
    assert await rotate_keys(stores)
    assert await states(stores) == {"a": RETIRED, "b": ACTIVE, "c": PREPARED}


async def test_another_algorithm_takes_over_when_its_key_is_known(stores: Stores) -> None:
    await supply(stores, "a", "b")
    await stores.advance(SECOND)
    await supply(stores, "e", algorithm="EdDSA")
    assert not await rotate_keys(stores, "EdDSA")
    await stores.advance(PUBLISHED)
    assert await rotate_keys(stores, "EdDSA")
    assert await states(stores) == {"a": ACTIVE, "b": PREPARED, "e": ACTIVE}


async def test_a_retired_algorithm_comes_back_with_its_prepared_key(stores: Stores) -> None:
    await supply(stores, "a", "b")
    await retire(stores, "a", in_use=())
    assert await rotate_keys(stores)
    assert await states(stores) == {"a": RETIRED, "b": ACTIVE}
