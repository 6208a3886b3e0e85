"""SessionStore.rotate: the winner of a refresh, and plain refusals."""

from dataclasses import replace
from datetime import timedelta

import pytest
from support.asking import (
    ADA,
    BOB,
    LIFETIMES,
    MAY_NOT,
    PHONE,
    access_claims,
    new_session,
    rotation_of,
)
from support.steps import (
    create,
    death,
    end_session,
    end_user_sessions,
    live_session_ids,
    rotate,
)
from support.stores import Status, Stores

from tokenauthority_server.domain.errors import (
    ProfileTooLargeError,
    RefreshTokenExpiredError,
    SessionEndedError,
    UserNotAllowedError,
)
from tokenauthority_server.domain.sessions import Device


async def test_a_refresh_token_is_exchanged_for_its_successor(stores: Stores) -> None:
    first = await create(stores)
    second = await rotate(stores, rotation_of(first, key_id="key-2"))
    assert second.refresh_fingerprint == rotation_of(first).successor
    assert second.generation == 1
    assert second.key_id == "key-2"
    assert not second.replayed
    unchanged = {"session_id", "device_id", "scope", "epoch", "profile", "profile_epoch"}
    assert all(getattr(second, name) == getattr(first, name) for name in unchanged)
    third = await rotate(stores, second)
    assert third.generation == 2
    assert third.refresh_fingerprint == rotation_of(second).successor


async def test_the_times_are_counted_anew(stores: Stores) -> None:
    first = await create(stores)
    await stores.advance(timedelta(minutes=20))
    second = await rotate(stores, first)
    assert second.issue_time == second.now.replace(microsecond=0)
    assert second.access_expire_time == second.issue_time + LIFETIMES.access
    assert second.refresh_expire_time == second.issue_time + LIFETIMES.refresh


async def test_refreshes_are_counted_and_not_audited(stores: Stores) -> None:
    first = await create(stores)
    await rotate(stores, await rotate(stores, first))
    assert await stores.records.metrics(ADA.user_id) == {
        ("phone", "created"): 1,
        ("phone", "refreshed"): 2,
    }
    assert await stores.records.audit_kinds(ADA.user_id) == ["session.created", "user.created"]
    assert await stores.records.facts(ADA.user_id) == set()


async def test_agent_and_address_follow_the_device_and_its_id_does_not(stores: Stores) -> None:
    first = await create(stores)
    moved = Device(device_id="other", user_agent="app/2", ip_address="")
    second = await rotate(stores, rotation_of(first, device=moved))
    assert second.device_id == PHONE.device_id
    page = await stores.sessions.page(ADA.user_id, 10, None)
    assert page.sessions[0].device == replace(PHONE, user_agent="app/2")
    moved = Device(ip_address="192.0.2.9")
    third = await rotate(stores, rotation_of(second, device=moved))
    assert third.device_id == PHONE.device_id
    page = await stores.sessions.page(ADA.user_id, 10, None)
    expected = Device(device_id="phone", user_agent="app/2", ip_address="192.0.2.9")
    assert page.sessions[0].device == expected
    assert await stores.records.metrics(ADA.user_id) == {
        ("phone", "created"): 1,
        ("phone", "refreshed"): 2,
    }


async def test_endless_refreshing_ends_with_the_session(stores: Stores) -> None:
    lifetimes = replace(LIFETIMES, session=timedelta(days=10))
    grant = await create(stores, lifetimes=lifetimes)
    await stores.advance(timedelta(days=6))
    grant = await rotate(stores, grant, lifetimes)
    left = timedelta(days=4)
    assert left - timedelta(minutes=2) < grant.refresh_expire_time - grant.now <= left
    await stores.advance(left - timedelta(minutes=5))
    # The setting of today does not move the end either.
    grant = await rotate(stores, grant, LIFETIMES)
    assert grant.access_expire_time == grant.refresh_expire_time
    assert grant.refresh_expire_time - grant.now <= timedelta(minutes=5)
    await stores.advance(timedelta(minutes=5))
    with pytest.raises(RefreshTokenExpiredError):
        await rotate(stores, grant, lifetimes)


