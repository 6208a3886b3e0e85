"""The directory and the audit trail: what is refused, and how pages hang together."""

from dataclasses import replace
from datetime import timedelta

import pytest
from support.administration import Administration, administration
from support.asking import ADA, BOB, ORIGIN

from tokenauthority_server.domain.audit import AuditFilter, AuditNote
from tokenauthority_server.domain.errors import (
    InvalidRequestError,
    ProfileTooLargeError,
    UserNotFoundError,
)
from tokenauthority_server.domain.users import Profile


@pytest.fixture
async def here() -> Administration:
    return await administration()


async def test_a_user_is_put_and_read(here: Administration) -> None:
    users = here.use_cases.users
    done = await users.put(ADA, ORIGIN)
    assert done.effective_everywhere
    assert done.user == await users.by_id(ADA.user_id) == await users.by_username(ADA.username)
    row = here.database.users[ADA.user_id]
    assert row.profile_size == here.authority.codec.profile_size(ADA)
    with pytest.raises(UserNotFoundError):
        await users.by_id(BOB.user_id)


async def test_a_profile_fits_a_token_or_is_refused(here: Administration) -> None:
    codec = here.authority.codec
    room = codec.profile_budget("", ()) - codec.profile_size(replace(BOB, roles=("",)))
    fits = replace(BOB, roles=("x" * room,))
    await here.use_cases.users.put(fits, ORIGIN)
    with pytest.raises(ProfileTooLargeError):
        await here.use_cases.users.put(replace(BOB, roles=("x" * (room + 1),)), ORIGIN)
    assert (await here.use_cases.users.by_id(BOB.user_id)).profile == fits


async def test_users_come_in_pages(here: Administration) -> None:
    users = here.use_cases.users
    for number in range(55):
        await users.put(Profile(user_id=f"u-{number}", username=f"n{number:03}"), ORIGIN)
    first = await users.list_users("n", 0, "")
    assert len(first.users) == 50
    rest = await users.list_users("n", 500, first.next_page_token)
    names = [one.profile.username for one in (*first.users, *rest.users)]
    assert names == [f"n{number:03}" for number in range(55)]
    assert rest.next_page_token == ""
    for prefix, token in (("x", first.next_page_token), ("n", first.next_page_token[:-2])):
        with pytest.raises(InvalidRequestError) as refused:
            await users.list_users(prefix, 0, token)
        assert [one.field for one in refused.value.violations] == ["page_token"]


async def test_events_come_in_pages(here: Administration) -> None:
    audit = here.use_cases.audit
    for number in range(5):
        await here.trail.note(AuditNote(kind=f"kind.{number}"), ORIGIN)
    found, token = [], ""
    while True:
        page = await audit.list_events(AuditFilter(), 2, token)
        found += [one.kind for one in page.events]
        token = page.next_page_token
        if not token:
            break
    assert [one for one in found if one.startswith("kind")] == [
        f"kind.{number}" for number in (4, 3, 2, 1, 0)
    ]


async def test_a_page_token_is_for_its_own_criteria(here: Administration) -> None:
    audit = here.use_cases.audit
    for _ in range(3):
        await here.trail.note(AuditNote(kind="k", user_id="u-1"), ORIGIN)
    now = here.database.clock.now()
    first = await audit.list_events(AuditFilter(user_id="u-1"), 1, "")
    assert first.next_page_token
    for other in (
        AuditFilter(),
        AuditFilter(user_id="u-2"),
        AuditFilter(user_id="u-1", kinds=("k",)),
        AuditFilter(user_id="u-1", start_time=now),
        AuditFilter(user_id="u-1", end_time=now),
        AuditFilter(session_id="u-1"),
    ):
        with pytest.raises(InvalidRequestError):
            await audit.list_events(other, 1, first.next_page_token)


@pytest.mark.parametrize("length", [timedelta(0), timedelta(seconds=-1)])
async def test_a_time_range_goes_forward(here: Administration, length: timedelta) -> None:
    now = here.database.clock.now()
    wanted = AuditFilter(start_time=now, end_time=now + length)
    with pytest.raises(InvalidRequestError) as refused:
        await here.use_cases.audit.list_events(wanted, 0, "")
    assert [one.field for one in refused.value.violations] == ["end_time"]
