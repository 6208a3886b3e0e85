"""Sessions that are ended by what they are, while they begin, go on and end otherwise."""

import asyncio
from dataclasses import replace

from support.asking import ADA, LIFETIMES, ORIGIN, PHONE, access_claims, new_session, rotation_of
from support.racing import in_line, race
from support.steps import create, death, end_session, live_session_ids, refresh_death, rotate
from support.stores import Stores

from tokenauthority_server.domain.errors import SessionEndedError
from tokenauthority_server.domain.revocations import RevocationReason
from tokenauthority_server.domain.session_criteria import SessionCriteria, Span, Stretch
from tokenauthority_server.domain.sessions import Grant, SessionCap

ROUNDS = 12
OF_PHONES = SessionCriteria(device_id="phone")


async def end(stores: Stores, criteria: SessionCriteria = OF_PHONES) -> Stretch:
    return await stores.ender.end_stretch(
        criteria, Span(length=1_000, most=1_000), RevocationReason.ADMIN, ORIGIN
    )


async def test_nobody_gets_away_by_a_refresh(postgres: Stores) -> None:
    # The guard: what was found is ended by its key, whatever the refresh that it waited for has
    # made of it. Searched again under the lock, this one would be from another network.
    stores = postgres
    grant = await create(stores)
    elsewhere = replace(rotation_of(grant), device=replace(PHONE, ip_address="203.0.113.9"))

    async def moved() -> Grant:
        return await stores.sessions.rotate(elsewhere, LIFETIMES, ORIGIN)

    async def ended() -> Stretch:
        return await end(stores, SessionCriteria(ip_range="192.0.2.0/24"))

    rotated, stretch = await in_line(stores, grant.session_id, moved(), ended())
    assert isinstance(rotated, Grant)
    assert isinstance(stretch, Stretch)
    assert (stretch.matched, stretch.ended) == (1, 1)
    assert await death(stores, access_claims(rotated)) is not None
    assert await refresh_death(stores, rotated) is not None


async def test_a_refresh_that_comes_second_is_refused(stores: Stores) -> None:
    grant = await create(stores)

    async def ended() -> Stretch:
        return await end(stores)

    stretch, rotated = await in_line(stores, grant.session_id, ended(), rotate(stores, grant))
    assert isinstance(stretch, Stretch)
    assert isinstance(rotated, SessionEndedError)


async def test_what_somebody_else_has_ended_just_before_is_named(postgres: Stores) -> None:
    # Whoever is told that it matched has to be able to rely on its death.
    grant = await create(postgres)

    async def ended() -> Stretch:
        return await end(postgres)

    first, stretch = await in_line(
        postgres, grant.session_id, end_session(postgres, grant), ended()
    )
    assert first == 1
    assert isinstance(stretch, Stretch)
    assert (stretch.matched, stretch.ended) == (1, 0)
    assert [one.session_id for one in stretch.dead] == [grant.session_id]


async def test_it_is_ended_once(stores: Stores) -> None:
    # The guard: it is counted after the wait for its row.
    for _ in range(ROUNDS):
        grants = [await create(stores) for _ in range(3)]
        outcomes = await race(
            *(end(stores) for _ in range(4)),
            *(end_session(stores, grant) for grant in grants),
        )
        ended = sum(one.ended if isinstance(one, Stretch) else int(str(one)) for one in outcomes)
        assert ended == 3
    counts = await stores.records.metrics(ADA.user_id)
    assert counts["phone", "revoked"] == counts["phone", "created"] == 3 * ROUNDS
    kinds = await stores.records.audit_kinds(ADA.user_id)
    assert kinds.count("session.revoked") == 3 * ROUNDS


async def test_all_at_once_waits_in_one_order(stores: Stores) -> None:
    # The guard: rows are locked before any count, as all do who end sessions.
    users = [replace(ADA, user_id=f"u-{number}", username=f"n-{number}") for number in range(4)]
    for _ in range(ROUNDS):
        grants = [await create(stores, new_session(user)) for user in users for _ in range(2)]
        await race(
            *(rotate(stores, grant) for grant in grants),
            *(end(stores) for _ in range(3)),
            *(create(stores, new_session(user, cap=SessionCap(sessions=2))) for user in users),
            *(end_session(stores, grant) for grant in grants[::2]),
        )
        await end(stores)
        for user in users:
            assert await live_session_ids(stores, user.user_id) == set()


async def test_many_who_end_many_wait_in_one_order(postgres: Stores) -> None:
    # The guard: rows are locked in the order of their keys. In any other two wait for each other,
    # which is found out only when their time is up.
    users = [replace(ADA, user_id=f"u-{number}", username=f"n-{number}") for number in range(5)]
    for _ in range(4):
        for user in users:
            await asyncio.gather(*(create(postgres, new_session(user)) for _ in range(8)))
        outcomes = await race(*(end(postgres) for _ in range(6)))
        assert sum(one.ended for one in outcomes if isinstance(one, Stretch)) == 40


async def test_a_session_that_begins_lives_or_is_ended(stores: Stores) -> None:
    for _ in range(ROUNDS):
        outcomes = await asyncio.gather(
            *(create(stores) for _ in range(4)), end(stores), *(create(stores) for _ in range(4))
        )
        grants = [one for one in outcomes if isinstance(one, Grant)]
        live = await live_session_ids(stores, ADA.user_id)
        for grant in grants:
            is_dead = await death(stores, access_claims(grant)) is not None
            assert is_dead == (grant.session_id not in live)
        await end(stores)


async def test_going_through_while_sessions_come_and_go(stores: Stores) -> None:
    grants = [await create(stores) for _ in range(9)]
    others = new_session(device=replace(PHONE, device_id="other"))
    after, ended = None, 0
    while True:
        stretch = await stores.ender.end_stretch(
            OF_PHONES, Span(length=2, most=2, after=after), RevocationReason.ADMIN, ORIGIN
        )
        ended, after = ended + stretch.ended, stretch.end
        if after is None:
            break
        # Those that end meanwhile are gone through all the same.
        await end_session(stores, await create(stores, replace(others, session_id=f"s{ended}")))
    assert ended == 9
    for grant in grants:
        assert await refresh_death(stores, grant) is not None
