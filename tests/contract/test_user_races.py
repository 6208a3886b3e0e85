"""Profiles that are put from several sides at once."""

from collections import Counter
from collections.abc import Awaitable
from dataclasses import replace

from support.asking import ADA, BOB, ORIGIN, PROFILE_SIZE, access_claims, new_session
from support.racing import race
from support.steps import create, death, delete_user
from support.stores import Stores

from tokenauthority_server.domain.errors import UsernameTakenError
from tokenauthority_server.domain.sessions import Grant
from tokenauthority_server.domain.users import Profile, User

ROUNDS = 12


async def put(stores: Stores, profile: Profile) -> User:
    return await stores.users.put(profile, PROFILE_SIZE, ORIGIN)


async def test_one_of_many_gets_a_username(stores: Stores) -> None:
    # The guard: the username is unique.
    for number in range(ROUNDS):
        heirs = [
            replace(BOB, user_id=f"u-{number}-{heir}", username=f"n-{number}") for heir in range(6)
        ]
        outcomes = await race(*(put(stores, one) for one in heirs))
        assert Counter(map(type, outcomes)) == {User: 1, UsernameTakenError: 5}


async def test_a_first_put_is_done_by_all_and_once(stores: Stores) -> None:
    for number in range(ROUNDS):
        profile = replace(ADA, user_id=f"u-{number}", username=f"n-{number}")
        outcomes = await race(*(put(stores, profile) for _ in range(6)))
        assert {one.profile for one in outcomes if isinstance(one, User)} == {profile}
        assert len([one for one in outcomes if isinstance(one, User)]) == 6
        assert await stores.records.audit_kinds(profile.user_id) == ["user.created"]


async def test_two_who_change_names(stores: Stores) -> None:
    # The guard: both rows are locked by one order. Otherwise each waits for the other's old name
    # until the server looks for deadlocks, which is later than the store's time.
    for number in range(ROUNDS):
        one, other = (
            replace(BOB, user_id=f"u-{number}-{which}", username=f"{which}-{number}")
            for which in "ab"
        )
        await put(stores, one)
        await put(stores, other)
        outcomes = await race(
            put(stores, replace(one, username=other.username)),
            put(stores, replace(other, username=one.username)),
        )
        assert UsernameTakenError in map(type, outcomes)


async def test_putting_and_creating_by_a_subject(stores: Stores) -> None:
    # The guard: both lock the user's row first. Each loss of a right raises the profile epoch once,
    # and whatever token was made before it is dead.
    for number in range(ROUNDS):
        base = replace(ADA, user_id=f"u-{number}", username=f"n-{number}")
        less = replace(base, permissions=("read",))
        first = await create(stores, new_session(base))
        racers: list[Awaitable[Grant | User]] = []
        for _ in range(3):
            racers += [create(stores, new_session(base)), put(stores, less)]
        outcomes = await race(*racers)
        grants = [first, *(one for one in outcomes if isinstance(one, Grant))]
        assert len(grants) == 4
        assert len([one for one in outcomes if isinstance(one, User)]) == 3
        last = (await stores.users.by_id(base.user_id)).profile
        assert last in (base, less)
        (fact,) = await stores.records.facts(base.user_id)
        kinds = await stores.records.audit_kinds(base.user_id)
        changes = kinds.count("user.profile_changed")
        # Every other change is a loss, the first one is.
        assert fact.epoch == (changes + 1) // 2
        for grant in grants:
            is_dead = await death(stores, access_claims(grant)) is not None
            assert is_dead == (grant.profile_epoch < fact.epoch)


async def test_putting_and_deleting(stores: Stores) -> None:
    # Whoever comes last decides; in either case no token of before lives.
    for number in range(ROUNDS):
        profile = replace(ADA, user_id=f"u-{number}", username=f"n-{number}")
        grant = await create(stores, new_session(profile))
        await race(
            put(stores, replace(profile, email="1@example.com")),
            delete_user(stores, profile.user_id),
            put(stores, replace(profile, email="2@example.com")),
        )
        assert await death(stores, access_claims(grant)) is not None
