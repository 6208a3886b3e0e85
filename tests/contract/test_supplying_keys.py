"""SigningKeyStore: keys are kept as they were made, and supplied where they are lacking."""

from dataclasses import replace

from support.signing_keys import (
    ACTIVE,
    PREPARED,
    PUBLISHED,
    RETIRED,
    REVOKED,
    SECOND,
    TERMS,
    activate,
    key_of,
    material,
    prepare,
    retire,
    revoke,
    rotate_keys,
    states,
    supply,
)
from support.stores import Stores


async def test_there_is_none_at_first(stores: Stores) -> None:
    before = await stores.records.now()
    stored = await stores.keys.load()
    assert stored.keys == ()
    assert stored.revoked_key_ids == frozenset()
    assert before <= stored.now <= await stores.records.now()


async def test_a_key_comes_back_as_it_was_made(stores: Stores) -> None:
    before = await stores.records.now()
    key = await prepare(stores, "a")
    (stored,) = (await stores.keys.load()).keys
    assert stored.material == material("a")
    assert stored.key == key
    assert (key.key_id, key.algorithm, key.state) == ("a", "ES256", PREPARED)
    assert before <= key.create_time <= await stores.records.now()
    assert (key.activate_time, key.retire_time) == (None, None)
    assert key.last_expire_time == key.create_time + TERMS.horizon


async def test_keys_come_newest_first(stores: Stores) -> None:
    for key_id in ("a", "c", "b"):
        await prepare(stores, key_id)
        await stores.advance(SECOND)
    assert list(await states(stores)) == ["b", "c", "a"]


async def test_no_secret_is_shown(stores: Stores) -> None:
    await prepare(stores, "a")
    assert "sealed" not in repr(await stores.keys.load()).replace("sealed_private_key", "")


async def test_the_very_first_start_gets_a_key_and_its_successor(stores: Stores) -> None:
    assert await supply(stores, "a", "b")
    first, second = await key_of(stores, "a"), await key_of(stores, "b")
    assert (first.state, second.state) == (ACTIVE, PREPARED)
    assert first.create_time == first.activate_time == second.create_time
    assert first.last_expire_time == first.create_time + TERMS.horizon
    assert second.activate_time is None
    assert await stores.records.audit_kinds("") == ["key.activated", "key.prepared"]


async def test_one_key_alone_becomes_active(stores: Stores) -> None:
    assert await supply(stores, "a")
    assert await states(stores) == {"a": ACTIVE}


async def test_nothing_is_supplied_where_nothing_is_lacking(stores: Stores) -> None:
    await supply(stores, "a", "b")
    before = await stores.keys.load()
    assert not await supply(stores, "c", "d")
    assert (await stores.keys.load()).keys == before.keys
    assert len(await stores.records.audit_kinds("")) == 2


async def test_a_successor_is_supplied_when_the_last_one_signs(stores: Stores) -> None:
    await supply(stores, "a", "b")
    await activate(stores)
    assert await supply(stores, "c", "d")
    assert await states(stores) == {"a": RETIRED, "b": ACTIVE, "c": PREPARED}
    assert not await supply(stores, "d")


async def test_of_another_algorithm_a_key_is_prepared_first(stores: Stores) -> None:
    await supply(stores, "a", "b")
    assert await supply(stores, "e", "f", algorithm="EdDSA")
    assert await states(stores) == {"a": ACTIVE, "b": PREPARED, "e": PREPARED}
    assert not await supply(stores, "f", algorithm="EdDSA")


async def test_where_none_is_active_the_oldest_prepared_one_signs_however_young(
    stores: Stores,
) -> None:
    await prepare(stores, "other", "EdDSA")
    for key_id in ("a", "b"):
        await stores.advance(SECOND)
        await prepare(stores, key_id)
    assert await supply(stores, "c", "d")
    assert await states(stores) == {"other": PREPARED, "a": ACTIVE, "b": PREPARED}
    key = await key_of(stores, "a")
    assert key.activate_time is not None
    assert key.last_expire_time == key.activate_time + TERMS.horizon


