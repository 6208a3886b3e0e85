"""SigningKeyStore.revoke: nothing that a key has signed lives on, and another one signs at once."""

from dataclasses import replace
from datetime import timedelta

import pytest
from support.asking import ADA, BOB, LIFETIMES, ORIGIN, access_claims, new_session, rotation_of
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
    revoke,
    states,
    supply,
)
from support.steps import (
    create,
    death,
    end_session,
    end_user_sessions,
    refresh_death,
    revoke_key,
    rotate,
)
from support.stores import Stores

from tokenauthority_server.domain.errors import KeyNotFoundError
from tokenauthority_server.domain.revocations import (
    AS_GOOD_AS_EVER,
    FACT_MARGIN,
    Fact,
    FactKind,
    RevocationReason,
)

YEAR = timedelta(days=365)
BULK = ("", "bulk_revoked")


def of_key(key_id: str) -> Fact:
    reason = RevocationReason.KEY_REVOKED
    return Fact(kind=FactKind.KEY, user_id="", target=key_id, reason=reason)


async def test_the_prepared_key_signs_in_its_place(stores: Stores) -> None:
    await supply(stores, "a", "b")
    await stores.advance(SECOND)
    await prepare(stores, "c")
    former = await key_of(stores, "a")
    key, ended = await revoke(stores, "a")
    successor = await key_of(stores, "b")
    assert ended == 0
    assert key == await key_of(stores, "a")
    assert (key.state, key.last_expire_time) == (REVOKED, former.last_expire_time)
    assert key.retire_time == successor.activate_time
    assert key.retire_time is not None
    assert successor.last_expire_time == key.retire_time + TERMS.horizon
    assert await states(stores) == {"a": REVOKED, "b": ACTIVE, "c": PREPARED}
    assert await stores.records.facts("") == {of_key("a")}
    assert (await stores.keys.load()).revoked_key_ids == {"a"}
    kinds = ["key.activated", "key.prepared", "key.prepared", "key.revoked"]
    assert await stores.records.audit_kinds("") == kinds


async def test_the_successor_signs_however_young_it_is(stores: Stores) -> None:
    await supply(stores, "a", "b")
    await activate(stores, "b")
    await stores.advance(SECOND)
    await supply(stores, "c")
    await revoke(stores, "b")
    assert await states(stores) == {"a": RETIRED, "b": REVOKED, "c": ACTIVE}


async def test_without_a_prepared_key_the_new_one_signs(stores: Stores) -> None:
    await supply(stores, "a")
    await prepare(stores, "e", "EdDSA")
    await revoke(stores, "a", replacement="spare")
    assert await states(stores) == {"a": REVOKED, "spare": ACTIVE, "e": PREPARED}
    spare = await key_of(stores, "spare")
    assert spare.create_time == spare.activate_time
    assert material("spare") in [one.material for one in (await stores.keys.load()).keys]


@pytest.mark.parametrize("key_id", ["a", "c"])
async def test_a_key_that_does_not_sign_needs_no_successor(stores: Stores, key_id: str) -> None:
    await supply(stores, "a", "b")
    await activate(stores, "b")
    await prepare(stores, "c")
    before = await states(stores)
    retired = await key_of(stores, "a")
    await stores.advance(SECOND)
    key, _ = await revoke(stores, key_id)
    assert await states(stores) == before | {key_id: REVOKED}
    assert key.retire_time is not None
    if key_id == "a" and retired.retire_time is not None:
        # When it ceased to sign is not changed by what came later.
        assert key.retire_time - retired.retire_time <= SECOND * 0
    assert await stores.records.facts("") == {of_key(key_id)}


async def test_an_unknown_key_revokes_nothing(stores: Stores) -> None:
    await supply(stores, "a", "b")
    before = await stores.keys.load()
    with pytest.raises(KeyNotFoundError, match="no signing key nobody"):
        await revoke(stores, "nobody")
    after = await stores.keys.load()
    assert (after.keys, after.revoked_key_ids) == (before.keys, frozenset())
    assert await stores.records.facts("") == set()


async def test_it_outlasts_whatever_a_thief_has_signed(stores: Stores) -> None:
    # A prepared key has signed nothing for us, but whoever has stolen it signs what he likes: a
    # verifier accepts it for a year.
    await supply(stores, "a", "b")
    await stores.advance(TERMS.horizon * 2)
    await revoke(stores, "b")
    await stores.advance(YEAR)
    assert (await stores.keys.load()).revoked_key_ids == {"b"}
    await stores.advance(FACT_MARGIN)
    assert (await stores.keys.load()).revoked_key_ids == set()
    assert (await key_of(stores, "b")).state is REVOKED


