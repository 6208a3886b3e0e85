"""Changes of one session that began together and then waited for one another, in each order.

Each of them saw the sessions as they were before the others: what it does must rest on what it
finds after its wait. Over the memory form nothing waits, and the calls come one after another.
"""

import asyncio

import pytest
from support.asking import ADA, access_claims, pair
from support.racing import in_line
from support.steps import (
    create,
    death,
    end_session,
    end_user_sessions,
    live_session_ids,
    refresh_death,
    rotate,
)
from support.stores import Stores
from support.waiting import eventually

from tokenauthority_server.domain.errors import (
    RefreshTokenExpiredError,
    RefreshTokenReusedError,
    SessionEndedError,
)
from tokenauthority_server.domain.sessions import Grant


async def assert_ended(stores: Stores, *grants: Grant) -> None:
    assert await live_session_ids(stores, ADA.user_id) == set()
    for grant in grants:
        assert await death(stores, access_claims(grant)) is not None
        assert await refresh_death(stores, grant) is not None
        with pytest.raises(SessionEndedError):
            await rotate(stores, grant)


async def test_two_refreshes(stores: Stores) -> None:
    first = await create(stores)
    second, again = await in_line(
        stores, first.session_id, rotate(stores, first), rotate(stores, first)
    )
    assert isinstance(second, Grant)
    assert isinstance(again, Grant)
    assert (second.replayed, again.replayed) == (False, True)
    assert pair(again) == pair(second)


async def test_a_refresh_of_what_another_has_just_rotated_twice(stores: Stores) -> None:
    first = await create(stores)
    second = await rotate(stores, first)
    third, refused = await in_line(
        stores, first.session_id, rotate(stores, second), rotate(stores, first)
    )
    assert isinstance(third, Grant)
    if isinstance(refused, RefreshTokenReusedError):
        # In memory nobody waits: what was used is used.
        await assert_ended(stores, second, third)
    else:
        # It was good when it came, and was overtaken while it waited.
        assert isinstance(refused, RefreshTokenExpiredError)
        assert await live_session_ids(stores, ADA.user_id) == {first.session_id}
        assert (await rotate(stores, third)).generation == 3


async def test_a_refresh_then_the_end_of_the_session(stores: Stores) -> None:
    first = await create(stores)
    second, ended = await in_line(
        stores, first.session_id, rotate(stores, first), end_session(stores, first)
    )
    assert isinstance(second, Grant)
    assert ended == 1
    await assert_ended(stores, first, second)


async def test_the_end_of_the_session_then_a_refresh(stores: Stores) -> None:
    first = await create(stores)
    ended, refused = await in_line(
        stores, first.session_id, end_session(stores, first), rotate(stores, first)
    )
    assert ended == 1
    assert isinstance(refused, SessionEndedError)
    assert ("phone", "refreshed") not in await stores.records.metrics(ADA.user_id)
    await assert_ended(stores, first)


async def test_a_refresh_then_the_end_of_the_users_sessions(stores: Stores) -> None:
    # What ends the user's sessions waits for no session: the refresh comes after it, and either
    # is refused or gives a pair that carries the epoch from before.
    first = await create(stores)
    second, ended = await in_line(
        stores, first.session_id, rotate(stores, first), end_user_sessions(stores, ADA.user_id)
    )
    assert ended == 1
    grants = [one for one in (first, second) if isinstance(one, Grant)]
    await assert_ended(stores, *grants)


async def test_the_end_of_the_others_then_a_refresh_of_the_kept(stores: Stores) -> None:
    first = await create(stores)
    ended, second = await in_line(
        stores,
        first.session_id,
        end_user_sessions(stores, ADA.user_id, kept=first),
        rotate(stores, first),
    )
    assert ended == 0
    assert isinstance(second, Grant)
    assert not second.replayed
    assert await death(stores, access_claims(second)) is None
    assert (await rotate(stores, second)).generation == 2


async def test_a_refresh_of_the_kept_then_the_end_of_the_others(stores: Stores) -> None:
    first = await create(stores)
    second, ended = await in_line(
        stores,
        first.session_id,
        rotate(stores, first),
        end_user_sessions(stores, ADA.user_id, kept=first),
    )
    assert ended == 0
    assert isinstance(second, Grant)
    assert await death(stores, access_claims(second)) is None
    assert (await rotate(stores, first)).replayed
    assert (await rotate(stores, second)).generation == 2


async def test_the_end_of_the_others_then_of_the_kept(stores: Stores) -> None:
    first = await create(stores)
    counts = await in_line(
        stores,
        first.session_id,
        end_user_sessions(stores, ADA.user_id, kept=first),
        end_session(stores, first),
    )
    assert counts == [0, 1]
    await assert_ended(stores, first)


async def test_the_end_of_a_session_then_of_all_but_it(stores: Stores) -> None:
    first = await create(stores)
    counts = await in_line(
        stores,
        first.session_id,
        end_session(stores, first),
        end_user_sessions(stores, ADA.user_id, kept=first),
    )
    assert counts == [1, 0]
    await assert_ended(stores, first)


async def test_the_end_of_a_session_twice(stores: Stores) -> None:
    first = await create(stores)
    counts = await in_line(
        stores, first.session_id, end_session(stores, first), end_session(stores, first)
    )
    assert counts == [1, 0]
    assert (await stores.records.metrics(ADA.user_id))["phone", "revoked"] == 1


async def test_two_who_keep_one_session(stores: Stores) -> None:
    first = await create(stores)
    await create(stores)
    counts = await in_line(
        stores,
        first.session_id,
        end_user_sessions(stores, ADA.user_id, kept=first),
        end_user_sessions(stores, ADA.user_id, kept=first),
    )
    assert counts == [1, 0]
    assert await live_session_ids(stores, ADA.user_id) == {first.session_id}
    assert await death(stores, access_claims(first)) is None
    assert (await rotate(stores, first)).generation == 1


async def test_a_creation_after_the_end_of_the_others(stores: Stores) -> None:
    # The creation waits for the user's row, and so reads the epoch that the other has made.
    first = await create(stores)
    _, second = await in_line(
        stores,
        first.session_id,
        end_user_sessions(stores, ADA.user_id, kept=first),
        create(stores),
    )
    assert isinstance(second, Grant)
    assert second.epoch == first.epoch + 1
    expected = {first.session_id, second.session_id}
    assert await live_session_ids(stores, ADA.user_id) == expected
    assert await death(stores, access_claims(second)) is None


async def test_a_change_goes_on_when_its_caller_goes_away(stores: Stores) -> None:
    first = await create(stores)
    async with stores.records.holding(first.session_id) as line:
        caller = asyncio.ensure_future(end_session(stores, first))
        await line.joined(caller)
        caller.cancel()
        await asyncio.wait({caller})
        # Were the change given up with its caller, it would be within these.
        for _ in range(200):
            await stores.records.facts(ADA.user_id)

    async def has_ended() -> bool:
        return not await live_session_ids(stores, ADA.user_id)

    await eventually(has_ended)
    await assert_ended(stores, first)
