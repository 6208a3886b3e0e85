"""Attempts at passwords: how many may fail, and whom that concerns."""

import asyncio
from datetime import timedelta

import pytest
from support.asking import ADA, ORIGIN
from support.logins import (
    AWAY,
    HASH,
    HOME,
    LIMITS,
    account_of,
    attempt_at,
    begin,
    fail,
    log_in,
    with_password,
)
from support.stores import Stores

from tokenauthority_server.domain.errors import AccountLockedError
from tokenauthority_server.domain.logins import SETTLED_WITHIN, Attempt, Begun, LoginLimits

STRANGER = attempt_at(address=AWAY)
OWNER = attempt_at(address=HOME)
NOBODY = attempt_at("nobody")
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)


async def refusal(stores: Stores, attempt: Attempt) -> AccountLockedError:
    with pytest.raises(AccountLockedError) as refused:
        await begin(stores, attempt)
    return refused.value


async def test_what_is_checked_is_the_hash_with_its_epoch(stores: Stores) -> None:
    await with_password(stores)

    begun = await begin(stores, attempt_at())

    account = account_of(begun)
    assert (account.user_id, account.password_hash, account.epoch) == (ADA.user_id, HASH, 1)
    assert HASH not in repr(begun)
    assert (await begin(stores, NOBODY)).account is None


@pytest.mark.parametrize("attempt", [attempt_at(), NOBODY], ids=["a user", "nobody"])
async def test_after_so_many_failures_the_name_is_locked(stores: Stores, attempt: Attempt) -> None:
    await with_password(stores)
    await fail(stores, attempt, LIMITS.failures)

    first = await refusal(stores, attempt)

    assert 0 < first.retry_after_seconds <= LIMITS.lock.total_seconds()
    # What is tried meanwhile neither counts nor prolongs it.
    await stores.advance(LIMITS.lock / 2)
    assert (await refusal(stores, attempt)).retry_after_seconds < first.retry_after_seconds / 1.9
    await stores.advance(LIMITS.lock / 2)
    await fail(stores, attempt, LIMITS.failures)
    await refusal(stores, attempt)


async def test_failures_are_forgotten_in_the_time_of_a_lock(stores: Stores) -> None:
    await fail(stores, NOBODY, LIMITS.failures - 1)
    await stores.advance(LIMITS.lock + SECOND)
    await fail(stores, NOBODY, LIMITS.failures - 1)
    await begin(stores, NOBODY)


async def test_a_login_forgets_the_failures_before_it(stores: Stores) -> None:
    await with_password(stores)
    for _ in range(3):
        await fail(stores, attempt_at(), LIMITS.failures - 1)
        await log_in(stores, attempt_at())


async def test_of_many_attempts_at_once_no_more_are_begun_than_may_fail(stores: Stores) -> None:
    await with_password(stores)
    checked = 0

    async def guess() -> None:
        nonlocal checked
        for _ in range(200):
            try:
                begun = await stores.logins.begin(attempt_at(), LIMITS)
            except AccountLockedError:
                return
            if begun is not None:
                checked += 1
                await asyncio.sleep(0.01)  # the others come meanwhile
                await stores.logins.fail(begun, LIMITS, ORIGIN)
                return
            await asyncio.sleep(0.01)
        raise AssertionError("neither checked nor locked")

    async with asyncio.TaskGroup() as guesses:
        for _ in range(64):
            guesses.create_task(guess())

    assert checked == LIMITS.failures


async def test_who_cannot_be_judged_yet_is_told_to_come_again(stores: Stores) -> None:
    await with_password(stores)
    under_way: list[Begun] = [await begin(stores, attempt_at()) for _ in range(LIMITS.failures)]

    assert await stores.logins.begin(attempt_at(), LIMITS) is None

    await stores.logins.fail(under_way.pop(), LIMITS, ORIGIN)
    assert await stores.logins.begin(attempt_at(), LIMITS) is None
    while under_way:
        await stores.logins.fail(under_way.pop(), LIMITS, ORIGIN)
    await refusal(stores, attempt_at())


async def test_what_nobody_settles_has_failed(stores: Stores) -> None:
    for _ in range(LIMITS.failures):
        await begin(stores, NOBODY)
    await stores.advance(SETTLED_WITHIN)
    await refusal(stores, NOBODY)
    await stores.advance(LIMITS.lock)
    await begin(stores, NOBODY)


