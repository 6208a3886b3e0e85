"""UserDirectory.set_status: who is let in, and what ends for whoever is not."""

from dataclasses import replace
from datetime import timedelta

import pytest
from support.asking import ADA, BOB, LAPTOP, LIFETIMES, access_claims, new_session
from support.steps import (
    create,
    death,
    delete_user,
    end_session,
    end_user_sessions,
    live_session_ids,
    refresh_death,
    rotate,
    set_status,
)
from support.stores import Stores

from tokenauthority_server.domain.errors import (
    SessionEndedError,
    UserNotAllowedError,
    UserNotFoundError,
)
from tokenauthority_server.domain.revocations import Death, Fact, FactKind, RevocationReason
from tokenauthority_server.domain.tokens import InactiveReason
from tokenauthority_server.domain.users import Profile, UserStatus

ACTIVE, DISABLED, LOCKED = UserStatus.ACTIVE, UserStatus.DISABLED, UserStatus.LOCKED
DEAD = Death(InactiveReason.USER_REVOKED, RevocationReason.USER_DISABLED)
HOUR = timedelta(hours=1)


def disabled_at(epoch: int) -> Fact:
    reason = RevocationReason.USER_DISABLED
    return Fact(kind=FactKind.USER, user_id=ADA.user_id, target="", reason=reason, epoch=epoch)


async def changes(stores: Stores) -> int:
    kinds = await stores.records.audit_kinds(ADA.user_id)
    return kinds.count("user.status_changed")


@pytest.mark.parametrize("status", [DISABLED, LOCKED])
async def test_keeping_a_user_out_ends_every_session(stores: Stores, status: UserStatus) -> None:
    grants = [await create(stores), await create(stores, new_session(device=LAPTOP))]
    grants.append(await rotate(stores, grants[0]))
    assert await set_status(stores, ADA.user_id, status) == 2
    assert await stores.records.standing(ADA.user_id) == (status, None)
    assert await live_session_ids(stores, ADA.user_id) == set()
    assert [await death(stores, access_claims(one)) for one in grants] == [DEAD] * 3
    assert [await refresh_death(stores, one) for one in grants[1:]] == [DEAD] * 2
    for grant in grants:
        with pytest.raises(SessionEndedError):
            await rotate(stores, grant)
    assert await stores.records.facts(ADA.user_id) == {disabled_at(grants[0].epoch + 1)}


@pytest.mark.parametrize("status", [DISABLED, LOCKED])
@pytest.mark.parametrize("by", [ADA, ADA.user_id])
async def test_who_is_kept_out_opens_no_session(
    stores: Stores, status: UserStatus, by: Profile | str
) -> None:
    await create(stores)
    await set_status(stores, ADA.user_id, status)
    with pytest.raises(UserNotAllowedError):
        await create(stores, new_session(by))


async def test_what_is_written_does_not_depend_on_how_many_there_are(stores: Stores) -> None:
    epoch = max([(await create(stores)).epoch for _ in range(12)])
    assert await set_status(stores, ADA.user_id, DISABLED) == 12
    assert await stores.records.facts(ADA.user_id) == {disabled_at(epoch + 1)}
    assert await stores.records.metrics(ADA.user_id) == {
        ("phone", "created"): 12,
        ("", "bulk_revoked"): 12,
    }
    kinds = ["session.created"] * 12 + ["user.created", "user.status_changed"]
    assert await stores.records.audit_kinds(ADA.user_id) == kinds


async def test_only_live_sessions_are_counted(stores: Stores) -> None:
    await create(stores, lifetimes=replace(LIFETIMES, refresh=timedelta(minutes=1)))
    await end_session(stores, await create(stores))
    await create(stores)
    await stores.advance(timedelta(minutes=2))
    assert await set_status(stores, ADA.user_id, LOCKED) == 1
    assert (await stores.records.metrics(ADA.user_id))["", "bulk_revoked"] == 1


async def test_without_a_session_the_epoch_rises_all_the_same(stores: Stores) -> None:
    grant = await create(stores)
    await end_session(stores, grant)
    assert await set_status(stores, ADA.user_id, DISABLED) == 0
    assert disabled_at(grant.epoch + 1) in await stores.records.facts(ADA.user_id)
    assert ("", "bulk_revoked") not in await stores.records.metrics(ADA.user_id)


