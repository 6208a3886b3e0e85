"""A session is live only while the key of its current refresh token is, whoever asks."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from support.asking import (
    ADA,
    BOB,
    LAPTOP,
    LIFETIMES,
    access_claims,
    new_session,
    rotation_of,
)
from support.steps import (
    create,
    death,
    delete_user,
    end_session,
    end_user_sessions,
    live_session_ids,
    refresh_death,
    revoke_key,
    rotate,
    set_status,
)
from support.stores import Stores

from tokenauthority_server.domain.errors import (
    RefreshTokenExpiredError,
    RefreshTokenInvalidError,
    RefreshTokenReusedError,
    RequestIdReusedError,
    RequestIdSpentError,
    SessionEndedError,
    SessionLimitReachedError,
    SigningKeyRevokedError,
)
from tokenauthority_server.domain.sessions import Grant, SessionCap
from tokenauthority_server.domain.tokens import fingerprint
from tokenauthority_server.domain.users import UserStatus

GOOD, BAD, NEXT = "key-good", "key-bad", "key-next"


async def written(stores: Stores) -> object:
    return (
        await stores.records.facts(ADA.user_id),
        await stores.records.metrics(ADA.user_id),
        await stores.records.audit_kinds(ADA.user_id),
    )


async def two(stores: Stores) -> tuple[Grant, Grant]:
    """A session that goes on and one that ends as its key is revoked; two of their user's."""
    good = await create(stores, new_session(key_id=GOOD))
    bad = await create(stores, new_session(key_id=BAD))
    await revoke_key(stores, BAD)
    return good, bad


async def test_no_session_is_opened_under_a_revoked_key(stores: Stores) -> None:
    await revoke_key(stores, BAD)
    before = await written(stores)
    for new in (new_session(key_id=BAD), new_session(key_id=BAD, request_id="r-1")):
        with pytest.raises(SigningKeyRevokedError):
            await create(stores, new)
    # Not even its user is made.
    assert await written(stores) == before
    grant = await create(stores, new_session(key_id=GOOD, request_id="r-1"))
    assert not grant.replayed
    assert await stores.records.audit_kinds(ADA.user_id) == ["session.created", "user.created"]


async def test_what_a_revoked_key_signed_is_no_token_of_ours(stores: Stores) -> None:
    _, bad = await two(stores)
    before = await written(stores)
    with pytest.raises(RefreshTokenInvalidError):
        await rotate(stores, rotation_of(bad, key_id=GOOD))
    assert await written(stores) == before


@pytest.mark.parametrize("session_id", ["", "sess_unknown"])
async def test_forged_tokens_of_a_stolen_key_end_no_session(
    stores: Stores, session_id: str
) -> None:
    # They name sessions and look as if they had been rotated: were that reuse, whoever has the
    # stolen key could end everybody's.
    good, _ = await two(stores)
    good = await rotate(stores, rotation_of(good, key_id=GOOD))
    await stores.advance(LIFETIMES.grace * 2)
    before = await written(stores)
    forged = replace(
        rotation_of(good, presented_key_id=BAD, key_id=GOOD, device=LAPTOP),
        session_id=session_id or good.session_id,
        presented=fingerprint("forged"),
    )
    for _ in range(2):
        with pytest.raises(RefreshTokenInvalidError):
            await rotate(stores, forged)
    assert await written(stores) == before
    assert await refresh_death(stores, good) is None
    assert (await rotate(stores, rotation_of(good, key_id=GOOD))).generation == 2


async def test_a_forged_token_is_refused_even_when_it_has_the_current_id(stores: Stores) -> None:
    good, bad = await two(stores)
    before = await written(stores)
    with pytest.raises(RefreshTokenInvalidError):
        await rotate(stores, rotation_of(good, presented_key_id=BAD, key_id=GOOD))
    with pytest.raises(SessionEndedError):
        await rotate(stores, rotation_of(bad, presented_key_id=GOOD, key_id=GOOD))
    assert await written(stores) == before


async def test_the_same_tokens_of_a_good_key_are_reuse(stores: Stores) -> None:
    good, _ = await two(stores)
    forged = replace(rotation_of(good, key_id=GOOD), presented=fingerprint("forged"))
    with pytest.raises(RefreshTokenReusedError):
        await rotate(stores, forged)


async def test_a_token_is_not_exchanged_for_one_of_a_revoked_key(stores: Stores) -> None:
    good, _ = await two(stores)
    before = await written(stores)
    with pytest.raises(SigningKeyRevokedError):
        await rotate(stores, rotation_of(good, key_id=BAD))
    assert await written(stores) == before
    second = await rotate(stores, rotation_of(good, key_id=NEXT))
    assert (second.generation, second.key_id, second.replayed) == (1, NEXT, False)


async def test_a_replay_is_signed_by_the_key_that_it_was_signed_by(stores: Stores) -> None:
    # So the key that signs what is new does not matter for it.
    good, _ = await two(stores)
    second = await rotate(stores, rotation_of(good, key_id=GOOD))
    again = await rotate(stores, rotation_of(good, key_id=BAD))
    assert (again.key_id, again.replayed) == (GOOD, True)
    assert again.refresh_fingerprint == second.refresh_fingerprint


async def test_an_older_token_of_a_good_key_finds_its_session_ended(stores: Stores) -> None:
    first = await create(stores, new_session(key_id=GOOD))
    await rotate(stores, rotation_of(first, key_id=BAD))
    await revoke_key(stores, BAD)
    before = await written(stores)
    for presented in (first.refresh_fingerprint, fingerprint("older still")):
        with pytest.raises(SessionEndedError):
            await rotate(stores, replace(rotation_of(first, key_id=GOOD), presented=presented))
    # It would have been reuse; but a session that has ended is not ended again.
    assert await written(stores) == before


