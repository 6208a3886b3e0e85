"""SessionStore.page: a user's live sessions, newest first."""

from dataclasses import replace
from datetime import timedelta

import pytest
from support.asking import ADA, BOB, LAPTOP, LIFETIMES, PHONE, new_session
from support.steps import create, end_session, end_user_sessions, live_session_ids, rotate
from support.stores import Stores

from tokenauthority_server.domain.sessions import Session, SessionCursor


async def all_pages(stores: Stores, size: int) -> list[list[Session]]:
    pages: list[list[Session]] = []
    cursor: SessionCursor | None = None
    while not pages or cursor is not None:
        page = await stores.sessions.page(ADA.user_id, size, cursor)
        pages.append(list(page.sessions))
        cursor = page.cursor
        assert len(pages) <= 100
    return pages


async def test_a_user_without_sessions_has_an_empty_page(stores: Stores) -> None:
    page = await stores.sessions.page("u-nobody", 10, None)
    assert (page.sessions, page.cursor) == ((), None)


async def test_a_session_is_shown_as_it_was_opened(stores: Stores) -> None:
    grant = await create(stores, new_session(scope=("shop:read", "shop:write")))
    page = await stores.sessions.page(ADA.user_id, 10, None)
    assert page.cursor is None
    (session,) = page.sessions
    assert session == Session(
        session_id=grant.session_id,
        user_id=ADA.user_id,
        device=PHONE,
        scope=("shop:read", "shop:write"),
        create_time=session.create_time,
        last_activity_time=session.last_activity_time,
        expire_time=grant.refresh_expire_time,
        end_time=grant.issue_time + LIFETIMES.session,
    )
    for time in (session.create_time, session.last_activity_time):
        assert grant.issue_time <= time <= grant.now


async def test_a_refresh_is_activity_and_moves_nothing_else(stores: Stores) -> None:
    grant = await create(stores)
    await stores.advance(timedelta(hours=1))
    before = (await stores.sessions.page(ADA.user_id, 10, None)).sessions[0]
    refreshed = await rotate(stores, grant)
    after = (await stores.sessions.page(ADA.user_id, 10, None)).sessions[0]
    assert refreshed.issue_time <= after.last_activity_time <= refreshed.now
    assert after.last_activity_time - before.last_activity_time >= timedelta(minutes=59)
    expected = replace(
        before,
        last_activity_time=after.last_activity_time,
        expire_time=refreshed.refresh_expire_time,
    )
    assert after == expected


async def test_the_newest_comes_first(stores: Stores) -> None:
    opened = []
    for _ in range(4):
        opened.append((await create(stores)).session_id)
        await stores.advance(timedelta(seconds=2))
    (page,) = await all_pages(stores, 10)
    assert [session.session_id for session in page] == opened[::-1]


@pytest.mark.parametrize(("size", "lengths"), [(1, [1] * 7), (3, [3, 3, 1]), (7, [7]), (8, [7])])
async def test_pages_show_each_session_once(stores: Stores, size: int, lengths: list[int]) -> None:
    opened = {(await create(stores)).session_id for _ in range(4)}
    await stores.records.align_creation(ADA.user_id)  # the ids have to decide as well
    await stores.advance(timedelta(seconds=2))
    opened |= {(await create(stores)).session_id for _ in range(3)}
    pages = await all_pages(stores, size)
    assert [len(page) for page in pages] == lengths
    shown = [session for page in pages for session in page]
    assert {session.session_id for session in shown} == opened
    positions = [(session.create_time, session.session_id) for session in shown]
    assert positions == sorted(positions, reverse=True)


async def test_what_comes_and_goes_between_pages_disturbs_no_other(stores: Stores) -> None:
    grants = []
    for _ in range(6):
        grants.append(await create(stores))
        await stores.advance(timedelta(seconds=2))
    newest_first = grants[::-1]
    first = await stores.sessions.page(ADA.user_id, 2, None)
    assert first.cursor is not None
    # The one that the cursor names goes, one that would come next goes, and a new one comes. They
    # are refreshed too, which must not move them.
    await end_session(stores, newest_first[1])
    await end_session(stores, newest_first[2])
    for grant in (newest_first[0], newest_first[5]):
        await rotate(stores, grant)
    await create(stores)
    rest = await stores.sessions.page(ADA.user_id, 10, first.cursor)
    expected = [grant.session_id for grant in newest_first[3:]]
    assert [session.session_id for session in rest.sessions] == expected
    assert rest.cursor is None


async def test_only_live_sessions_are_shown(stores: Stores) -> None:
    short = replace(LIFETIMES, refresh=timedelta(minutes=1))
    await create(stores, lifetimes=short)
    await create(stores, lifetimes=replace(LIFETIMES, session=timedelta(minutes=1)))
    ended = await create(stores)
    await end_session(stores, ended)
    live = {(await create(stores)).session_id, (await create(stores)).session_id}
    await stores.advance(timedelta(minutes=2))
    assert await live_session_ids(stores, ADA.user_id) == live


async def test_only_the_kept_session_is_shown_after_the_others_ended(stores: Stores) -> None:
    kept = await create(stores)
    await create(stores)
    await end_user_sessions(stores, ADA.user_id, kept=kept)
    later = await create(stores)
    expected = {kept.session_id, later.session_id}
    assert await live_session_ids(stores, ADA.user_id) == expected


async def test_nobody_sees_anothers_sessions(stores: Stores) -> None:
    ada = await create(stores)
    bob = await create(stores, new_session(BOB, device=LAPTOP))
    assert await live_session_ids(stores, ADA.user_id) == {ada.session_id}
    assert await live_session_ids(stores, BOB.user_id) == {bob.session_id}
