"""AuditTrail: what happened is written, and read back newest first."""

from datetime import UTC, datetime, timedelta

import pytest
from support.asking import ADA, BOB, LAPTOP, ORIGIN, PHONE, new_session
from support.steps import create, delete_user, end_session, end_user_sessions
from support.stores import Stores

from tokenauthority_server.domain.audit import AuditEvent, AuditFilter, AuditNote
from tokenauthority_server.domain.sessions import Device, Origin

EVERYTHING = AuditFilter()


async def read(
    stores: Stores, wanted: AuditFilter = EVERYTHING, size: int = 50
) -> list[AuditEvent]:
    """All pages, one after the other."""
    events: list[AuditEvent] = []
    before: str | None = ""
    while before is not None:
        page = await stores.trail.page(wanted, size, before)
        assert len(page.events) <= size
        events += page.events
        before = page.cursor
    return events


async def note(stores: Stores, kind: str, user_id: str = "") -> None:
    await stores.trail.note(AuditNote(kind=kind, user_id=user_id), ORIGIN)


async def test_a_note_comes_back_as_it_was_written(stores: Stores) -> None:
    before = await stores.records.now()
    written = AuditNote(
        kind="admin.get_user",
        user_id=ADA.user_id,
        session_id="sess_1",
        outcome="USER_NOT_FOUND",
        details={"a": "1", "b": "ü \u2028 ' \" \\ \x01"},
    )
    await stores.trail.note(written, Origin(caller="shop", request_id="r-7"))
    (event,) = await read(stores)
    assert before <= event.time <= await stores.records.now()
    assert (event.kind, event.user_id, event.session_id) == (
        "admin.get_user",
        ADA.user_id,
        "sess_1",
    )
    assert (event.caller, event.request_id) == ("shop", "r-7")
    assert (event.outcome, event.reason) == ("USER_NOT_FOUND", "")
    assert event.details == written.details
    assert event.device == Device()


async def test_what_changes_tell_is_read_too(stores: Stores) -> None:
    grant = await create(stores)
    await end_session(stores, grant)
    revoked, *first = await read(stores, AuditFilter(user_id=ADA.user_id))
    # Both are of one change, and so of one time.
    created, user = sorted(first, key=lambda one: one.kind)
    assert [one.kind for one in (user, created, revoked)] == [
        "user.created",
        "session.created",
        "session.revoked",
    ]
    assert created.device == PHONE
    assert created.session_id == revoked.session_id == grant.session_id
    assert (revoked.outcome, revoked.reason) == ("OK", "LOGOUT")
    assert {one.caller for one in (user, created, revoked)} == {ORIGIN.caller}
    assert len({one.event_id for one in (user, created, revoked)}) == 3


@pytest.mark.parametrize("size", [1, 2, 3, 50])
async def test_pages_are_newest_first_and_miss_nothing(stores: Stores, size: int) -> None:
    for number in range(5):
        await note(stores, f"kind.{number}", "u-1" if number % 2 else "u-2")
        await stores.advance(timedelta(milliseconds=2))
    kinds = [one.kind for one in await read(stores, size=size)]
    assert kinds == [f"kind.{number}" for number in (4, 3, 2, 1, 0)]
    of_one = [one.kind for one in await read(stores, AuditFilter(user_id="u-1"), size)]
    assert of_one == ["kind.3", "kind.1"]


async def test_all_that_is_set_must_be_met(stores: Stores) -> None:
    ada = await create(stores)
    bob = await create(stores, new_session(BOB, device=LAPTOP))
    await end_user_sessions(stores, ADA.user_id)
    await delete_user(stores, BOB.user_id)

    async def kinds(wanted: AuditFilter) -> set[str]:
        return {one.kind for one in await read(stores, wanted, 2)}

    assert await kinds(AuditFilter(session_id=bob.session_id)) == {"session.created"}
    of_both = AuditFilter(user_id=ADA.user_id, session_id=bob.session_id)
    assert await kinds(of_both) == set()
    assert await kinds(AuditFilter(user_id=ADA.user_id, session_id=ada.session_id)) == {
        "session.created"
    }
    assert await kinds(AuditFilter(kinds=("user.created", "user.deleted"))) == {
        "user.created",
        "user.deleted",
    }
    assert await kinds(AuditFilter(user_id=ADA.user_id, kinds=("user.deleted",))) == set()
    assert await kinds(AuditFilter(user_id="u-nobody")) == set()


async def test_a_time_range_has_its_start_and_not_its_end(stores: Stores) -> None:
    for number in range(3):
        await note(stores, f"kind.{number}")
        await stores.advance(timedelta(hours=1))
    newest, middle, oldest = await read(stores)

    async def kinds(wanted: AuditFilter) -> list[str]:
        return [one.kind for one in await read(stores, wanted)]

    assert await kinds(AuditFilter(start_time=middle.time)) == ["kind.2", "kind.1"]
    assert await kinds(AuditFilter(end_time=middle.time)) == ["kind.0"]
    between = AuditFilter(start_time=oldest.time, end_time=newest.time)
    assert await kinds(between) == ["kind.1", "kind.0"]
    far = timedelta(days=365 * 60)
    assert await kinds(AuditFilter(start_time=oldest.time - far)) == ["kind.2", "kind.1", "kind.0"]
    assert await kinds(AuditFilter(end_time=oldest.time - far)) == []
    assert await kinds(AuditFilter(start_time=newest.time + far)) == []


@pytest.mark.parametrize(
    "time", [datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)]
)
async def test_a_range_may_begin_and_end_with_all_time(stores: Stores, time: datetime) -> None:
    await note(stores, "kind.0")
    after = await stores.trail.page(AuditFilter(start_time=time), 10, "")
    before = await stores.trail.page(AuditFilter(end_time=time), 10, "")
    assert len(after.events) + len(before.events) == 1
