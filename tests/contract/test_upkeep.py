"""Upkeep: what matters no more goes, and nothing else."""

from datetime import timedelta

import pytest
from support.asking import ADA, BOB, LIFETIMES, access_claims, new_session
from support.signing_keys import (
    ACTIVE,
    PREPARED,
    TERMS,
    activate,
    prepare,
    retire,
    revoke,
    states,
    supply,
)
from support.steps import (
    create,
    death,
    end_session,
    end_user_sessions,
    live_session_ids,
    refresh_death,
    revoke_key,
    revoke_token,
    rotate,
)
from support.stores import Stores

from tokenauthority_server.domain.errors import (
    RefreshTokenReusedError,
    RequestIdReusedError,
    SessionEndedError,
)
from tokenauthority_server.domain.revocations import AS_GOOD_AS_EVER, FACT_MARGIN, FactKind
from tokenauthority_server.domain.tokens import InactiveReason
from tokenauthority_server.domain.upkeep import Leftover

BATCH = 100
DAY = timedelta(days=1)
YEAR = timedelta(days=365)
LATER = 2 * DAY
"""A session that has ended is swept from the day after its last access token has expired."""
LONG_AFTER = LIFETIMES.refresh + LATER


async def sweep(stores: Stores, what: Leftover, batch: int = BATCH, keep: timedelta = YEAR) -> int:
    return await stores.upkeep.sweep(what, batch, keep)


async def sweep_all(stores: Stores) -> int:
    return sum([await sweep(stores, what) for what in Leftover])


async def test_nothing_to_remove(stores: Stores) -> None:
    assert await sweep_all(stores) == 0


async def test_what_has_just_begun_stays(stores: Stores) -> None:
    grant = await create(stores)
    other = await create(stores, new_session(BOB))
    await end_session(stores, other)

    assert await sweep_all(stores) == 0

    assert await live_session_ids(stores, ADA.user_id) == {grant.session_id}
    ended = await refresh_death(stores, other)
    assert ended is not None
    assert ended.revocation_reason is not None  # the row that knows it is still there


async def test_a_live_session_stays_as_long_as_it_lives(stores: Stores) -> None:
    grant = await create(stores)
    for _ in range(4):
        await stores.advance(6 * DAY)
        assert await sweep(stores, Leftover.SESSIONS) == 0
        grant = await rotate(stores, grant)

    assert await live_session_ids(stores, ADA.user_id) == {grant.session_id}
    assert await refresh_death(stores, grant) is None


async def test_a_session_that_has_expired_goes(stores: Stores) -> None:
    gone = await create(stores)
    await stores.advance(3 * DAY)
    young = await create(stores)
    await stores.advance(LONG_AFTER - 3 * DAY)

    assert await sweep(stores, Leftover.SESSIONS) == 1
    assert await sweep(stores, Leftover.SESSIONS) == 0

    assert await live_session_ids(stores, ADA.user_id) == {young.session_id}
    with pytest.raises(SessionEndedError):
        await rotate(stores, gone)
    assert await refresh_death(stores, gone) is not None


async def test_a_session_that_was_ended_goes_before_it_would_have_expired(stores: Stores) -> None:
    ended, kept = await create(stores), await create(stores)
    await end_session(stores, ended)
    await stores.advance(LATER)

    assert await sweep(stores, Leftover.SESSIONS) == 1

    # It is simply unknown from now on.
    dead = await refresh_death(stores, ended)
    assert dead is not None
    assert dead.reason is InactiveReason.SESSION_REVOKED
    with pytest.raises(SessionEndedError):
        await rotate(stores, ended)
    assert await end_session(stores, ended) == 0
    assert await refresh_death(stores, kept) is None
    assert await live_session_ids(stores, ADA.user_id) == {kept.session_id}


async def test_sessions_that_ended_with_all_of_their_users_go(stores: Stores) -> None:
    for _ in range(3):
        await create(stores)
    kept = await create(stores)
    other = await create(stores, new_session(BOB))
    await end_user_sessions(stores, ADA.user_id, kept)
    await stores.advance(5 * DAY)
    kept, other = await rotate(stores, kept), await rotate(stores, other)
    await stores.advance(LONG_AFTER - 5 * DAY)

    assert await sweep(stores, Leftover.SESSIONS) == 3

    assert await refresh_death(stores, kept) is None
    assert await refresh_death(stores, other) is None
    assert await live_session_ids(stores, ADA.user_id) == {kept.session_id}


async def test_a_session_that_ended_by_reuse_goes(stores: Stores) -> None:
    first = await create(stores)
    second = await rotate(stores, first)
    await rotate(stores, second)
    with pytest.raises(RefreshTokenReusedError):
        await rotate(stores, first)
    await stores.advance(LATER)

    assert await sweep(stores, Leftover.SESSIONS) == 1