async def test_it_counts_the_sessions_that_it_ends(stores: Stores) -> None:
    await supply(stores, "a", "b")
    by_a = [await create(stores, new_session(user, key_id="a")) for user in (ADA, BOB, ADA)]
    by_b = await create(stores, new_session(key_id="b"))
    moved = await create(stores, new_session(key_id="a"))
    await rotate(stores, rotation_of(moved, key_id="b"))
    _, ended = await revoke(stores, "a")
    assert ended == 3
    assert await stores.records.metrics("") == {BULK: 3}
    assert await stores.records.metrics(ADA.user_id) == {
        ("phone", "created"): 4,
        ("phone", "refreshed"): 1,
    }
    for grant in by_a:
        assert await refresh_death(stores, grant) is not None
        assert await death(stores, access_claims(grant)) is not None
    assert await refresh_death(stores, by_b) is None


async def test_what_was_dead_is_not_counted(stores: Stores) -> None:
    await supply(stores, "a", "b")
    await create(stores, new_session(key_id="a"))
    await stores.advance(LIFETIMES.refresh)
    ended = await create(stores, new_session(key_id="a"))
    await end_session(stores, ended)
    await create(stores, new_session(BOB, key_id="a"))
    await end_user_sessions(stores, BOB.user_id)
    await create(stores, new_session(key_id="a"))
    assert (await revoke(stores, "a"))[1] == 1


async def test_a_second_time_counts_again_and_changes_nothing(stores: Stores) -> None:
    await supply(stores, "a", "b")
    await create(stores, new_session(key_id="a"))
    first = await revoke(stores, "a")
    before = await stores.keys.load()
    assert await revoke(stores, "a") == first
    assert (await stores.keys.load()).keys == before.keys
    assert first[1] == 1
    assert await stores.records.metrics("") == {BULK: 1}
    assert (await stores.records.audit_kinds("")).count("key.revoked") == 1


async def test_a_key_that_is_kept_elsewhere(stores: Stores) -> None:
    await supply(stores, "a", "b")
    before = (await stores.keys.load()).keys
    grant = await create(stores, new_session(key_id="file"))
    other = await create(stores, new_session(key_id="a"))
    assert await revoke_key(stores, "file") == 1
    stored = await stores.keys.load()
    assert stored.keys == before
    assert stored.revoked_key_ids == {"file"}
    assert await stores.records.facts("") == {of_key("file")}
    assert await stores.records.metrics("") == {BULK: 1}
    assert await refresh_death(stores, grant) is not None
    assert await refresh_death(stores, other) is None
    assert (await stores.records.audit_kinds(""))[-2:] == ["key.revoked", "key.sessions_revoked"]


async def test_a_key_elsewhere_is_revoked_once_and_matters_for_as_long_as_it_may_stay_there(
    stores: Stores,
) -> None:
    await create(stores, new_session(key_id="file"))
    assert await revoke_key(stores, "file") == 1
    await stores.advance(SECOND * 20)
    assert await revoke_key(stores, "file") == 1
    assert await stores.records.metrics("") == {BULK: 1}
    assert await stores.records.audit_kinds("") == ["key.revoked", "key.sessions_revoked"]
    # Guard: for as long as a token may live, a key that was still mounted signed again.
    await stores.advance(AS_GOOD_AS_EVER - SECOND * 10)
    assert (await stores.keys.load()).revoked_key_ids == {"file"}
    await stores.advance(SECOND * 10)
    assert (await stores.keys.load()).revoked_key_ids == set()


async def test_a_fact_is_never_shortened(stores: Stores) -> None:
    await supply(stores, "a", "b")
    await revoke_key(stores, "a")
    await revoke(stores, "a")
    await stores.advance(AS_GOOD_AS_EVER - SECOND * 10)
    assert "a" in (await stores.keys.load()).revoked_key_ids


async def test_a_fact_outlives_what_the_longest_settings_let_the_key_sign(stores: Stores) -> None:
    longer = replace(TERMS, longest=YEAR)
    await stores.keys.supply([material("a")], longer, ORIGIN)
    await revoke(stores, "a")
    await stores.advance(longer.horizon)
    assert (await stores.keys.load()).revoked_key_ids == {"a"}
    await stores.advance(FACT_MARGIN)
    assert (await stores.keys.load()).revoked_key_ids == set()


async def test_a_successor_signs_for_as_long_ahead_as_the_key_could(stores: Stores) -> None:
    # Guard: whoever revokes with shorter lifetimes set left the servers without a key for theirs.
    longer = replace(TERMS, longest=TERMS.longest * 3)
    await stores.keys.supply([material("a")], longer, ORIGIN)
    horizon = (await key_of(stores, "a")).last_expire_time
    await revoke(stores, "a")
    assert (await key_of(stores, "spare")).last_expire_time >= horizon


async def test_one_that_was_revoked_elsewhere_first_counts_once(stores: Stores) -> None:
    await supply(stores, "a", "b")
    await create(stores, new_session(key_id="a"))
    await revoke_key(stores, "a")
    await stores.advance(PUBLISHED)
    key, ended = await revoke(stores, "a")
    assert (key.state, ended) == (REVOKED, 1)
    assert await states(stores) == {"a": REVOKED, "b": ACTIVE}
    assert await stores.records.metrics("") == {BULK: 1}
    assert (await stores.records.audit_kinds("")).count("key.revoked") == 2
