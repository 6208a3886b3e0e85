"""SessionStore.create: the same request_id again is the same session."""

from dataclasses import replace
from datetime import timedelta

import pytest
from support.asking import (
    ADA,
    BOB,
    LAPTOP,
    LIFETIMES,
    ORIGIN,
    access_claims,
    new_session,
    pair,
)
from support.steps import (
    create,
    death,
    end_session,
    end_user_sessions,
    live_session_ids,
    rotate,
)
from support.stores import Stores

from tokenauthority_server.domain.errors import (
    RequestIdReusedError,
    RequestIdSpentError,
    UserNotAllowedError,
)
from tokenauthority_server.domain.sessions import NewSession


def asked() -> NewSession:
    return new_session(request_id="r-1")


async def test_a_repeated_request_gets_the_same_pair(stores: Stores) -> None:
    first = await create(stores, asked())
    again = await create(stores, asked())
    assert not first.replayed
    assert again.replayed
    assert pair(again) == pair(first)


async def test_a_repeated_request_is_not_counted(stores: Stores) -> None:
    for _ in range(3):
        await create(stores, asked())
    assert await stores.records.metrics(ADA.user_id) == {("phone", "created"): 1}
    assert await stores.records.audit_kinds(ADA.user_id) == ["session.created", "user.created"]
    assert len(await live_session_ids(stores, ADA.user_id)) == 1


async def test_a_repeated_request_keeps_the_first_times(stores: Stores) -> None:
    await create(stores, asked())
    await stores.advance(timedelta(minutes=9))
    again = await create(stores, asked())
    assert again.replayed
    assert again.now - again.issue_time >= timedelta(minutes=9)
    assert again.access_expire_time - again.issue_time == LIFETIMES.access
    assert again.refresh_expire_time - again.issue_time == LIFETIMES.refresh


async def test_a_repeated_request_needs_no_room_anew(stores: Stores) -> None:
    by_user_id = new_session(ADA.user_id, request_id="r-2")
    await create(stores, new_session(profile_size=100))
    first = await create(stores, by_user_id)
    await create(stores, new_session(replace(ADA, email="x"), profile_size=5_000))
    again = await create(stores, replace(by_user_id, profile_budget=1_000))
    assert pair(again) == pair(first)


async def test_another_body_is_refused(stores: Stores) -> None:
    first = await create(stores, asked())
    others = [
        new_session(device=LAPTOP, request_id="r-1"),
        new_session(scope=("other",), request_id="r-1"),
        new_session(replace(ADA, roles=()), request_id="r-1"),
        new_session(ADA.user_id, request_id="r-1"),
    ]
    for other in others:
        with pytest.raises(RequestIdReusedError):
            await create(stores, other)
    assert await live_session_ids(stores, ADA.user_id) == {first.session_id}
    assert await stores.records.facts(ADA.user_id) == set()
    assert (await create(stores, new_session(ADA.user_id))).profile == ADA


async def test_requests_of_others_are_others(stores: Stores) -> None:
    grants = [
        await create(stores, asked()),
        await create(stores, asked(), origin=replace(ORIGIN, caller="other")),
        await create(stores, new_session(BOB, request_id="r-1")),
        await create(stores, new_session(request_id="r-2")),
        await create(stores, new_session()),
        await create(stores, new_session()),
    ]
    assert not any(grant.replayed for grant in grants)
    assert len({grant.session_id for grant in grants}) == len(grants)


async def test_a_request_id_is_forgotten_after_ten_minutes(stores: Stores) -> None:
    first = await create(stores, asked())
    await stores.advance(timedelta(minutes=10, seconds=2))
    second = await create(stores, asked())
    assert not second.replayed
    expected = {first.session_id, second.session_id}
    assert await live_session_ids(stores, ADA.user_id) == expected
    assert pair(await create(stores, asked())) == pair(second)
    await stores.advance(timedelta(minutes=10, seconds=2))
    assert not (await create(stores, new_session(device=LAPTOP, request_id="r-1"))).replayed


async def test_a_refreshed_pair_is_spent(stores: Stores) -> None:
    first = await create(stores, asked())
    await rotate(stores, first)
    with pytest.raises(RequestIdSpentError):
        await create(stores, asked())


async def test_the_pair_of_an_ended_session_is_spent(stores: Stores) -> None:
    first = await create(stores, asked())
    await end_session(stores, first)
    with pytest.raises(RequestIdSpentError):
        await create(stores, asked())
    assert await live_session_ids(stores, ADA.user_id) == set()


async def test_the_pair_of_an_ended_users_session_is_spent(stores: Stores) -> None:
    await create(stores, asked())
    await end_user_sessions(stores, ADA.user_id)
    with pytest.raises(RequestIdSpentError):
        await create(stores, asked())


async def test_an_expired_pair_is_spent(stores: Stores) -> None:
    await create(stores, asked(), replace(LIFETIMES, refresh=timedelta(minutes=1)))
    await stores.advance(timedelta(minutes=2))
    with pytest.raises(RequestIdSpentError):
        await create(stores, asked())


async def test_the_pair_of_a_kept_session_is_given_again_and_lives(stores: Stores) -> None:
    first = await create(stores, asked())
    await end_user_sessions(stores, ADA.user_id, kept=first)
    again = await create(stores, asked())
    assert again.session_id == first.session_id
    assert await death(stores, access_claims(again)) is None


async def test_a_repeated_request_gets_the_profile_first_issued(stores: Stores) -> None:
    first = await create(stores, asked())
    for roles in ((), ("owner",)):
        changed = replace(ADA, roles=roles)
        await create(stores, new_session(changed))
        assert pair(await create(stores, asked())) == pair(first)
        # Nor does asking again put the former profile back.
        assert (await create(stores, new_session(ADA.user_id))).profile == changed


async def test_a_repeated_request_of_a_user_who_may_not_is_refused(stores: Stores) -> None:
    await create(stores, asked())
    await stores.records.set_status(ADA.user_id, "DISABLED")
    with pytest.raises(UserNotAllowedError):
        await create(stores, asked())