async def test_a_session_lives_by_the_key_of_its_current_token_alone(stores: Stores) -> None:
    first = await create(stores, new_session(key_id=BAD))
    second = await rotate(stores, rotation_of(first, key_id=GOOD))
    await revoke_key(stores, BAD)
    assert await live_session_ids(stores, ADA.user_id) == {second.session_id}
    with pytest.raises(RefreshTokenInvalidError):
        await rotate(stores, rotation_of(first, key_id=GOOD))
    assert (await rotate(stores, rotation_of(second, key_id=GOOD))).generation == 2


async def test_what_has_expired_says_so_when_its_key_is_good(stores: Stores) -> None:
    good, bad = await two(stores)
    await stores.advance(LIFETIMES.refresh)
    with pytest.raises(RefreshTokenExpiredError):
        await rotate(stores, rotation_of(good, key_id=GOOD))
    with pytest.raises(RefreshTokenInvalidError):
        await rotate(stores, rotation_of(bad, key_id=GOOD))


async def test_it_is_not_listed(stores: Stores) -> None:
    good, _ = await two(stores)
    page = await stores.sessions.page(ADA.user_id, 1, None)
    assert [one.session_id for one in page.sessions] == [good.session_id]
    assert page.cursor is None


async def test_it_is_not_counted_as_live(stores: Stores) -> None:
    await two(stores)
    await stores.counts.count_live_sessions(timedelta(0))
    for user_id in ("", ADA.user_id):
        live = (await stores.counts.read(None, user_id, "")).live_sessions
        assert live is not None
        assert live.count == 1


async def test_ending_it_counts_nothing_and_ends_what_an_earlier_key_signed(
    stores: Stores,
) -> None:
    first = await create(stores, new_session(key_id=GOOD))
    await rotate(stores, rotation_of(first, key_id=BAD))
    await revoke_key(stores, BAD)
    metrics = await stores.records.metrics(ADA.user_id)
    kinds = await stores.records.audit_kinds(ADA.user_id)
    assert await death(stores, access_claims(first)) is None
    for _ in range(2):
        assert await end_session(stores, first) == 0
    assert await death(stores, access_claims(first)) is not None
    assert await stores.records.metrics(ADA.user_id) == metrics
    assert await stores.records.audit_kinds(ADA.user_id) == kinds


async def test_it_is_not_kept_when_all_others_end(stores: Stores) -> None:
    good, bad = await two(stores)
    assert await end_user_sessions(stores, ADA.user_id, kept=bad) == 1
    (fact,) = await stores.records.facts(ADA.user_id)
    assert fact.except_session_id == ""
    assert await refresh_death(stores, good) is not None
    assert await refresh_death(stores, bad) is not None


async def test_a_good_one_is_kept(stores: Stores) -> None:
    good, _ = await two(stores)
    assert await end_user_sessions(stores, ADA.user_id, kept=good) == 0
    assert await live_session_ids(stores, ADA.user_id) == {good.session_id}


async def disable(stores: Stores, user_id: str) -> int:
    return await set_status(stores, user_id, UserStatus.DISABLED)


@pytest.mark.parametrize("end_all", [end_user_sessions, disable, delete_user])
async def test_it_is_not_counted_when_all_end(
    stores: Stores, end_all: Callable[[Stores, str], Awaitable[int]]
) -> None:
    await two(stores)
    assert await end_all(stores, ADA.user_id) == 1
    assert (await stores.records.metrics(ADA.user_id))["", "bulk_revoked"] == 1


async def test_it_takes_no_room_under_a_cap(stores: Stores) -> None:
    good, bad = await two(stores)
    cap = SessionCap(sessions=2, evicts=False)
    second = await create(stores, new_session(key_id=GOOD, cap=cap))
    with pytest.raises(SessionLimitReachedError):
        await create(stores, new_session(key_id=GOOD, cap=cap))
    assert await live_session_ids(stores, ADA.user_id) == {good.session_id, second.session_id}
    assert await refresh_death(stores, bad) is not None


async def test_none_has_to_go_for_it(stores: Stores) -> None:
    good, _ = await two(stores)
    await stores.advance(timedelta(seconds=1))
    cap = SessionCap(sessions=2)
    second = await create(stores, new_session(key_id=GOOD, cap=cap))
    assert await live_session_ids(stores, ADA.user_id) == {good.session_id, second.session_id}
    await stores.advance(timedelta(seconds=1))
    third = await create(stores, new_session(key_id=GOOD, cap=cap))
    assert await live_session_ids(stores, ADA.user_id) == {second.session_id, third.session_id}
    assert (await stores.records.metrics(ADA.user_id))["phone", "revoked"] == 1


async def test_its_request_id_is_spent(stores: Stores) -> None:
    asked = new_session(key_id=BAD, request_id="r-1")
    await create(stores, asked)
    await revoke_key(stores, BAD)
    with pytest.raises(RequestIdSpentError):
        await create(stores, replace(asked, key_id=GOOD))
    with pytest.raises(RequestIdReusedError):
        await create(stores, new_session(key_id=GOOD, request_id="r-1", scope=("another",)))


async def test_others_go_on(stores: Stores) -> None:
    await two(stores)
    bob = await create(stores, new_session(BOB, key_id=GOOD))
    assert (await rotate(stores, rotation_of(bob, key_id=GOOD))).generation == 1
