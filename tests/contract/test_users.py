"""UserStore: profiles are put, read and listed."""

from dataclasses import replace

import pytest
from support.asking import ADA, BOB, ORIGIN, PROFILE_SIZE, access_claims, new_session
from support.steps import (
    create,
    death,
    delete_user,
    live_session_ids,
    refresh_death,
    rotate,
    set_status,
)
from support.stores import Stores

from tokenauthority_server.domain.errors import (
    ProfileTooLargeError,
    UsernameTakenError,
    UserNotAllowedError,
    UserNotFoundError,
)
from tokenauthority_server.domain.revocations import Death, Fact, FactKind, RevocationReason
from tokenauthority_server.domain.tokens import InactiveReason
from tokenauthority_server.domain.users import Profile, User, UserStatus

CHANGED = Death(InactiveReason.USER_REVOKED, RevocationReason.PROFILE_CHANGED)
NAMES = ["a", "ab", "abc", "abé", "ab\U0001f600", "b", "B", "é", "퟿", "\ue000"]
"""By bytes they have another order than by any language."""


async def put(stores: Stores, profile: Profile = ADA, size: int = PROFILE_SIZE) -> User:
    return await stores.users.put(profile, size, ORIGIN)


async def listed(stores: Stores, prefix: str, size: int = 3) -> list[str]:
    names: list[str] = []
    after: str | None = ""
    while after is not None:
        page = await stores.users.page(prefix, size, after)
        assert len(page.users) <= size
        names += [one.profile.username for one in page.users]
        after = page.cursor
    return names


async def test_a_user_is_created(stores: Stores) -> None:
    before = await stores.records.now()
    user = await put(stores)
    assert user.profile == ADA
    assert (user.status, user.locked_until) == (UserStatus.ACTIVE, None)
    assert user.last_login_time is None
    assert before <= user.create_time <= user.update_time <= await stores.records.now()
    assert await stores.users.by_id(ADA.user_id) == user
    assert await stores.users.by_username(ADA.username) == user
    assert await stores.records.audit_kinds(ADA.user_id) == ["user.created"]
    assert await stores.records.password_hash(ADA.user_id) is None


async def test_what_is_there_already_changes_nothing(stores: Stores) -> None:
    user = await put(stores)
    assert await put(stores) == user
    assert await stores.records.facts(ADA.user_id) == set()
    assert await stores.records.audit_kinds(ADA.user_id) == ["user.created"]


async def test_a_profile_is_replaced_whole(stores: Stores) -> None:
    before = await put(stores)
    anew = Profile(user_id=ADA.user_id, username="lovelace", roles=("editor", "author", "chief"))
    user = await put(stores, anew)
    assert user.profile == anew
    assert user.create_time == before.create_time
    assert user.update_time >= before.update_time
    with pytest.raises(UserNotFoundError):
        await stores.users.by_username(ADA.username)
    kinds = ["user.created", "user.profile_changed"]
    assert await stores.records.audit_kinds(ADA.user_id) == kinds


async def test_a_right_that_goes_takes_the_tokens_before_it_along(stores: Stores) -> None:
    grant = await create(stores)
    await put(stores, replace(ADA, permissions=("read",)))
    fact = Fact(
        kind=FactKind.PROFILE,
        user_id=ADA.user_id,
        target="",
        reason=RevocationReason.PROFILE_CHANGED,
        epoch=grant.profile_epoch + 1,
    )
    assert await stores.records.facts(ADA.user_id) == {fact}
    assert await death(stores, access_claims(grant)) == CHANGED
    # The session goes on, into the new profile.
    anew = await rotate(stores, grant)
    assert anew.profile.permissions == ("read",)
    assert await death(stores, access_claims(anew)) is None


async def test_a_right_that_comes_ends_nothing(stores: Stores) -> None:
    grant = await create(stores)
    await put(stores, replace(ADA, roles=(*ADA.roles, "chief"), email="other@example.com"))
    assert await stores.records.facts(ADA.user_id) == set()
    assert await death(stores, access_claims(grant)) is None


async def test_a_replay_is_signed_from_the_profile_that_was(stores: Stores) -> None:
    first = await create(stores, new_session(request_id="r-1"))
    await put(stores, replace(ADA, username="lovelace"))
    again = await create(stores, new_session(request_id="r-1"))
    assert again.replayed
    assert again.profile == first.profile