async def test_an_unknown_session_has_ended(stores: Stores) -> None:
    grant = await create(stores)
    await create(stores, new_session(BOB))
    with pytest.raises(SessionEndedError):
        await rotate(stores, replace(rotation_of(grant), session_id="sess_unknown"))
    with pytest.raises(SessionEndedError):
        await rotate(stores, replace(rotation_of(grant), user_id=BOB.user_id))
    assert (await rotate(stores, grant)).generation == 1


async def test_an_ended_session_stays_ended(stores: Stores) -> None:
    first = await create(stores)
    second = await rotate(stores, first)
    await end_session(stores, second)
    before = await stores.records.metrics(ADA.user_id)
    for grant in (second, first):
        with pytest.raises(SessionEndedError):
            await rotate(stores, grant)
    assert await stores.records.metrics(ADA.user_id) == before


async def test_a_users_ended_sessions_stay_ended(stores: Stores) -> None:
    first = await create(stores)
    second = await rotate(stores, first)
    await end_user_sessions(stores, ADA.user_id)
    before = await stores.records.metrics(ADA.user_id)
    for grant in (second, first):
        with pytest.raises(SessionEndedError):
            await rotate(stores, grant)
    assert await stores.records.metrics(ADA.user_id) == before


async def test_a_kept_session_goes_on_under_the_new_epoch(stores: Stores) -> None:
    first = await create(stores)
    await end_user_sessions(stores, ADA.user_id, kept=first)
    second = await rotate(stores, first)
    assert second.epoch == first.epoch + 1
    assert await death(stores, access_claims(first)) is None
    assert await death(stores, access_claims(second)) is None


async def test_an_expired_refresh_token_is_refused(stores: Stores) -> None:
    first = await create(stores)
    second = await rotate(stores, first)
    await stores.advance(LIFETIMES.refresh + timedelta(seconds=1))
    # Not even the rotated one counts as reuse now.
    for grant in (second, first):
        with pytest.raises(RefreshTokenExpiredError):
            await rotate(stores, grant)
    assert ("phone", "reuse_detected") not in await stores.records.metrics(ADA.user_id)


@pytest.mark.parametrize(("status", "locked_for"), MAY_NOT)
async def test_a_user_who_may_not_is_refused_and_nothing_is_rotated(
    stores: Stores, status: Status, locked_for: timedelta | None
) -> None:
    first = await create(stores)
    await stores.records.set_status(ADA.user_id, status, locked_for)
    with pytest.raises(UserNotAllowedError):
        await rotate(stores, first)
    assert await stores.records.metrics(ADA.user_id) == {("phone", "created"): 1}
    await stores.records.set_status(ADA.user_id, "ACTIVE")
    second = await rotate(stores, first)
    assert (second.generation, second.replayed) == (1, False)


async def test_a_lock_ends_by_itself(stores: Stores) -> None:
    first = await create(stores)
    await stores.records.set_status(ADA.user_id, "LOCKED", timedelta(minutes=5))
    await stores.advance(timedelta(minutes=6))
    assert (await rotate(stores, first)).generation == 1


async def test_a_profile_that_outgrew_the_token_is_refused_before_the_rotation(
    stores: Stores,
) -> None:
    first = await create(stores, new_session(profile_size=700))
    with pytest.raises(ProfileTooLargeError):
        await rotate(stores, rotation_of(first, profile_budget=699))
    assert await stores.records.metrics(ADA.user_id) == {("phone", "created"): 1}
    second = await rotate(stores, rotation_of(first, profile_budget=700))
    assert (second.generation, second.replayed) == (1, False)


async def test_the_directorys_new_profile_is_what_has_to_fit(stores: Stores) -> None:
    first = await create(stores)
    grown = replace(ADA, permissions=(*ADA.permissions, "more"))
    await create(stores, new_session(grown, profile_size=5_000))
    with pytest.raises(ProfileTooLargeError):
        await rotate(stores, rotation_of(first, profile_budget=4_999))
    assert len(await live_session_ids(stores, ADA.user_id)) == 2