async def test_a_session_that_was_excepted_once_ends_too(stores: Stores) -> None:
    kept = await create(stores)
    await end_user_sessions(stores, ADA.user_id, kept=kept)
    assert await set_status(stores, ADA.user_id, DISABLED) == 1
    assert await stores.records.facts(ADA.user_id) == {disabled_at(kept.epoch + 2)}
    assert await death(stores, access_claims(kept)) == DEAD


async def test_who_is_let_in_again_begins_anew(stores: Stores) -> None:
    old = await create(stores)
    await set_status(stores, ADA.user_id, DISABLED)
    assert await set_status(stores, ADA.user_id, ACTIVE) == 0
    assert await stores.records.standing(ADA.user_id) == (ACTIVE, None)
    with pytest.raises(SessionEndedError):
        await rotate(stores, old)
    assert await death(stores, access_claims(old)) == DEAD
    new = await create(stores)
    assert new.epoch == old.epoch + 1
    assert await death(stores, access_claims(new)) is None
    assert (await rotate(stores, new)).generation == 1
    assert await changes(stores) == 2


async def test_a_user_is_kept_out_anew(stores: Stores) -> None:
    first = await create(stores)
    for _ in range(2):
        await set_status(stores, ADA.user_id, DISABLED)
        await set_status(stores, ADA.user_id, ACTIVE)
    second = await create(stores)
    assert second.epoch == first.epoch + 2
    assert await set_status(stores, ADA.user_id, DISABLED) == 1
    assert await death(stores, access_claims(second)) == DEAD


@pytest.mark.parametrize("status", [ACTIVE, DISABLED, LOCKED])
async def test_what_is_set_already_changes_nothing(stores: Stores, status: UserStatus) -> None:
    await create(stores)
    until = await stores.records.now() + HOUR if status is LOCKED else None
    await set_status(stores, ADA.user_id, status, until)
    facts = await stores.records.facts(ADA.user_id)
    before = await changes(stores)
    assert await set_status(stores, ADA.user_id, status, until) == 0
    assert await stores.records.facts(ADA.user_id) == facts
    assert await changes(stores) == before == (status is not ACTIVE)


@pytest.mark.parametrize(("first", "second"), [(DISABLED, LOCKED), (LOCKED, DISABLED)])
async def test_from_one_way_of_keeping_out_to_the_other(
    stores: Stores, first: UserStatus, second: UserStatus
) -> None:
    grant = await create(stores)
    assert await set_status(stores, ADA.user_id, first) == 1
    assert await set_status(stores, ADA.user_id, second) == 0
    assert await stores.records.standing(ADA.user_id) == (second, None)
    assert await stores.records.facts(ADA.user_id) == {disabled_at(grant.epoch + 1)}
    assert await changes(stores) == 2


async def test_others_keep_theirs(stores: Stores) -> None:
    await create(stores)
    bob = await create(stores, new_session(BOB))
    await set_status(stores, ADA.user_id, DISABLED)
    assert await live_session_ids(stores, BOB.user_id) == {bob.session_id}
    assert (await rotate(stores, bob)).generation == 1


@pytest.mark.parametrize("status", [ACTIVE, DISABLED, LOCKED])
@pytest.mark.parametrize("known", [False, True])
async def test_nobody_stands_anywhere(stores: Stores, status: UserStatus, *, known: bool) -> None:
    if known:
        await create(stores)
        await delete_user(stores, ADA.user_id)
    before = await stores.records.facts(ADA.user_id)
    with pytest.raises(UserNotFoundError):
        await set_status(stores, ADA.user_id, status)
    assert await stores.records.facts(ADA.user_id) == before
    assert await changes(stores) == 0


async def test_deleting_is_something_else(stores: Stores) -> None:
    await create(stores)
    with pytest.raises(ValueError, match="delete"):
        await set_status(stores, ADA.user_id, UserStatus.DELETED)
    assert await stores.records.standing(ADA.user_id) == (ACTIVE, None)


async def test_the_fact_outlives_every_access_token(stores: Stores) -> None:
    grant = await create(stores, lifetimes=replace(LIFETIMES, access=timedelta(hours=24)))
    await set_status(stores, ADA.user_id, DISABLED)
    await stores.advance(timedelta(hours=24))
    assert await death(stores, access_claims(grant)) == DEAD