async def test_the_size_counts_for_the_sessions_that_follow(stores: Stores) -> None:
    await put(stores, size=500)
    with pytest.raises(ProfileTooLargeError):
        await create(stores, new_session(ADA.user_id, profile_budget=499))
    grant = await create(stores, new_session(ADA.user_id, profile_budget=500))
    assert grant.profile == ADA


async def test_a_username_has_one_holder(stores: Stores) -> None:
    await put(stores)
    await put(stores, BOB)
    for taken in (replace(BOB, username=ADA.username), replace(ADA, user_id="u-new")):
        with pytest.raises(UsernameTakenError):
            await put(stores, taken)
    assert (await stores.users.by_id(BOB.user_id)).profile == BOB
    assert await stores.records.audit_kinds("u-new") == []
    await put(stores, replace(ADA, username="lovelace"))
    assert (await put(stores, replace(BOB, username=ADA.username))).profile.username == "ada"


@pytest.mark.parametrize("status", [UserStatus.DISABLED, UserStatus.LOCKED])
async def test_a_status_is_not_the_profiles(stores: Stores, status: UserStatus) -> None:
    await put(stores)
    await set_status(stores, ADA.user_id, status)
    user = await put(stores, replace(ADA, email="other@example.com"))
    assert user.status is status
    with pytest.raises(UserNotAllowedError):
        await create(stores, new_session(ADA.user_id))


async def test_a_deleted_user_is_nobody(stores: Stores) -> None:
    await put(stores)
    await delete_user(stores, ADA.user_id)
    for look in (stores.users.by_id(ADA.user_id), stores.users.by_username(ADA.username)):
        with pytest.raises(UserNotFoundError):
            await look
    with pytest.raises(UserNotFoundError):
        await stores.users.by_username("")
    assert await listed(stores, "") == []


async def test_a_deleted_user_comes_back_with_nothing(stores: Stores) -> None:
    old = await create(stores)
    await stores.records.set_password_hash(ADA.user_id, "$2b$12$hash")
    created = (await stores.users.by_id(ADA.user_id)).create_time
    await delete_user(stores, ADA.user_id)
    with pytest.raises(UserNotAllowedError):
        await create(stores)  # a subject brings nobody back
    user = await put(stores)
    assert (user.profile, user.status) == (ADA, UserStatus.ACTIVE)
    assert user.create_time == created
    assert await stores.records.password_hash(ADA.user_id) is None
    # What was before stays dead: the epochs were kept.
    assert await death(stores, access_claims(old)) is not None
    assert await refresh_death(stores, old) is not None
    assert await live_session_ids(stores, ADA.user_id) == set()
    new = await create(stores, new_session(ADA.user_id))
    assert new.epoch > old.epoch
    assert await death(stores, access_claims(new)) is None
    kinds = await stores.records.audit_kinds(ADA.user_id)
    assert [one for one in kinds if one.startswith("user.")] == [
        "user.created",
        "user.deleted",
        "user.restored",
    ]


async def test_a_deleted_user_gets_no_name_that_is_taken(stores: Stores) -> None:
    await put(stores)
    await delete_user(stores, ADA.user_id)
    await put(stores, replace(BOB, username=ADA.username))
    with pytest.raises(UsernameTakenError):
        await put(stores)
    with pytest.raises(UserNotFoundError):
        await stores.users.by_id(ADA.user_id)


async def test_nobody_is_not_found(stores: Stores) -> None:
    with pytest.raises(UserNotFoundError):
        await stores.users.by_id("u-nobody")
    with pytest.raises(UserNotFoundError):
        await stores.users.by_username("nobody")


@pytest.mark.parametrize("prefix", ["", "a", "ab", "abé", "é", "퟿", "\ue000", "\U0010ffff", "x"])
@pytest.mark.parametrize("size", [1, 3, 50])
async def test_lists_are_in_the_order_of_bytes(stores: Stores, prefix: str, size: int) -> None:
    for number, name in enumerate(NAMES):
        await put(stores, Profile(user_id=f"u-{number}", username=name))
    wanted = sorted((name for name in NAMES if name.startswith(prefix)), key=str.encode)
    assert await listed(stores, prefix, size) == wanted


@pytest.mark.parametrize("name", ["%", "a_c", "\\", "'; --"])
async def test_nothing_in_a_prefix_means_anything(stores: Stores, name: str) -> None:
    await put(stores, Profile(user_id="u-1", username="abc"))
    await put(stores, Profile(user_id="u-2", username=f"{name}!"))
    assert await listed(stores, name) == [f"{name}!"]
