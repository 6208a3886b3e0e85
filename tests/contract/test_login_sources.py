"""Sources of failed logins: whoever guesses at many names is slowed down."""

from datetime import timedelta

import pytest
from support.asking import ADA, BOB, LIFETIMES, ORIGIN, new_session
from support.logins import (
    AWAY,
    HOME,
    LIMITS,
    attempt_at,
    begin,
    fail,
    log_in,
    with_password,
)
from support.stores import Stores

from tokenauthority_server.domain.errors import RateLimitedError
from tokenauthority_server.domain.logins import MOST_SOURCES, SOURCE_LIFETIME

FREE = LIMITS.source_failures
SECOND = timedelta(seconds=1)


async def guess_at_many(stores: Stores, number: int = FREE, address: str = AWAY) -> None:
    for name in range(number):
        await fail(stores, attempt_at(f"made up {name}", address))


async def wait_of(stores: Stores, address: str = AWAY) -> float:
    with pytest.raises(RateLimitedError) as refused:
        await begin(stores, attempt_at("another", address))
    return refused.value.retry_after_seconds


async def test_who_guesses_at_many_names_waits_ever_longer(stores: Stores) -> None:
    await guess_at_many(stores, FREE + 1)
    for seconds in (1, 2, 4, 8):
        waits = await wait_of(stores)
        assert seconds - 0.8 < waits <= seconds
        await stores.advance(timedelta(seconds=waits))
        await fail(stores, attempt_at(f"after {seconds}", AWAY))


async def test_no_wait_is_longer_than_a_lock(stores: Stores) -> None:
    # Some wear off while one waits: so far it comes by one after another.
    await guess_at_many(stores, FREE + 1)
    longest = 0.0
    for number in range(14):
        longest = max(longest, await wait_of(stores))
        await stores.advance(timedelta(seconds=await wait_of(stores)))
        await fail(stores, attempt_at(f"patient {number}", AWAY))
    assert 64 < longest <= LIMITS.lock.total_seconds()


async def test_others_do_not_wait(stores: Stores) -> None:
    await guess_at_many(stores, FREE + 1)
    await wait_of(stores)
    await begin(stores, attempt_at("another", HOME))
    # Nor whoever comes from nowhere: that would be everybody.
    await begin(stores, attempt_at("another"))


async def test_a_source_that_waits_leaves_no_name_behind(stores: Stores) -> None:
    await guess_at_many(stores, FREE + 1)
    kept = await stores.records.failing_subjects()
    for number in range(20):
        with pytest.raises(RateLimitedError):
            await begin(stores, attempt_at(f"more {number}", AWAY))
    assert await stores.records.failing_subjects() == kept


async def test_failures_of_a_source_wear_off(stores: Stores) -> None:
    await guess_at_many(stores)
    await stores.advance(LIMITS.lock / 2)
    await guess_at_many(stores, FREE // 2)
    await fail(stores, attempt_at("the one too many", AWAY))
    await wait_of(stores)
    await stores.advance(2 * LIMITS.lock)
    await guess_at_many(stores)


async def test_logins_are_no_failures_of_their_source(stores: Stores) -> None:
    await with_password(stores)
    await stores.sessions.create(new_session(BOB), LIFETIMES, ORIGIN)
    await guess_at_many(stores, FREE)
    await log_in(stores, attempt_at(address=AWAY))
    # The login was the one too many while it was under way, and is none now.
    await fail(stores, attempt_at("another", AWAY))
    await wait_of(stores)
    # To this account the source is known, and waits no more.
    await log_in(stores, attempt_at(address=AWAY))


async def test_an_account_knows_its_latest_sources_for_a_while(stores: Stores) -> None:
    await with_password(stores)
    addresses = [f"192.0.2.{number}" for number in range(MOST_SOURCES + 3)]
    for address in addresses:
        await log_in(stores, attempt_at(address=address))
        await stores.advance(SECOND)

    assert await stores.records.known_sources(ADA.user_id) == MOST_SOURCES
    known = [(await begin(stores, attempt_at(address=one))).known_source for one in addresses[-2:]]
    assert known == [True, True]
    assert not (await begin(stores, attempt_at(address=addresses[0]))).known_source

    await stores.advance(SOURCE_LIFETIME)
    assert not (await begin(stores, attempt_at(address=addresses[-1]))).known_source


async def test_logging_in_again_keeps_a_source_known(stores: Stores) -> None:
    await with_password(stores)
    for _ in range(3):
        await log_in(stores, attempt_at(address=HOME))
        await stores.advance(SOURCE_LIFETIME - SECOND)
    assert (await begin(stores, attempt_at(address=HOME))).known_source
    assert await stores.records.known_sources(ADA.user_id) == 1