async def test_a_request_id_stands_for_its_pair_though_its_session_has_ended(
    stores: Stores,
) -> None:
    new = new_session(request_id="r-1")
    grant = await create(stores, new)
    await end_session(stores, grant)
    await stores.advance(timedelta(minutes=9))

    await sweep_all(stores)

    with pytest.raises(RequestIdReusedError):
        await create(stores, new_session(request_id="r-1", scope=("another",)))


async def test_a_token_stays_dead_until_it_has_expired(stores: Stores) -> None:
    by_token, by_session = await create(stores), await create(stores)
    await revoke_token(stores, access_claims(by_token))
    await end_session(stores, by_session)
    bob = await create(stores, new_session(BOB))
    await end_user_sessions(stores, BOB.user_id)
    dead = [access_claims(one) for one in (by_token, by_session, bob)]
    await stores.advance(LIFETIMES.access)

    assert await sweep(stores, Leftover.FACTS) == 0
    assert all([await death(stores, claims) for claims in dead])

    await stores.advance(timedelta(hours=23))
    assert await sweep(stores, Leftover.FACTS) == 2
    assert {fact.kind for fact in await stores.records.facts(BOB.user_id)} == {FactKind.USER}
    await stores.advance(DAY)
    assert await sweep(stores, Leftover.FACTS) == 1
    assert await stores.records.facts(ADA.user_id) == set()
    assert await stores.records.facts(BOB.user_id) == set()


async def test_a_fact_about_a_key_goes_like_any_other(stores: Stores) -> None:
    await revoke_key(stores, "key-1")
    await stores.advance(AS_GOOD_AS_EVER - FACT_MARGIN)
    assert await sweep(stores, Leftover.FACTS) == 0
    await stores.advance(FACT_MARGIN)

    assert await sweep(stores, Leftover.FACTS) == 1
    assert await stores.records.facts("") == set()


async def test_a_key_goes_when_nothing_that_it_signed_can_be_alive(stores: Stores) -> None:
    await supply(stores, "a", "b")
    await activate(stores)
    await supply(stores, "c")
    await stores.advance(TERMS.horizon)
    assert await sweep(stores, Leftover.SIGNING_KEYS) == 0
    await revoke(stores, "b")
    await stores.advance(FACT_MARGIN)

    assert await sweep(stores, Leftover.SIGNING_KEYS) == 2
    assert await sweep(stores, Leftover.SIGNING_KEYS) == 0

    assert await states(stores) == {"c": ACTIVE}
    # Of one that is revoked the fact stays.
    assert (await stores.keys.load()).revoked_key_ids == {"b"}
    assert (await stores.records.audit_kinds("")).count("key.deleted") == 2


async def test_a_key_that_may_sign_never_goes(stores: Stores) -> None:
    await supply(stores, "a", "b")
    await stores.advance(YEAR)
    assert await sweep(stores, Leftover.SIGNING_KEYS) == 0
    assert await states(stores) == {"a": ACTIVE, "b": PREPARED}


async def test_a_batch_of_keys_is_no_larger_than_asked(stores: Stores) -> None:
    for number in range(3):
        await prepare(stores, f"k{number}")
        await retire(stores, f"k{number}")
    await stores.advance(FACT_MARGIN)
    assert [await sweep(stores, Leftover.SIGNING_KEYS, 2) for _ in range(3)] == [2, 1, 0]


async def test_audit_events_go_when_they_have_been_kept_long_enough(stores: Stores) -> None:
    await create(stores)
    await stores.advance(DAY)
    await create(stores, new_session(BOB))

    assert await sweep(stores, Leftover.AUDIT_EVENTS, keep=2 * DAY) == 0
    assert await sweep(stores, Leftover.AUDIT_EVENTS, keep=DAY / 2) == 2

    assert await stores.records.audit_kinds(ADA.user_id) == []
    assert await stores.records.audit_kinds(BOB.user_id) == ["session.created", "user.created"]


@pytest.mark.parametrize("what", [Leftover.SESSIONS, Leftover.FACTS, Leftover.AUDIT_EVENTS])
async def test_a_batch_is_no_larger_than_asked(stores: Stores, what: Leftover) -> None:
    for _ in range(5):
        await end_session(stores, await create(stores))
    await stores.advance(LATER)

    counts = [await sweep(stores, what, 2, DAY) for _ in range(8)]

    total = sum(counts)
    assert total == {Leftover.AUDIT_EVENTS: 11}.get(what, 5)
    assert counts == [2] * (total // 2) + [1] + [0] * (7 - total // 2)


async def test_months_may_be_turned_at_any_time(stores: Stores) -> None:
    await stores.upkeep.turn_months(2, YEAR)

    assert await stores.upkeep.turn_months(2, YEAR) == 0
    grant = await rotate(stores, await create(stores))
    assert await live_session_ids(stores, ADA.user_id) == {grant.session_id}
