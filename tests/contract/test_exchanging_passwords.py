"""Another password, and what ends with the old one."""

import pytest
from support.asking import ADA, ORIGIN, access_claims
from support.logins import (
    AWAY,
    HASH,
    HOME,
    LIMITS,
    account_of,
    attempt_at,
    begin,
    exchange,
    exchange_of,
    fail,
    log_in,
    open_session,
    with_password,
    within,
)
from support.racing import race
from support.steps import death, live_session_ids
from support.stores import Stores

from tokenauthority_server.domain.errors import (
    AccountLockedError,
    InvalidCredentialsError,
    UserNotFoundError,
)
from tokenauthority_server.domain.revocations import RevocationReason


async def test_whose_name_it_is(stores: Stores) -> None:
    await with_password(stores)
    assert await stores.passwords.username_of(ADA.user_id) == ADA.username
    await stores.directory.delete(ADA.user_id, ORIGIN)
    for user_id in (ADA.user_id, "u-nobody"):
        with pytest.raises(UserNotFoundError):
            await stores.passwords.username_of(user_id)


async def test_a_change_keeps_the_session_that_asks_and_ends_the_others(stores: Stores) -> None:
    await with_password(stores)
    kept, other = [await log_in(stores, attempt_at(address=one)) for one in (HOME, AWAY)]
    verified = account_of(await begin(stores, within()))
    before = await stores.records.audit_kinds(ADA.user_id)

    ended = await exchange(stores, exchange_of(verified, kept=kept.session_id))

    assert ended == 1
    assert await stores.records.password_hash(ADA.user_id) == "a new hash"
    assert await live_session_ids(stores, ADA.user_id) == {kept.session_id}
    assert await death(stores, access_claims(kept)) is None
    dead = await death(stores, access_claims(other))
    assert dead is not None
    assert dead.revocation_reason is RevocationReason.PASSWORD_CHANGED
    kinds = await stores.records.audit_kinds(ADA.user_id)
    assert kinds == sorted([*before, "user.password_changed", "user.sessions_revoked"])
    # The sources that the account knows are its owner's as before.
    assert await stores.records.known_sources(ADA.user_id) == 2


async def test_a_password_that_is_set_ends_everything_and_lets_its_owner_in(stores: Stores) -> None:
    await with_password(stores)
    await log_in(stores, attempt_at(address=HOME))
    await fail(stores, attempt_at(address=AWAY), LIMITS.failures)
    with pytest.raises(AccountLockedError):
        await begin(stores, attempt_at())

    assert await exchange(stores, exchange_of()) == 1

    assert await live_session_ids(stores, ADA.user_id) == set()
    assert await stores.records.known_sources(ADA.user_id) == 0
    assert "user.password_set" in await stores.records.audit_kinds(ADA.user_id)
    assert account_of(await begin(stores, attempt_at())).password_hash == "a new hash"


async def test_of_two_changes_from_one_password_one_is_made(stores: Stores) -> None:
    await with_password(stores)
    for number in range(20):
        verified = account_of(await begin(stores, within()))
        outcomes = await race(
            *(exchange(stores, exchange_of(verified, new_hash=f"{number} {n}")) for n in range(4))
        )
        refused = [one for one in outcomes if isinstance(one, InvalidCredentialsError)]
        assert len(refused) == 3
        assert (await stores.records.password_hash(ADA.user_id)) != verified.password_hash


async def test_a_hash_renewed_meanwhile_is_no_other_password(stores: Stores) -> None:
    await with_password(stores)
    verified = account_of(await begin(stores, within()))
    assert verified.password_hash == HASH
    await open_session(stores, await begin(stores, attempt_at()), new_hash="renewed")
    assert await exchange(stores, exchange_of(verified)) == 1


async def test_a_logout_everywhere_meanwhile_is_no_other_password(stores: Stores) -> None:
    await with_password(stores)
    verified = account_of(await begin(stores, within()))
    await stores.revoker.end_user_sessions(ADA.user_id, "", RevocationReason.LOGOUT_ALL, ORIGIN)
    assert await exchange(stores, exchange_of(verified)) == 0


async def test_nobody_has_no_password(stores: Stores) -> None:
    with pytest.raises(UserNotFoundError):
        await exchange(stores, exchange_of())
    await with_password(stores)
    await stores.directory.delete(ADA.user_id, ORIGIN)
    with pytest.raises(UserNotFoundError):
        await exchange(stores, exchange_of())


async def test_a_password_that_is_set_forgets_the_failures_of_known_sources(
    stores: Stores,
) -> None:
    await with_password(stores)
    home = attempt_at(address=HOME)
    await log_in(stores, home)
    await fail(stores, home, LIMITS.failures)

    await exchange(stores, exchange_of())

    # The first login makes the source known once more, and the second is judged by it.
    await log_in(stores, home)
    await log_in(stores, home)


async def test_a_change_undoes_nothing_at_another_form_of_the_name(stores: Stores) -> None:
    await with_password(stores)
    guess = attempt_at("ADA", name=ADA.username)
    await fail(stores, guess, LIMITS.failures - 1)
    for number in range(2):
        verified = account_of(await begin(stores, within()))
        await exchange(stores, exchange_of(verified, new_hash=f"{number}"))
    await fail(stores, guess)
    with pytest.raises(AccountLockedError):
        await begin(stores, guess)


async def test_whoever_has_a_session_is_judged_by_what_failed_in_it(stores: Stores) -> None:
    await with_password(stores)
    await fail(stores, attempt_at(), LIMITS.failures)
    with pytest.raises(AccountLockedError):
        await begin(stores, attempt_at())

    await fail(stores, within("a"), LIMITS.failures - 1)
    await exchange(stores, exchange_of(account_of(await begin(stores, within("a"))), kept="a"))

    # What failed in it is forgotten, and the lock stays that strangers have brought about.
    await fail(stores, within("a"), LIMITS.failures)
    for attempt in (within("a"), attempt_at()):
        with pytest.raises(AccountLockedError):
            await begin(stores, attempt)
    await begin(stores, within("b"))
