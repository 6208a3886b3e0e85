"""SessionStore.rotate: a refresh token that had been rotated, as a replay and as reuse."""

from dataclasses import replace
from datetime import timedelta

import pytest
from support.asking import (
    ADA,
    LAPTOP,
    LIFETIMES,
    NO_DEVICE,
    PHONE,
    access_claims,
    new_session,
    pair,
    rotation_of,
)
from support.steps import create, death, live_session_ids, refresh_death, rotate
from support.stores import Stores

from tokenauthority_server.domain.errors import (
    RefreshTokenReusedError,
    SessionEndedError,
    UserNotAllowedError,
)
from tokenauthority_server.domain.revocations import Death, Fact, FactKind, RevocationReason
from tokenauthority_server.domain.sessions import Device, Grant
from tokenauthority_server.domain.tokens import InactiveReason


async def assert_ended_for_reuse(stores: Stores, grants: list[Grant]) -> None:
    """The session of the grants, Ada's only one, has ended with all that should say so."""
    latest = grants[-1]
    device_id = latest.device_id
    metrics = await stores.records.metrics(ADA.user_id)
    assert (metrics[device_id, "reuse_detected"], metrics[device_id, "revoked"]) == (1, 1)
    assert await stores.records.facts(ADA.user_id) == {
        Fact(
            kind=FactKind.SESSION,
            user_id=ADA.user_id,
            target=latest.session_id,
            reason=RevocationReason.REUSE_DETECTED,
        )
    }
    kinds = ["session.created", "session.reuse_detected", "user.created"]
    assert await stores.records.audit_kinds(ADA.user_id) == kinds
    dead = Death(InactiveReason.SESSION_REVOKED, RevocationReason.REUSE_DETECTED)
    for grant in grants:
        assert await death(stores, access_claims(grant)) == dead
        with pytest.raises(SessionEndedError):
            await rotate(stores, grant)
    assert await refresh_death(stores, latest) == dead
    assert await live_session_ids(stores, ADA.user_id) == set()
    assert await stores.records.metrics(ADA.user_id) == metrics


async def test_the_parent_gets_the_same_pair_again(stores: Stores) -> None:
    first = await create(stores)
    second = await rotate(stores, first)
    for _ in range(3):
        again = await rotate(stores, rotation_of(first, key_id="key-2"))
        assert again.replayed
        assert pair(again) == pair(second)
    assert (await rotate(stores, second)).generation == 2


async def test_a_replay_counts_nothing_and_moves_no_device(stores: Stores) -> None:
    first = await create(stores)
    await rotate(stores, first)
    before = await stores.records.metrics(ADA.user_id)
    elsewhere = Device(device_id="phone", user_agent="app/9", ip_address="192.0.2.9")
    await rotate(stores, rotation_of(first, device=elsewhere))
    assert await stores.records.metrics(ADA.user_id) == before
    assert await stores.records.audit_kinds(ADA.user_id) == ["session.created", "user.created"]
    page = await stores.sessions.page(ADA.user_id, 10, None)
    assert page.sessions[0].device == PHONE


async def test_a_replay_within_the_grace_keeps_the_first_times(stores: Stores) -> None:
    first = await create(stores)
    await rotate(stores, first)
    await stores.advance(LIFETIMES.grace - timedelta(seconds=5))
    again = await rotate(stores, first)
    assert again.replayed
    assert again.now - again.issue_time >= LIFETIMES.grace - timedelta(seconds=5)
    assert again.access_expire_time - again.issue_time == LIFETIMES.access
    assert again.refresh_expire_time - again.issue_time == LIFETIMES.refresh


async def test_a_replay_does_not_prolong_the_grace(stores: Stores) -> None:
    first = await create(stores)
    second = await rotate(stores, first)
    await stores.advance(timedelta(seconds=20))
    await rotate(stores, first)
    await stores.advance(timedelta(seconds=20))
    with pytest.raises(RefreshTokenReusedError):
        await rotate(stores, first)
    await assert_ended_for_reuse(stores, [first, second])


async def test_a_replay_has_the_profile_first_issued(stores: Stores) -> None:
    first = await create(stores)
    second = await rotate(stores, first)
    for roles in ((), ("owner",)):
        changed = replace(ADA, roles=roles)
        await create(stores, new_session(changed))
        again = await rotate(stores, first)
        assert again.replayed
        assert pair(again) == pair(second)
    third = await rotate(stores, second)
    assert (third.profile, third.profile_epoch) == (changed, first.profile_epoch + 1)


