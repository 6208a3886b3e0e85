"""UserDirectory.set_status: a lock may have an end."""

from datetime import timedelta

import pytest
from support.asking import ADA, access_claims
from support.steps import create, death, rotate, set_status
from support.stores import Stores

from tokenauthority_server.domain.errors import SessionEndedError, UserNotAllowedError
from tokenauthority_server.domain.revocations import Death, Fact, FactKind, RevocationReason
from tokenauthority_server.domain.tokens import InactiveReason
from tokenauthority_server.domain.users import UserStatus

ACTIVE, DISABLED, LOCKED = UserStatus.ACTIVE, UserStatus.DISABLED, UserStatus.LOCKED
DEAD = Death(InactiveReason.USER_REVOKED, RevocationReason.USER_DISABLED)
HOUR = timedelta(hours=1)


def disabled_at(epoch: int) -> Fact:
    reason = RevocationReason.USER_DISABLED
    return Fact(kind=FactKind.USER, user_id=ADA.user_id, target="", reason=reason, epoch=epoch)


async def changes(stores: Stores) -> int:
    kinds = await stores.records.audit_kinds(ADA.user_id)
    return kinds.count("user.status_changed")


async def test_a_lock_ends_by_itself(stores: Stores) -> None:
    old = await create(stores)
    until = await stores.records.now() + HOUR
    assert await set_status(stores, ADA.user_id, LOCKED, until) == 1
    assert await stores.records.standing(ADA.user_id) == (LOCKED, until)
    with pytest.raises(UserNotAllowedError):
        await create(stores)
    await stores.advance(HOUR)
    new = await create(stores)
    assert (await rotate(stores, new)).generation == 1
    with pytest.raises(SessionEndedError):
        await rotate(stores, old)


async def test_a_lock_is_made_longer(stores: Stores) -> None:
    grant = await create(stores)
    now = await stores.records.now()
    await set_status(stores, ADA.user_id, LOCKED, now + HOUR)
    for until in (now + 2 * HOUR, None):
        assert await set_status(stores, ADA.user_id, LOCKED, until) == 0
        assert await stores.records.standing(ADA.user_id) == (LOCKED, until)
    assert await stores.records.facts(ADA.user_id) == {disabled_at(grant.epoch + 1)}
    assert await changes(stores) == 3


@pytest.mark.parametrize("status", [DISABLED, LOCKED])
async def test_after_a_lock_that_has_ended_it_is_a_new_one(
    stores: Stores, status: UserStatus
) -> None:
    first = await create(stores)
    await set_status(stores, ADA.user_id, LOCKED, await stores.records.now() + HOUR)
    await stores.advance(2 * HOUR)
    second = await create(stores)
    assert await set_status(stores, ADA.user_id, status) == 1
    assert await stores.records.facts(ADA.user_id) == {disabled_at(first.epoch + 2)}
    assert await death(stores, access_claims(second)) == DEAD


async def test_the_same_lock_again_ends_nothing_after_its_time(stores: Stores) -> None:
    await create(stores)
    await set_status(stores, ADA.user_id, LOCKED, await stores.records.now() + HOUR)
    await stores.advance(2 * HOUR)
    session = await create(stores)
    _, until = await stores.records.standing(ADA.user_id)
    assert await set_status(stores, ADA.user_id, LOCKED, until) == 0
    assert await death(stores, access_claims(session)) is None
    assert await changes(stores) == 1


async def test_a_lock_until_a_time_that_has_passed_ends_the_sessions(stores: Stores) -> None:
    # Asked for late, it still means what it meant.
    grant = await create(stores)
    assert await set_status(stores, ADA.user_id, LOCKED, grant.now - HOUR) == 1
    assert await death(stores, access_claims(grant)) == DEAD
    assert (await create(stores)).epoch == grant.epoch + 1


@pytest.mark.parametrize("status", [ACTIVE, DISABLED])
async def test_only_a_lock_has_an_end(stores: Stores, status: UserStatus) -> None:
    grant = await create(stores)
    await set_status(stores, ADA.user_id, LOCKED)
    await set_status(stores, ADA.user_id, status, grant.now + HOUR)
    assert await stores.records.standing(ADA.user_id) == (status, None)
