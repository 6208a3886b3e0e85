"""SessionStore.create: what a new session is, and when there is none."""

from dataclasses import replace
from datetime import timedelta

import pytest
from support.asking import ADA, BOB, LAPTOP, LIFETIMES, MAY_NOT, PHONE, new_session
from support.steps import create, live_session_ids
from support.stores import Status, Stores

from tokenauthority_server.domain.errors import (
    ProfileTooLargeError,
    UsernameTakenError,
    UserNotAllowedError,
    UserNotFoundError,
)


async def test_a_profile_makes_its_user_known(stores: Stores) -> None:
    new = new_session(ADA, scope=("shop:read", "shop:write"))
    grant = await create(stores, new)
    assert grant.profile == ADA
    assert grant.session_id == new.session_id
    assert grant.refresh_fingerprint == new.refresh_fingerprint
    assert grant.key_id == new.key_id
    assert grant.device_id == PHONE.device_id
    assert grant.scope == ("shop:read", "shop:write")
    assert grant.generation == 0
    assert not grant.replayed
    assert (await create(stores, new_session(ADA.user_id))).profile == ADA


async def test_a_creation_is_counted_and_audited(stores: Stores) -> None:
    await create(stores)
    await create(stores, new_session(ADA.user_id))
    await create(stores, new_session(ADA.user_id, device=LAPTOP))
    assert await stores.records.metrics(ADA.user_id) == {
        ("phone", "created"): 2,
        ("laptop", "created"): 1,
    }
    kinds = [*["session.created"] * 3, "user.created"]
    assert await stores.records.audit_kinds(ADA.user_id) == kinds
    assert await stores.records.facts(ADA.user_id) == set()


async def test_times_are_whole_seconds_of_the_store(stores: Stores) -> None:
    grant = await create(stores)
    assert grant.issue_time == grant.now.replace(microsecond=0)
    assert grant.access_expire_time == grant.issue_time + LIFETIMES.access
    assert grant.refresh_expire_time == grant.issue_time + LIFETIMES.refresh


async def test_no_token_outlives_its_session(stores: Stores) -> None:
    lifetimes = replace(LIFETIMES, session=timedelta(minutes=10))
    grant = await create(stores, lifetimes=lifetimes)
    assert grant.refresh_expire_time == grant.issue_time + timedelta(minutes=10)
    assert grant.access_expire_time == grant.issue_time + timedelta(minutes=10)


async def test_no_access_token_outlives_its_refresh_token(stores: Stores) -> None:
    lifetimes = replace(LIFETIMES, refresh=timedelta(minutes=10))
    grant = await create(stores, lifetimes=lifetimes)
    assert grant.access_expire_time == grant.issue_time + timedelta(minutes=10)


async def test_an_unknown_user_id_has_no_session(stores: Stores) -> None:
    with pytest.raises(UserNotFoundError):
        await create(stores, new_session("u-nobody"))
    assert await stores.records.metrics("u-nobody") == {}
    assert await stores.records.audit_kinds("u-nobody") == []


@pytest.mark.parametrize(("status", "locked_for"), MAY_NOT)
async def test_a_user_who_may_not_gets_nothing_written(
    stores: Stores, status: Status, locked_for: timedelta | None
) -> None:
    await create(stores)
    await stores.records.set_status(ADA.user_id, status, locked_for)
    for user in (ADA.user_id, replace(ADA, roles=())):
        with pytest.raises(UserNotAllowedError):
            await create(stores, new_session(user))
    assert await stores.records.metrics(ADA.user_id) == {("phone", "created"): 1}
    assert await stores.records.audit_kinds(ADA.user_id) == ["session.created", "user.created"]
    assert await stores.records.facts(ADA.user_id) == set()
    await stores.records.set_status(ADA.user_id, "ACTIVE")
    assert (await create(stores, new_session(ADA.user_id))).profile == ADA


async def test_a_lock_ends_by_itself(stores: Stores) -> None:
    await create(stores)
    await stores.records.set_status(ADA.user_id, "LOCKED", timedelta(minutes=5))
    await stores.advance(timedelta(minutes=6))
    assert (await create(stores, new_session(ADA.user_id))).profile == ADA


async def test_a_profile_that_just_fits_is_taken(stores: Stores) -> None:
    grant = await create(stores, new_session(profile_size=700, profile_budget=700))
    assert grant.profile == ADA


async def test_a_new_user_whose_profile_does_not_fit_stays_unknown(stores: Stores) -> None:
    with pytest.raises(ProfileTooLargeError):
        await create(stores, new_session(profile_size=701, profile_budget=700))
    with pytest.raises(UserNotFoundError):
        await create(stores, new_session(ADA.user_id))


async def test_a_profile_that_does_not_fit_replaces_nothing(stores: Stores) -> None:
    await create(stores)
    changed = replace(ADA, roles=())
    with pytest.raises(ProfileTooLargeError):
        await create(stores, new_session(changed, profile_size=701, profile_budget=700))
    assert await stores.records.facts(ADA.user_id) == set()
    assert (await create(stores, new_session(ADA.user_id))).profile == ADA


async def test_the_directorys_profile_has_to_fit_as_well(stores: Stores) -> None:
    await create(stores, new_session(profile_size=700))
    fits = new_session(ADA.user_id, profile_budget=700)
    await create(stores, fits)
    with pytest.raises(ProfileTooLargeError):
        await create(stores, new_session(ADA.user_id, profile_budget=699))
    assert len(await live_session_ids(stores, ADA.user_id)) == 2


async def test_a_username_has_one_holder(stores: Stores) -> None:
    await create(stores, new_session(ADA))
    await create(stores, new_session(BOB))
    for newcomer in (replace(BOB, user_id="u-eve"), replace(ADA, username=BOB.username, roles=())):
        with pytest.raises(UsernameTakenError):
            await create(stores, new_session(newcomer))
    with pytest.raises(UserNotFoundError):
        await create(stores, new_session("u-eve"))
    assert await stores.records.facts(ADA.user_id) == set()
    assert (await create(stores, new_session(ADA.user_id))).profile == ADA


async def test_a_username_that_was_given_up_is_free(stores: Stores) -> None:
    await create(stores, new_session(ADA))
    await create(stores, new_session(replace(ADA, username="countess")))
    newcomer = replace(BOB, username=ADA.username)
    assert (await create(stores, new_session(newcomer))).profile == newcomer