async def test_a_replay_needs_no_room_anew(stores: Stores) -> None:
    first = await create(stores)
    second = await rotate(stores, first)
    again = await rotate(stores, rotation_of(first, profile_budget=0))
    assert pair(again) == pair(second)


@pytest.mark.parametrize(
    ("session_device", "presented_by"),
    [(PHONE, PHONE), (PHONE, NO_DEVICE), (NO_DEVICE, LAPTOP), (NO_DEVICE, NO_DEVICE)],
)
async def test_a_replay_may_come_without_a_device_id(
    stores: Stores, session_device: Device, presented_by: Device
) -> None:
    first = await create(stores, new_session(device=session_device))
    second = await rotate(stores, first)
    again = await rotate(stores, rotation_of(first, device=presented_by))
    assert pair(again) == pair(second)


async def test_the_parent_from_another_device_is_reuse(stores: Stores) -> None:
    first = await create(stores)
    second = await rotate(stores, first)
    with pytest.raises(RefreshTokenReusedError):
        await rotate(stores, rotation_of(first, device=LAPTOP))
    assert await stores.records.reuse_devices(ADA.user_id) == [{"phone", "laptop"}]
    await assert_ended_for_reuse(stores, [first, second])


async def test_the_current_token_may_come_from_another_device(stores: Stores) -> None:
    first = await create(stores)
    second = await rotate(stores, rotation_of(first, device=LAPTOP))
    assert (second.generation, second.device_id) == (1, "phone")


async def test_the_parent_after_the_grace_is_reuse(stores: Stores) -> None:
    first = await create(stores)
    second = await rotate(stores, first)
    await stores.advance(LIFETIMES.grace + timedelta(seconds=1))
    with pytest.raises(RefreshTokenReusedError):
        await rotate(stores, first)
    await assert_ended_for_reuse(stores, [first, second])


async def test_a_token_whose_successor_was_used_is_reuse(stores: Stores) -> None:
    first = await create(stores)
    second = await rotate(stores, first)
    third = await rotate(stores, second)
    with pytest.raises(RefreshTokenReusedError):
        await rotate(stores, first)
    await assert_ended_for_reuse(stores, [first, second, third])


async def test_a_token_that_was_never_current_is_reuse(stores: Stores) -> None:
    first = await create(stores, new_session(device=NO_DEVICE))
    with pytest.raises(RefreshTokenReusedError):
        await rotate(stores, replace(rotation_of(first), presented=b"\x00" * 32))
    await assert_ended_for_reuse(stores, [first])


async def test_reuse_ends_the_session_of_a_user_who_may_not_as_well(stores: Stores) -> None:
    first = await create(stores)
    second = await rotate(stores, first)
    await stores.records.set_status(ADA.user_id, "DISABLED")
    with pytest.raises(UserNotAllowedError):
        await rotate(stores, first)
    with pytest.raises(RefreshTokenReusedError):
        await rotate(stores, rotation_of(first, device=LAPTOP))
    await assert_ended_for_reuse(stores, [first, second])


async def test_reuse_ends_no_other_session(stores: Stores) -> None:
    other = await create(stores)
    first = await create(stores)
    await rotate(stores, first)
    with pytest.raises(RefreshTokenReusedError):
        await rotate(stores, rotation_of(first, device=LAPTOP))
    assert await live_session_ids(stores, ADA.user_id) == {other.session_id}
    assert await death(stores, access_claims(other)) is None


async def test_the_fact_of_a_reuse_outlives_every_access_token(stores: Stores) -> None:
    # The first access token outlives the second: the setting was longer once.
    first = await create(stores, lifetimes=replace(LIFETIMES, access=timedelta(hours=4)))
    second = await rotate(stores, first)
    await rotate(stores, second)
    with pytest.raises(RefreshTokenReusedError):
        await rotate(stores, first)
    await stores.advance(timedelta(hours=4, minutes=4))
    assert await death(stores, access_claims(first)) is not None
    await stores.advance(timedelta(minutes=2))
    assert await death(stores, access_claims(first)) is None
