"""What is kept of logins goes when it counts no more."""

from datetime import timedelta

from support.asking import ADA
from support.logins import AWAY, HOME, LIMITS, attempt_at, fail, log_in, with_password
from support.stores import Stores

from tokenauthority_server.domain.logins import SOURCE_LIFETIME
from tokenauthority_server.domain.upkeep import Leftover

SECOND = timedelta(seconds=1)


async def sweep(stores: Stores, what: Leftover, batch: int = 100) -> int:
    return await stores.upkeep.sweep(what, batch, timedelta(days=365))


async def test_failures_go_when_they_count_no_more(stores: Stores) -> None:
    for number in range(3):
        await fail(stores, attempt_at(f"made up {number}", AWAY))
    await stores.advance(LIMITS.lock - SECOND)
    assert await sweep(stores, Leftover.LOGIN_FAILURES) == 0
    await stores.advance(SECOND)
    assert [await sweep(stores, Leftover.LOGIN_FAILURES, 2) for _ in range(3)] == [2, 2, 0]
    assert await stores.records.failing_subjects() == 0


async def test_sources_go_when_they_are_known_no_more(stores: Stores) -> None:
    await with_password(stores)
    for address in (HOME, AWAY):
        await log_in(stores, attempt_at(address=address))
    await stores.advance(SOURCE_LIFETIME - SECOND)
    assert await sweep(stores, Leftover.LOGIN_SOURCES) == 0
    await stores.advance(SECOND)
    assert [await sweep(stores, Leftover.LOGIN_SOURCES, 1) for _ in range(3)] == [1, 1, 0]
    assert await stores.records.known_sources(ADA.user_id) == 0
