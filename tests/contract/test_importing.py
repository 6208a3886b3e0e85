"""UserImporter: users of another system are taken over, again and again."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from support.asking import ADA, BOB, ORIGIN, PROFILE_SIZE, access_claims, new_session
from support.logins import HOME, attempt_at, begin, log_in, open_session
from support.steps import create, death, delete_user, live_session_ids, set_status
from support.stores import Stores

from tokenauthority_server.domain.errors import (
    InvalidCredentialsError,
    UserNotAllowedError,
    UserNotFoundError,
)
from tokenauthority_server.domain.imports import Imported, ImportedUser
from tokenauthority_server.domain.revocations import RevocationReason
from tokenauthority_server.domain.users import Profile, UserStatus

HASH = "$2b$12$" + "." * 53
OTHER = "$2a$10$" + "O" * 53
OURS = "$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA"
CREATED, CHANGED, UNCHANGED = Imported.CREATED, Imported.CHANGED, Imported.UNCHANGED


def user(profile: Profile = ADA, password_hash: str = HASH, *, active: bool = True) -> ImportedUser:
    return ImportedUser(
        profile=profile, profile_size=PROFILE_SIZE, password_hash=password_hash, active=active
    )


async def take_over(
    stores: Stores, *users: ImportedUser, replace_passwords: bool = False, dry_run: bool = False
) -> Sequence[Imported]:
    return await stores.importer.put_all(
        users, ORIGIN, replace_passwords=replace_passwords, dry_run=dry_run
    )


async def test_users_are_created_with_their_hashes(stores: Stores) -> None:
    bob = user(BOB, "", active=False)
    assert await take_over(stores, user(), bob) == [CREATED, CREATED]
    assert (await stores.users.by_id(ADA.user_id)).profile == ADA
    assert await stores.records.password_hash(ADA.user_id) == HASH
    assert await stores.records.standing(ADA.user_id) == (UserStatus.ACTIVE, None)
    assert await stores.records.audit_kinds(ADA.user_id) == [
        "user.created",
        "user.password_imported",
    ]
    assert await stores.records.password_hash(BOB.user_id) is None
    assert await stores.records.standing(BOB.user_id) == (UserStatus.DISABLED, None)
    assert await stores.records.facts(BOB.user_id) == set()
    assert (await create(stores, new_session(ADA.user_id))).epoch == 0


async def test_the_second_time_changes_nothing(stores: Stores) -> None:
    users = (user(), user(BOB, active=False))
    await take_over(stores, *users)
    grant = await create(stores, new_session(ADA.user_id))
    kinds = await stores.records.audit_kinds(ADA.user_id)
    assert await take_over(stores, *users) == [UNCHANGED, UNCHANGED]
    assert await stores.records.audit_kinds(ADA.user_id) == kinds
    assert await death(stores, access_claims(grant)) is None


async def test_a_profile_that_changed_there_changes_here(stores: Stores) -> None:
    await take_over(stores, user())
    grant = await create(stores, new_session(ADA.user_id))
    less = replace(ADA, roles=("author",))
    assert await take_over(stores, user(less)) == [CHANGED]
    assert (await stores.users.by_id(ADA.user_id)).profile == less
    assert await death(stores, access_claims(grant)) is not None
    assert await live_session_ids(stores, ADA.user_id) == {grant.session_id}


async def test_a_password_that_changed_there_ends_the_sessions(stores: Stores) -> None:
    await take_over(stores, user())
    grant = await create(stores, new_session(ADA.user_id))
    assert await take_over(stores, user(password_hash=OTHER)) == [CHANGED]
    assert await stores.records.password_hash(ADA.user_id) == OTHER
    assert await live_session_ids(stores, ADA.user_id) == set()
    dead = await death(stores, access_claims(grant))
    assert dead is not None
    assert dead.revocation_reason is RevocationReason.PASSWORD_CHANGED
    assert (await create(stores, new_session(ADA.user_id))).epoch == grant.epoch + 1


async def test_a_password_of_our_own_is_kept(stores: Stores) -> None:
    # Hashed anew at a login, or changed since: the file knows nothing of either.
    await take_over(stores, user())
    await stores.records.set_password_hash(ADA.user_id, OURS)
    grant = await create(stores, new_session(ADA.user_id))
    assert await take_over(stores, user()) == [Imported.PASSWORD_KEPT]
    assert await stores.records.password_hash(ADA.user_id) == OURS
    more = replace(ADA, email="other@example.com")
    assert await take_over(stores, user(more, OTHER)) == [CHANGED]
    assert await stores.records.password_hash(ADA.user_id) == OURS
    assert await live_session_ids(stores, ADA.user_id) == {grant.session_id}


async def test_unless_it_is_to_be_replaced(stores: Stores) -> None:
    await take_over(stores, user())
    await stores.records.set_password_hash(ADA.user_id, OURS)
    await create(stores, new_session(ADA.user_id))
    assert await take_over(stores, user(), replace_passwords=True) == [CHANGED]
    assert await stores.records.password_hash(ADA.user_id) == HASH
    assert await live_session_ids(stores, ADA.user_id) == set()
    assert await take_over(stores, user(), replace_passwords=True) == [UNCHANGED]


async def test_no_password_in_the_file_takes_none_away(stores: Stores) -> None:
    await take_over(stores, user())
    without = user(password_hash="")
    assert await take_over(stores, without, replace_passwords=True) == [UNCHANGED]
    assert await stores.records.password_hash(ADA.user_id) == HASH


async def test_who_has_none_gets_the_files(stores: Stores) -> None:
    grant = await create(stores)
    assert await take_over(stores, user()) == [CHANGED]
    assert await stores.records.password_hash(ADA.user_id) == HASH
    # Nobody had a password before who would have to go.
    assert await live_session_ids(stores, ADA.user_id) == {grant.session_id}


async def test_who_is_inactive_there_is_kept_out_here(stores: Stores) -> None:
    await take_over(stores, user())
    grant = await create(stores, new_session(ADA.user_id))
    assert await take_over(stores, user(active=False)) == [CHANGED]
    assert await stores.records.standing(ADA.user_id) == (UserStatus.DISABLED, None)
    dead = await death(stores, access_claims(grant))
    assert dead is not None
    assert dead.revocation_reason is RevocationReason.USER_DISABLED
    with pytest.raises(UserNotAllowedError):
        await create(stores, new_session(ADA.user_id))


@pytest.mark.parametrize("status", [UserStatus.DISABLED, UserStatus.LOCKED])
@pytest.mark.parametrize("active", [True, False])
async def test_nobody_is_let_in_again(stores: Stores, status: UserStatus, *, active: bool) -> None:
    await take_over(stores, user())
    await set_status(stores, ADA.user_id, status)
    assert await take_over(stores, user(active=active)) == [UNCHANGED]
    assert await stores.records.standing(ADA.user_id) == (status, None)


@pytest.mark.parametrize("is_over", [True, False])
async def test_a_lock_that_ends_lets_nobody_in_who_is_inactive_there(
    stores: Stores, *, is_over: bool
) -> None:
    await take_over(stores, user())
    until = await stores.records.now() + timedelta(hours=1)
    await set_status(stores, ADA.user_id, UserStatus.LOCKED, until)
    if is_over:
        await stores.advance(timedelta(hours=2))
        await create(stores, new_session(ADA.user_id))
    assert await take_over(stores, user(active=False)) == [CHANGED]
    assert await stores.records.standing(ADA.user_id) == (UserStatus.DISABLED, None)
    assert await live_session_ids(stores, ADA.user_id) == set()
    assert await take_over(stores, user(active=False)) == [UNCHANGED]


async def test_a_password_that_goes_takes_the_known_sources_along(stores: Stores) -> None:
    await take_over(stores, user())
    await log_in(stores, attempt_at(address=HOME))
    await take_over(stores, user(replace(ADA, email="new@example.com")))
    assert await stores.records.known_sources(ADA.user_id) == 1
    await take_over(stores, user(password_hash=OTHER))
    assert await stores.records.known_sources(ADA.user_id) == 0


async def test_a_login_under_way_does_not_outlive_its_password(stores: Stores) -> None:
    await take_over(stores, user())
    begun = await begin(stores, attempt_at())
    await take_over(stores, user(password_hash=OTHER))
    with pytest.raises(InvalidCredentialsError):
        await open_session(stores, begun)


async def test_no_deleted_user_comes_back(stores: Stores) -> None:
    await take_over(stores, user())
    await delete_user(stores, ADA.user_id)
    kinds = await stores.records.audit_kinds(ADA.user_id)
    assert await take_over(stores, user(), replace_passwords=True) == [Imported.USER_DELETED]
    assert await stores.records.password_hash(ADA.user_id) is None
    assert await stores.records.audit_kinds(ADA.user_id) == kinds


async def test_one_who_is_refused_stops_nobody(stores: Stores) -> None:
    heir = user(replace(BOB, username=ADA.username))
    third = user(Profile(user_id="u-3", username="third"))
    outcomes = await take_over(stores, user(), heir, third)
    assert outcomes == [CREATED, Imported.USERNAME_TAKEN, CREATED]
    with pytest.raises(UserNotFoundError):
        await stores.users.by_id(BOB.user_id)
    assert await stores.records.audit_kinds(BOB.user_id) == []
    # One who is there already keeps what was there.
    await take_over(stores, user(BOB))
    assert await take_over(stores, heir) == [Imported.USERNAME_TAKEN]
    assert (await stores.users.by_id(BOB.user_id)).profile == BOB


async def test_a_name_that_was_given_up_can_be_taken(stores: Stores) -> None:
    await take_over(stores, user())
    renamed, heir = user(replace(ADA, username="z")), user(replace(BOB, username=ADA.username))
    assert await take_over(stores, renamed, heir) == [CHANGED, CREATED]


async def test_a_dry_run_tells_the_same_and_changes_nothing(stores: Stores) -> None:
    await take_over(stores, user())
    grant = await create(stores, new_session(ADA.user_id))
    kinds = await stores.records.audit_kinds(ADA.user_id)
    users = (
        user(replace(ADA, roles=()), OTHER, active=False),
        user(BOB),
        user(replace(BOB, user_id="u-3")),
    )
    wanted = [CHANGED, CREATED, Imported.USERNAME_TAKEN]
    assert await take_over(stores, *users, dry_run=True) == wanted
    assert (await stores.users.by_id(ADA.user_id)).profile == ADA
    assert await stores.records.password_hash(ADA.user_id) == HASH
    assert await stores.records.audit_kinds(ADA.user_id) == kinds
    assert await stores.records.facts(ADA.user_id) == set()
    assert await death(stores, access_claims(grant)) is None
    with pytest.raises(UserNotFoundError):
        await stores.users.by_id(BOB.user_id)
    assert await take_over(stores, *users) == wanted


async def test_nobody_at_all(stores: Stores) -> None:
    assert await take_over(stores) == []
