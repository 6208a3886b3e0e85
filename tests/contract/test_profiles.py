"""SessionStore: the directory's profile, replaced by a creation and read by a refresh."""

from dataclasses import replace
from datetime import timedelta

import pytest
from support.asking import ADA, access_claims, new_session
from support.steps import create, death, refresh_death, rotate
from support.stores import Stores

from tokenauthority_server.domain.revocations import Death, Fact, FactKind, RevocationReason
from tokenauthority_server.domain.tokens import InactiveReason
from tokenauthority_server.domain.users import Profile

RIGHTS_KEPT = [
    replace(ADA, email="countess@example.com"),
    replace(ADA, username="countess"),
    replace(ADA, roles=(*ADA.roles, "owner")),
    replace(ADA, permissions=(*ADA.permissions, "delete")),
    replace(ADA, roles=ADA.roles[::-1]),
]
RIGHTS_LOST = [
    replace(ADA, roles=ADA.roles[1:]),
    replace(ADA, permissions=ADA.permissions[:1]),
    replace(ADA, roles=("owner", "reader", "writer")),
    replace(ADA, roles=(), permissions=()),
]


def profile_fact(epoch: int) -> Fact:
    return Fact(
        kind=FactKind.PROFILE,
        user_id=ADA.user_id,
        target="",
        reason=RevocationReason.PROFILE_CHANGED,
        epoch=epoch,
    )


async def test_the_same_profile_again_changes_nothing(stores: Stores) -> None:
    first = await create(stores)
    again = await create(stores)
    assert (again.profile, again.profile_epoch) == (ADA, first.profile_epoch)
    assert await stores.records.facts(ADA.user_id) == set()


@pytest.mark.parametrize("changed", RIGHTS_KEPT)
async def test_a_profile_is_replaced_whole(stores: Stores, changed: Profile) -> None:
    first = await create(stores)
    second = await create(stores, new_session(changed))
    assert (second.profile, second.profile_epoch) == (changed, first.profile_epoch)
    assert await stores.records.facts(ADA.user_id) == set()
    assert await death(stores, access_claims(first)) is None
    assert (await rotate(stores, first)).profile == changed


@pytest.mark.parametrize("changed", RIGHTS_LOST)
async def test_a_lost_right_kills_older_access_tokens(stores: Stores, changed: Profile) -> None:
    first = await create(stores)
    second = await create(stores, new_session(changed))
    assert (second.profile, second.profile_epoch) == (changed, first.profile_epoch + 1)
    assert await stores.records.facts(ADA.user_id) == {profile_fact(second.profile_epoch)}
    assert await death(stores, access_claims(first)) == Death(
        InactiveReason.USER_REVOKED, RevocationReason.PROFILE_CHANGED
    )
    assert await death(stores, access_claims(second)) is None


async def test_a_session_outlives_a_lost_right(stores: Stores) -> None:
    first = await create(stores)
    changed = replace(ADA, roles=())
    await create(stores, new_session(changed))
    assert await refresh_death(stores, first) is None
    refreshed = await rotate(stores, first)
    assert (refreshed.profile, refreshed.profile_epoch) == (changed, first.profile_epoch + 1)
    assert await death(stores, access_claims(refreshed)) is None


async def test_of_lost_rights_the_last_fact_suffices(stores: Stores) -> None:
    grants = [
        await create(stores, new_session(replace(ADA, roles=roles)))
        for roles in (("a", "b"), ("a",), ())
    ]
    assert await stores.records.facts(ADA.user_id) == {profile_fact(grants[2].profile_epoch)}
    deaths = [await death(stores, access_claims(grant)) for grant in grants]
    assert [one is None for one in deaths] == [False, False, True]


async def test_a_right_given_back_revives_nothing(stores: Stores) -> None:
    first = await create(stores)
    await create(stores, new_session(replace(ADA, roles=())))
    third = await create(stores)
    assert await death(stores, access_claims(first)) is not None
    assert await death(stores, access_claims(third)) is None


async def test_a_profile_fact_outlives_every_access_token(stores: Stores) -> None:
    first = await create(stores)
    await create(stores, new_session(replace(ADA, roles=())))
    await stores.advance(timedelta(hours=24))
    assert await death(stores, access_claims(first)) is not None
    await stores.advance(timedelta(minutes=6))
    assert await death(stores, access_claims(first)) is None
