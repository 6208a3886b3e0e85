"""TokenCounts: what was changed, by day, and what lives."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from support.asking import ADA, BOB, LAPTOP, LIFETIMES, ORIGIN, PHONE, new_session, rotation_of
from support.steps import (
    create,
    end_session,
    end_user_sessions,
    rotate,
    set_status,
)
from support.stores import Stores

from tokenauthority_server.domain.errors import RefreshTokenReusedError
from tokenauthority_server.domain.metrics import LiveSessions, TokenMetrics
from tokenauthority_server.domain.users import UserStatus

DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)
SHORT = replace(LIFETIMES, refresh=MINUTE)


async def read(
    stores: Stores, days_ago: int = 0, user_id: str = "", device_id: str = ""
) -> TokenMetrics:
    """The counts alone; days_ago 0 asks for "today"."""
    day = (await stores.records.now()).date() - days_ago * DAY if days_ago else None
    found = await stores.counts.read(day, user_id, device_id)
    return replace(found, live_sessions=None)


async def live(stores: Stores, user_id: str = "", device_id: str = "") -> LiveSessions | None:
    return (await stores.counts.read(None, user_id, device_id)).live_sessions


async def some_of_everything(stores: Stores) -> None:
    """On Ada's phone, on her laptop and on Bob's phone."""
    first, second = await create(stores), await create(stores, new_session(device=LAPTOP))
    bob = await create(stores, new_session(BOB))
    rotated = await rotate(stores, await rotate(stores, first))
    await rotate(stores, second)
    await end_session(stores, rotated)
    reused = rotation_of(second, device=PHONE)
    with pytest.raises(RefreshTokenReusedError):
        await stores.sessions.rotate(reused, LIFETIMES, ORIGIN)
    await create(stores)
    assert await end_user_sessions(stores, ADA.user_id) == 1
    await rotate(stores, bob)


EVERYTHING = TokenMetrics(created=4, refreshed=4, revoked=2, bulk_revoked=1, reuse_detected=1)


async def test_where_nothing_was_done_nothing_is_counted(stores: Stores) -> None:
    for days_ago in (0, 1):
        for user_id in ("", ADA.user_id):
            for device_id in ("", "phone"):
                assert await read(stores, days_ago, user_id, device_id) == TokenMetrics()
    assert await stores.counts.fold() == 0


async def test_a_day_of_all(stores: Stores) -> None:
    await some_of_everything(stores)
    assert await read(stores) == EVERYTHING


async def test_a_day_of_one_user(stores: Stores) -> None:
    await some_of_everything(stores)
    assert await read(stores, user_id=BOB.user_id) == TokenMetrics(created=1, refreshed=1)
    of_ada = replace(EVERYTHING, created=3, refreshed=3)
    assert await read(stores, user_id=ADA.user_id) == of_ada
    assert await read(stores, user_id="u-nobody") == TokenMetrics()


async def test_a_day_of_one_device(stores: Stores) -> None:
    await some_of_everything(stores)
    laptop = TokenMetrics(created=1, refreshed=1, revoked=1, reuse_detected=1)
    phones = TokenMetrics(created=3, refreshed=3, revoked=1)
    assert await read(stores, device_id="laptop") == laptop
    assert await read(stores, device_id="phone") == phones
    assert await read(stores, user_id=BOB.user_id, device_id="laptop") == TokenMetrics()
    assert await read(stores, user_id=ADA.user_id, device_id="laptop") == laptop
    assert await read(stores, user_id=ADA.user_id, device_id="phone") == TokenMetrics(
        created=2, refreshed=2, revoked=1
    )


async def test_every_day_has_its_own(stores: Stores) -> None:
    await some_of_everything(stores)
    await stores.advance(DAY)
    await create(stores)
    assert await read(stores) == TokenMetrics(created=1)
    assert await read(stores, 1) == EVERYTHING
    assert await read(stores, 2) == TokenMetrics()
    assert await read(stores, 1, BOB.user_id) == TokenMetrics(created=1, refreshed=1)
    assert (await read(stores, 1, "", "phone")).created == 3


async def test_adding_up_changes_no_answer(stores: Stores) -> None:
    for created in (1, 2, 3):
        for _ in range(created):
            await create(stores)
        await stores.advance(DAY * (1 if created < 3 else 2))
    await create(stores)

    async def answers() -> list[TokenMetrics]:
        who = [("", ""), (ADA.user_id, ""), ("", "phone"), (ADA.user_id, "phone")]
        return [await read(stores, day, *one) for day in range(6) for one in who]

    before = await answers()
    assert await stores.counts.fold() == 3
    assert await answers() == before
    assert [one.created for one in before[::4]] == [1, 0, 3, 2, 1, 0]
    assert await stores.counts.fold() == 0
    assert await answers() == before


async def test_a_day_that_is_not_over_is_not_added_up(stores: Stores) -> None:
    await create(stores)
    assert await stores.counts.fold() == 0
    await create(stores)
    await stores.advance(2 * DAY)
    await create(stores)
    assert await stores.counts.fold() == 1
    await create(stores)
    assert await read(stores) == TokenMetrics(created=2)
    assert await read(stores, 2) == TokenMetrics(created=2)


async def test_later_days_are_added_up_too(stores: Stores) -> None:
    for _ in range(3):
        await create(stores)
        await stores.advance(2 * DAY)
        assert await stores.counts.fold() == 1
    assert [(await read(stores, days)).created for days in (2, 4, 6)] == [1, 1, 1]


async def test_before_the_first_count_no_number_is_given(stores: Stores) -> None:
    await create(stores)
    assert await live(stores) is None


async def test_only_what_lives_is_counted(stores: Stores) -> None:
    await create(stores, lifetimes=SHORT)
    await stores.advance(2 * MINUTE)
    await end_session(stores, await create(stores))
    await create(stores)
    await end_user_sessions(stores, ADA.user_id)
    for user in (ADA, ADA, BOB):
        await create(stores, new_session(user))
    assert await stores.counts.count_live_sessions(MINUTE)
    found = await live(stores)
    assert found is not None
    assert found.count == 3
    await set_status(stores, ADA.user_id, UserStatus.DISABLED)
    assert await stores.counts.count_live_sessions(timedelta())
    found = await live(stores)
    assert found is not None
    assert found.count == 1


async def test_a_count_is_served_with_its_time(stores: Stores) -> None:
    await create(stores)
    before = await stores.records.now()
    await stores.counts.count_live_sessions(MINUTE)
    first = await live(stores)
    assert first is not None
    assert before <= first.as_of_time <= await stores.records.now()
    await create(stores)
    # Until the next count it is the old one that is told, with the old time.
    assert await live(stores) == first
    await stores.advance(30 * MINUTE)
    second = await live(stores)
    assert second is not None
    age = await stores.records.now() - second.as_of_time
    assert second.count == 1
    assert 30 * MINUTE <= age < 31 * MINUTE


async def test_it_is_not_counted_more_often_than_asked(stores: Stores) -> None:
    assert await stores.counts.count_live_sessions(MINUTE)
    await create(stores)
    assert not await stores.counts.count_live_sessions(MINUTE)
    await stores.advance(MINUTE)
    assert await stores.counts.count_live_sessions(MINUTE)
    found = await live(stores)
    assert found is not None
    assert found.count == 1


async def test_a_users_sessions_are_counted_as_they_are_now(stores: Stores) -> None:
    await create(stores, lifetimes=SHORT)
    await stores.advance(2 * MINUTE)
    await create(stores)
    await end_user_sessions(stores, ADA.user_id)
    await end_session(stores, await create(stores))
    await create(stores, new_session(BOB))
    for _ in range(2):
        await create(stores)
    before = await stores.records.now()
    found = await live(stores, ADA.user_id)
    assert found is not None
    assert found.count == 2
    assert before <= found.as_of_time <= await stores.records.now()
    nobody = await live(stores, "u-nobody")
    assert nobody is not None
    assert nobody.count == 0


@pytest.mark.parametrize("user_id", ["", ADA.user_id])
async def test_by_device_no_live_sessions_are_told(stores: Stores, user_id: str) -> None:
    await create(stores)
    await stores.counts.count_live_sessions(MINUTE)
    assert await live(stores, user_id, "phone") is None


async def test_any_date_may_be_asked_for(stores: Stores) -> None:
    for day in (date.min, date.max):
        assert replace(await stores.counts.read(day, "", ""), live_sessions=None) == TokenMetrics()
