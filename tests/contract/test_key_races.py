"""Replicas and administrators who change signing keys at the same time.

Over the memory form these hold by themselves. What makes the real store pass is one lock: each
change locks the table against other changes before it reads. Seen failing without it: two active
keys, or one of the index's errors; several rotations; sessions counted as often as revoked.
"""

from collections import Counter
from collections.abc import AsyncIterator, Awaitable
from contextlib import AsyncExitStack

import pytest
from support.asking import new_session
from support.memory_stores import memory_stores
from support.postgres_stores import postgres_stores
from support.racing import race
from support.signing_keys import (
    ACTIVE,
    PREPARED,
    PUBLISHED,
    RETIRED,
    TERMS,
    activate,
    material,
    prepare,
    retire,
    revoke,
    rotate_keys,
    states,
    supply,
)
from support.steps import create, revoke_key
from support.stores import Stores

from tokenauthority_server.domain.errors import KeyStateError

REPLICAS = 16


@pytest.fixture(params=["memory", "postgres"])
async def replicas(
    request: pytest.FixtureRequest, database_url: str
) -> AsyncIterator[list[Stores]]:
    """Each with connections of its own: revocations wait for the one that the upkeep has."""
    if request.param == "memory":
        yield [memory_stores()] * REPLICAS
        return
    async with AsyncExitStack() as stack:
        opened = [postgres_stores(database_url) for _ in range(REPLICAS)]
        yield [await stack.enter_async_context(one) for one in opened]


async def warm(stores: Stores) -> None:
    """Let all connections be made, so that nobody is kept from the start."""
    await race(*(stores.keys.extend(TERMS) for _ in range(REPLICAS)))


async def test_of_many_replicas_that_start_one_supplies_both_keys(stores: Stores) -> None:
    await warm(stores)
    done = await race(*(supply(stores, f"a{n}", f"b{n}") for n in range(REPLICAS)))
    assert Counter(done) == {False: REPLICAS - 1, True: 1}
    winner = done.index(True)
    assert await states(stores) == {f"a{winner}": ACTIVE, f"b{winner}": PREPARED}
    assert await stores.records.audit_kinds("") == ["key.activated", "key.prepared"]


async def test_of_many_replicas_one_supplies_a_successor(stores: Stores) -> None:
    await warm(stores)
    await supply(stores, "a")
    done = await race(*(supply(stores, f"b{n}") for n in range(REPLICAS)))
    assert Counter(done) == {False: REPLICAS - 1, True: 1}
    assert await states(stores) == {"a": ACTIVE, f"b{done.index(True)}": PREPARED}


async def test_of_many_replicas_one_rotates(stores: Stores) -> None:
    await warm(stores)
    await supply(stores, "k0", "k1")
    for number in range(1, 9):
        await prepare(stores, f"k{number + 1}")
        await stores.advance(TERMS.rotate_after)
        done = await race(*(rotate_keys(stores) for _ in range(REPLICAS)))
        assert Counter(done) == {False: REPLICAS - 1, True: 1}
        after = await states(stores)
        assert Counter(after.values()) == {RETIRED: number, ACTIVE: 1, PREPARED: 1}
        assert after[f"k{number}"] is ACTIVE
        assert (await stores.records.audit_kinds("")).count("key.activated") == number + 1


async def test_a_key_is_activated_once(stores: Stores) -> None:
    await warm(stores)
    await supply(stores, "a", "b")
    keys = await race(*(activate(stores, "b") for _ in range(REPLICAS)))
    assert len({str(key) for key in keys}) == 1
    assert await states(stores) == {"a": RETIRED, "b": ACTIVE}
    assert (await stores.records.audit_kinds("")).count("key.activated") == 2


async def test_of_many_revocations_one_counts_and_one_key_follows(replicas: list[Stores]) -> None:
    stores = replicas[0]
    await race(*(revoke_key(one, "unknown") for one in replicas))
    for number in range(8):
        key_id = f"k{number}"
        await supply(stores, key_id)
        (signing,) = [key for key, state in (await states(stores)).items() if state is ACTIVE]
        for _ in range(3):
            await create(stores, new_session(key_id=signing))
        revoked = await race(
            *(revoke(one, signing, f"s{number}-{n}") for n, one in enumerate(replicas))
        )
        assert {str(one) for one in revoked} == {str(revoked[0])}
        assert [one[1] for one in revoked if isinstance(one, tuple)] == [3] * len(replicas)
        assert Counter((await states(stores)).values())[ACTIVE] == 1
        assert await stores.records.metrics("") == {("", "bulk_revoked"): 3 * (number + 1)}
        assert (await stores.records.audit_kinds("")).count("key.revoked") == number + 2


async def test_a_key_elsewhere_is_counted_once(replicas: list[Stores]) -> None:
    stores = replicas[0]
    await race(*(revoke_key(one, "unknown") for one in replicas))
    for number in range(8):
        key_id = f"file-{number}"
        await create(stores, new_session(key_id=key_id))
        counts = await race(*(revoke_key(one, key_id) for one in replicas))
        assert counts == [1] * len(replicas)
        assert await stores.records.metrics("") == {("", "bulk_revoked"): number + 1}
        assert (await stores.records.audit_kinds("")).count("key.revoked") == number + 2


async def test_an_activation_and_a_retirement_of_one_key(stores: Stores) -> None:
    # Whichever is first, the other finds it done: the key is not left half of either.
    await warm(stores)
    await supply(stores, "a", "b")
    for number in range(32):
        key_id = f"c{number}"
        await prepare(stores, key_id)
        await stores.advance(PUBLISHED)
        activated, retired = await race(activate(stores, key_id), retire(stores, key_id))
        assert [type(one) for one in (activated, retired)].count(KeyStateError) == 1
        after = await states(stores)
        assert after[key_id] is (RETIRED if isinstance(activated, KeyStateError) else ACTIVE)
        assert list(after.values()).count(ACTIVE) == 1


async def test_everything_at_once_leaves_one_key_that_signs(stores: Stores) -> None:
    await supply(stores, "k0", "k1")
    for number in range(6):
        await stores.advance(TERMS.rotate_after)
        signing = next(key for key, state in (await states(stores)).items() if state is ACTIVE)
        changes: list[Awaitable[object]] = [
            *(rotate_keys(stores) for _ in range(4)),
            *(supply(stores, f"s{number}-{n}") for n in range(4)),
            *(revoke(stores, signing, f"r{number}-{n}") for n in range(2)),
            prepare(stores, f"p{number}"),
            activate(stores),
            retire(stores, signing),
            revoke_key(stores, f"file{number}"),
            *(stores.keys.extend(TERMS) for _ in range(2)),
            stores.keys.reseal(material(signing), material(signing)),
            stores.keys.load(),
            create(stores, new_session(key_id=f"p{number}")),
        ]
        await race(*changes)
        after = Counter((await states(stores)).values())
        assert after[ACTIVE] == 1
        await supply(stores, f"t{number}")
        assert Counter((await states(stores)).values())[PREPARED] >= 1