async def test_where_none_is_active_nor_prepared_the_new_one_signs(stores: Stores) -> None:
    await supply(stores, "a")
    await retire(stores, "a", in_use=())
    await prepare(stores, "other", "EdDSA")
    assert await supply(stores, "b", "c")
    # Its successor waits for the next time, since verifiers have keys already.
    assert await states(stores) == {"a": RETIRED, "other": PREPARED, "b": ACTIVE}
    assert await supply(stores, "c")
    assert await states(stores) == {"a": RETIRED, "other": PREPARED, "b": ACTIVE, "c": PREPARED}


async def test_an_active_key_that_runs_short_is_moved_on(stores: Stores) -> None:
    await supply(stores, "a", "b")
    slack = TERMS.horizon - TERMS.short
    await stores.advance(slack - SECOND * 10)
    assert not await stores.keys.extend(TERMS)
    await stores.advance(SECOND * 20)
    before = await stores.records.now()
    assert await stores.keys.extend(TERMS)
    assert (await key_of(stores, "a")).last_expire_time >= before + TERMS.horizon
    assert not await stores.keys.extend(TERMS)


async def test_only_a_key_that_signs_or_may_soon_is_moved_on(stores: Stores) -> None:
    # Guard: with the active ones alone, one that a process with shorter lifetimes activates could
    # not sign elsewhere.
    await supply(stores, "a", "b")
    await activate(stores)
    await prepare(stores, "c")
    await stores.advance(PUBLISHED)
    await revoke(stores, "b")
    await prepare(stores, "d")
    await stores.advance(TERMS.longest)
    before = {one.key.key_id: one.key for one in (await stores.keys.load()).keys}
    assert await stores.keys.extend(TERMS)
    after = {one.key.key_id: one.key for one in (await stores.keys.load()).keys}
    changed = {key_id for key_id, key in before.items() if key != after[key_id]}
    assert {key_id: key.state for key_id, key in after.items()} == {
        "a": RETIRED,
        "b": REVOKED,
        "c": ACTIVE,
        "d": PREPARED,
    }
    assert changed == {"c", "d"}


async def test_longer_tokens_run_short_sooner(stores: Stores) -> None:
    # REFRESH_TOKEN_EXPIRE_DAYS was raised.
    await supply(stores, "a", "b")
    terms = replace(TERMS, longest=TERMS.longest * 2)
    before = await stores.records.now()
    assert await stores.keys.extend(terms)
    assert (await key_of(stores, "a")).last_expire_time >= before + terms.horizon


async def test_the_sealed_private_key_is_exchanged(stores: Stores) -> None:
    await supply(stores, "a", "b")
    former = material("a")
    resealed = replace(former, sealed_private_key=b"sealed anew")
    assert await stores.keys.reseal(former, resealed)
    materials = [one.material for one in (await stores.keys.load()).keys]
    assert sorted(materials, key=lambda one: one.key_id) == [resealed, material("b")]
    assert "key.rewrapped" in await stores.records.audit_kinds("")


async def test_what_was_exchanged_meanwhile_is_left_as_it_is(stores: Stores) -> None:
    await supply(stores, "a", "b")
    former = material("a")
    others = replace(former, sealed_private_key=b"sealed by another")
    await stores.keys.reseal(former, others)
    assert not await stores.keys.reseal(former, replace(former, sealed_private_key=b"mine"))
    assert not await stores.keys.reseal(material("unknown"), former)
    assert others in [one.material for one in (await stores.keys.load()).keys]
    assert (await stores.records.audit_kinds("")).count("key.rewrapped") == 1


async def test_a_key_that_is_moved_on_leaves_no_event(stores: Stores) -> None:
    await supply(stores, "a")
    await stores.advance(TERMS.horizon)
    await stores.keys.extend(TERMS)
    await rotate_keys(stores)
    assert await stores.records.audit_kinds("") == ["key.activated"]
