"""SessionStore.rotate against itself and against what ends sessions, all at once.

Over the memory form these hold by themselves; each names what makes the real store pass.
"""

import asyncio
from dataclasses import replace

import pytest
from support.asking import ADA, access_claims, new_session, pair, rotation_of
from support.racing import race
from support.steps import (
    create,
    death,
    end_session,
    end_user_sessions,
    live_session_ids,
    refresh_death,
    rotate,
)
from support.stores import Stores

from tokenauthority_server.domain.errors import RefreshTokenReusedError, SessionEndedError
from tokenauthority_server.domain.sessions import Grant

ROUNDS = 12


async def test_of_64_refreshes_of_one_token_one_rotates(stores: Stores) -> None:
    # The guard: the whole rotation state is on one row, and the winner's update compares the
    # fingerprint again after it waited for that row.
    grant = await create(stores)
    for generation in range(1, 4):
        outcomes = await race(*(rotate(stores, grant) for _ in range(64)))
        grants = [one for one in outcomes if isinstance(one, Grant)]
        assert len(grants) == 64
        (winner,) = [one for one in grants if not one.replayed]
        assert winner.generation == generation
        assert {pair(one) for one in grants} == {pair(winner)}
        assert (await stores.records.metrics(ADA.user_id))["phone", "refreshed"] == generation
        grant = winner


async def test_a_refresh_and_the_end_of_its_session(stores: Stores) -> None:
    # The guard: both change the session's row, so one waits for the other, and each looks again
    # at whether the session has ended after its wait.
    for _ in range(ROUNDS):
        first = await create(stores)
        refreshed, ended = await race(rotate(stores, first), end_session(stores, first))
        assert ended == 1
        await assert_dead(stores, first, refreshed)


async def test_a_refresh_and_the_end_of_the_users_sessions(stores: Stores) -> None:
    # The guard: the pair carries the session's epoch, which the fact is above, though the refresh
    # locks nothing of the user.
    for _ in range(ROUNDS):
        first = await create(stores)
        refreshed, ended = await race(rotate(stores, first), end_user_sessions(stores, ADA.user_id))
        assert ended == 1
        await assert_dead(stores, first, refreshed)


async def assert_dead(stores: Stores, first: Grant, refreshed: Grant | object) -> None:
    if not isinstance(refreshed, Grant):
        assert isinstance(refreshed, SessionEndedError)
    grants = [one for one in (first, refreshed) if isinstance(one, Grant)]
    for grant in grants:
        assert await death(stores, access_claims(grant)) is not None
        assert await refresh_death(stores, grant) is not None
        with pytest.raises(SessionEndedError):
            await rotate(stores, grant)
    assert await live_session_ids(stores, ADA.user_id) == set()


async def test_a_kept_session_is_never_refused(stores: Stores) -> None:
    # The guard: a refresh that waited for the row is settled by what is read after the wait. By
    # what its statement saw before, the row's new epoch would not be the user's.
    grant = await create(stores)
    for _ in range(ROUNDS):
        refreshes = [rotate(stores, grant) for _ in range(3)]
        ends = [end_user_sessions(stores, ADA.user_id, kept=grant) for _ in range(2)]
        outcomes = await race(refreshes[0], ends[0], refreshes[1], ends[1], refreshes[2])
        grants = [one for one in outcomes if isinstance(one, Grant)]
        assert [one.replayed for one in grants].count(False) == 1
        assert len(grants) == 3
        assert len({one.refresh_fingerprint for one in grants}) == 1
        for one in grants:
            assert await death(stores, access_claims(one)) is None
        grant = grants[0]
    assert await live_session_ids(stores, ADA.user_id) == {grant.session_id}


async def test_a_reuse_and_a_refresh(stores: Stores) -> None:
    # The guard: reuse is decided, and the session ended, under the lock of the session's row.
    for _ in range(ROUNDS):
        first = await create(stores)
        second = await rotate(stores, first)
        third = await rotate(stores, second)
        outcomes = await race(rotate(stores, third), rotate(stores, first))
        refreshed, reused = outcomes
        assert isinstance(reused, RefreshTokenReusedError)
        await assert_dead(stores, third, refreshed)


async def test_of_many_reuses_one_ends_the_session(stores: Stores) -> None:
    # The guard: the same lock. Who comes second finds the session ended.
    first = await create(stores)
    await rotate(stores, await rotate(stores, first))
    outcomes = await race(*(rotate(stores, first) for _ in range(16)))
    kinds = [type(one) for one in outcomes]
    assert kinds.count(RefreshTokenReusedError) == 1
    assert kinds.count(SessionEndedError) == 15
    metrics = await stores.records.metrics(ADA.user_id)
    assert metrics["phone", "reuse_detected"] == metrics["phone", "revoked"] == 1
    assert len(await stores.records.reuse_devices(ADA.user_id)) == 1


async def test_a_refresh_and_a_lost_right(stores: Stores) -> None:
    # The guard: the token carries the profile epoch that was read together with the profile.
    roles = ADA.roles
    for number in range(ROUNDS):
        first = await create(stores, new_session(replace(ADA, roles=roles)))
        changed = replace(ADA, roles=(f"role-{number}",))
        refreshed, _ = await race(
            rotate(stores, first), create(stores, new_session(changed, request_id=f"r-{number}"))
        )
        assert isinstance(refreshed, Grant)
        has_new_profile = refreshed.profile == changed
        assert has_new_profile or refreshed.profile == first.profile
        assert (await death(stores, access_claims(refreshed)) is None) == has_new_profile
        again = await rotate(stores, first)
        assert again.replayed
        assert pair(again) == pair(refreshed)
        roles = changed.roles


async def test_a_refresh_whose_caller_went_away_can_be_asked_again(stores: Stores) -> None:
    # The guards: a change goes on to its end when its caller is cancelled, its transaction is all
    # or nothing, and its successor is derived, so that asking again gives the same one.
    grant = await create(stores)
    for turns in range(40):
        asked = asyncio.ensure_future(rotate(stores, rotation_of(grant)))
        for _ in range(turns % 20):
            await asyncio.sleep(0)
        asked.cancel()
        await asyncio.wait({asked})
        grant = await rotate(stores, grant)
        assert grant.generation == turns + 1
        assert await death(stores, access_claims(grant)) is None
    assert (await stores.records.metrics(ADA.user_id))["phone", "refreshed"] == 40
