"""Creations and revocations, all at once.

Over the memory form these hold by themselves; each names what makes the real store pass.
"""

from collections import Counter
from dataclasses import replace

import pytest
from support.asking import ADA, access_claims, new_session, pair
from support.racing import race
from support.steps import (
    create,
    death,
    end_session,
    end_user_sessions,
    live_session_ids,
    refresh_death,
    revoke_token,
    rotate,
)
from support.stores import Stores

from tokenauthority_server.domain.errors import UsernameTakenError
from tokenauthority_server.domain.revocations import FactKind
from tokenauthority_server.domain.sessions import Grant

ROUNDS = 12


@pytest.mark.parametrize("known", [False, True])
async def test_of_32_creations_of_one_request_one_opens_a_session(
    stores: Stores, *, known: bool
) -> None:
    # The guard: the user's row is locked (and made, where there was none) before it is asked
    # whether the request_id has been used.
    if known:
        await end_session(stores, await create(stores))
    before = (await stores.records.metrics(ADA.user_id)).get(("phone", "created"), 0)
    asked = new_session(request_id="r-1").request
    outcomes = await race(
        *(create(stores, replace(new_session(), request=asked)) for _ in range(32))
    )
    grants = [one for one in outcomes if isinstance(one, Grant)]
    assert len(grants) == 32
    (first,) = [one for one in grants if not one.replayed]
    assert {pair(one) for one in grants} == {pair(first)}
    assert (await stores.records.metrics(ADA.user_id))["phone", "created"] == before + 1
    assert await live_session_ids(stores, ADA.user_id) == {first.session_id}


async def test_the_first_creations_of_a_user(stores: Stores) -> None:
    # The guard: whoever comes second to make the user finds it made. That the username is the
    # other's is no conflict either, since the other is the same user.
    for number in range(60):
        newcomer = replace(ADA, user_id=f"u-{number}", username=f"name-{number}")
        outcomes = await race(*(create(stores, new_session(newcomer)) for _ in range(8)))
        assert [type(one) for one in outcomes] == [Grant] * 8
        assert len(await live_session_ids(stores, newcomer.user_id)) == 8


async def test_creations_and_the_end_of_the_users_sessions(stores: Stores) -> None:
    # The guard: both lock the user's row first, and read the epoch and count what lives only then.
    # So either the pair carries an epoch below the fact's and is dead, or it was created after.
    await create(stores)
    await end_user_sessions(stores, ADA.user_id)
    for _ in range(ROUNDS):
        outcomes = await race(
            *(create(stores) for _ in range(4)),
            end_user_sessions(stores, ADA.user_id),
            *(create(stores) for _ in range(4)),
        )
        grants = [one for one in outcomes if isinstance(one, Grant)]
        assert len(grants) == 8
        (fact,) = [
            one for one in await stores.records.facts(ADA.user_id) if one.kind is FactKind.USER
        ]
        before = [one for one in grants if one.epoch < fact.epoch]
        after = [one for one in grants if one.epoch == fact.epoch]
        assert len(before) + len(after) == 8
        assert outcomes[4] == len(before)
        for grant in before:
            assert await death(stores, access_claims(grant)) is not None
            assert await refresh_death(stores, grant) is not None
        for grant in after:
            assert await death(stores, access_claims(grant)) is None
            assert (await rotate(stores, grant)).generation == 1
        expected = {one.session_id for one in after}
        assert await live_session_ids(stores, ADA.user_id) == expected
        assert await end_user_sessions(stores, ADA.user_id) == len(after)


async def test_two_who_keep_different_sessions(stores: Stores) -> None:
    # The guard: under the user's lock the second finds that its own was ended by the first, and
    # so excepts nothing.
    for _ in range(ROUNDS):
        first, second = await create(stores), await create(stores)
        counts = await race(
            end_user_sessions(stores, ADA.user_id, kept=first),
            end_user_sessions(stores, ADA.user_id, kept=second),
        )
        assert counts == [1, 1]
        assert await live_session_ids(stores, ADA.user_id) == set()
        for grant in (first, second):
            assert await death(stores, access_claims(grant)) is not None


async def test_a_token_is_revoked_once(stores: Stores) -> None:
    # The guard: the key of a fact is what it is about, and only who writes it counts.
    claims = access_claims(await create(stores))
    counts = await race(*(revoke_token(stores, claims) for _ in range(16)))
    assert Counter(counts) == {0: 15, 1: 1}
    assert (await stores.records.metrics(ADA.user_id))["phone", "revoked"] == 1
    kinds = ["session.created", "token.revoked", "user.created"]
    assert await stores.records.audit_kinds(ADA.user_id) == kinds


async def test_a_session_is_ended_once(stores: Stores) -> None:
    # The guard: the update looks again at whether it has ended after it waited for the row.
    grant = await create(stores)
    counts = await race(*(end_session(stores, grant) for _ in range(16)))
    assert Counter(counts) == {0: 15, 1: 1}
    assert (await stores.records.metrics(ADA.user_id))["phone", "revoked"] == 1
    kinds = ["session.created", "session.revoked", "user.created"]
    assert await stores.records.audit_kinds(ADA.user_id) == kinds


async def test_a_users_sessions_are_counted_once(stores: Stores) -> None:
    # The guard: the user's row is locked before the epoch is read and the living are counted.
    for _ in range(5):
        await create(stores)
    counts = await race(*(end_user_sessions(stores, ADA.user_id) for _ in range(8)))
    assert Counter(counts) == {0: 7, 5: 1}
    assert (await stores.records.metrics(ADA.user_id))["", "bulk_revoked"] == 5


async def test_a_username_is_taken_once(stores: Stores) -> None:
    # The guard: the username is unique, and nothing of a refused creation stays.
    claimants = [replace(ADA, user_id=f"u-{number}") for number in range(8)]
    outcomes = await race(*(create(stores, new_session(one)) for one in claimants))
    kinds = [type(one) for one in outcomes]
    assert (kinds.count(Grant), kinds.count(UsernameTakenError)) == (1, 7)
    held = [await live_session_ids(stores, one.user_id) for one in claimants]
    assert sum(map(len, held)) == 1


async def test_everything_at_once_waits_in_one_order(stores: Stores) -> None:
    # The guard: where two rows are locked the user's comes first, and a refresh locks the
    # session's alone. In another order PostgreSQL would find deadlocks here.
    for _ in range(ROUNDS):
        grants = [await create(stores) for _ in range(4)]
        await race(
            *(rotate(stores, grant) for grant in grants),
            end_user_sessions(stores, ADA.user_id, kept=grants[0]),
            *(create(stores) for _ in range(2)),
            end_session(stores, grants[1]),
            *(rotate(stores, grant) for grant in grants),
            revoke_token(stores, access_claims(grants[2])),
            end_user_sessions(stores, ADA.user_id, kept=grants[3]),
        )