async def test_other_settings_hold_for_what_has_failed_before(stores: Stores) -> None:
    for _ in range(LIMITS.failures):
        await begin(stores, NOBODY)
    await stores.advance(2 * MINUTE)
    shorter = LoginLimits(failures=LIMITS.failures, lock=MINUTE)
    assert await stores.logins.begin(NOBODY, shorter)

    await fail(stores, STRANGER, 2)
    fewer = LoginLimits(failures=2, lock=LIMITS.lock)
    with pytest.raises(AccountLockedError):
        await stores.logins.begin(STRANGER, fewer)


async def test_a_failure_that_comes_after_the_lock_changes_nothing(stores: Stores) -> None:
    late = await begin(stores, NOBODY)
    await stores.advance(SETTLED_WITHIN)
    await fail(stores, NOBODY, LIMITS.failures - 1)
    first = await refusal(stores, NOBODY)
    await stores.logins.fail(late, LIMITS, ORIGIN)
    assert (await refusal(stores, NOBODY)).retry_after_seconds <= first.retry_after_seconds


async def test_strangers_do_not_lock_out_whom_the_account_knows(stores: Stores) -> None:
    await with_password(stores)
    await log_in(stores, OWNER)
    await fail(stores, STRANGER, LIMITS.failures)

    await refusal(stores, STRANGER)
    await refusal(stores, attempt_at())
    await fail(stores, OWNER)
    await log_in(stores, OWNER)

    # The lock that the strangers have brought about stays theirs.
    await refusal(stores, STRANGER)


async def test_the_allowance_of_a_known_source_is_small(stores: Stores) -> None:
    await with_password(stores)
    await log_in(stores, OWNER)
    await fail(stores, OWNER, LIMITS.failures)

    await refusal(stores, OWNER)
    # All others are locked by the same failures.
    await refusal(stores, STRANGER)


async def test_an_allowance_is_for_one_account_and_one_source(stores: Stores) -> None:
    await with_password(stores)
    await log_in(stores, OWNER)
    other = attempt_at("nobody", HOME)
    await fail(stores, other, LIMITS.failures)
    await refusal(stores, other)
    await log_in(stores, OWNER)


async def test_failures_of_a_known_source_are_forgotten_with_its_login(stores: Stores) -> None:
    await with_password(stores)
    await log_in(stores, OWNER)
    for _ in range(3):
        await fail(stores, OWNER, LIMITS.failures - 1)
        await log_in(stores, OWNER)
    await begin(stores, STRANGER)


async def test_failures_leave_events_of_users_alone(stores: Stores) -> None:
    await with_password(stores)
    before = await stores.records.audit_kinds(ADA.user_id)
    await fail(stores, STRANGER, LIMITS.failures)
    await refusal(stores, STRANGER)
    await fail(stores, NOBODY, LIMITS.failures)

    kinds = await stores.records.audit_kinds(ADA.user_id)

    failed = ["login.failed"] * LIMITS.failures
    assert kinds == sorted([*before, *failed, "login.locked"])
    assert await stores.records.audit_kinds("") == []
    counted = await stores.records.metrics(ADA.user_id)
    assert counted["phone", "failed_logins"] == LIMITS.failures
    assert await stores.records.metrics("") == {("", "failed_logins"): LIMITS.failures}


@pytest.mark.parametrize("address", ["", HOME], ids=["nowhere", "a known source"])
async def test_who_has_another_form_of_a_name_undoes_nothing(stores: Stores, address: str) -> None:
    await with_password(stores)
    await log_in(stores, attempt_at(address=address))
    # Somebody else's, and what is guessed at: each is counted at both.
    guess = attempt_at("ADA", AWAY, name=ADA.username)
    await fail(stores, guess, LIMITS.failures - 1)
    await log_in(stores, attempt_at(address=address))
    await fail(stores, guess)
    await refusal(stores, guess)


async def test_an_attempt_at_another_form_of_a_name_is_given_back(stores: Stores) -> None:
    await with_password(stores)
    await fail(stores, attempt_at("ADA", name=ADA.username), LIMITS.failures - 1)
    for _ in range(3):
        await log_in(stores, attempt_at())
    # It is forgotten in the time of a lock all the same.
    await stores.advance(LIMITS.lock + SECOND)
    await fail(stores, attempt_at("ADA", name=ADA.username), LIMITS.failures - 1)
