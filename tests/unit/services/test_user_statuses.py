"""SetUserStatus and DeleteUser: what they refuse, and what they promise."""

from datetime import UTC, datetime, timedelta

import pytest
from support.asking import ADA, LIFETIMES, ORIGIN, new_session

from tokenauthority_server.adapters.memory import (
    MemoryDatabase,
    MemoryPropagation,
    MemorySessionStore,
    MemoryUserDirectory,
)
from tokenauthority_server.domain.errors import InvalidRequestError, UserNotFoundError
from tokenauthority_server.domain.users import UserStatus
from tokenauthority_server.services.revoking import Revoked
from tokenauthority_server.services.user_statuses import UserStatuses

UNTIL = datetime(2100, 1, 1, tzinfo=UTC)


@pytest.fixture
async def database() -> MemoryDatabase:
    database = MemoryDatabase()
    await MemorySessionStore(database).create(new_session(), LIFETIMES, ORIGIN)
    return database


@pytest.fixture
def statuses(database: MemoryDatabase) -> UserStatuses:
    return UserStatuses(MemoryUserDirectory(database), MemoryPropagation(database))


@pytest.mark.parametrize("status", [UserStatus.DISABLED, UserStatus.LOCKED])
async def test_keeping_out_tells_what_it_ended(statuses: UserStatuses, status: UserStatus) -> None:
    done = await statuses.set_status(ADA.user_id, status, None, ORIGIN)
    assert done == Revoked(sessions=1, effective_everywhere=True)


async def test_letting_in_ends_nothing(statuses: UserStatuses) -> None:
    done = await statuses.set_status(ADA.user_id, UserStatus.ACTIVE, None, ORIGIN)
    assert done == Revoked(sessions=0, effective_everywhere=True)


async def test_a_lock_has_an_end(database: MemoryDatabase, statuses: UserStatuses) -> None:
    await statuses.set_status(ADA.user_id, UserStatus.LOCKED, UNTIL, ORIGIN)
    assert not database.users[ADA.user_id].allowed(UNTIL - timedelta(seconds=1))
    assert database.users[ADA.user_id].allowed(UNTIL)


async def test_deleting_tells_what_it_ended(statuses: UserStatuses) -> None:
    for ended in (1, 0):
        done = await statuses.delete(ADA.user_id, ORIGIN)
        assert done == Revoked(sessions=ended, effective_everywhere=True)


@pytest.mark.parametrize("sessions", [1, 0])
async def test_what_is_not_known_everywhere_is_not_promised(
    database: MemoryDatabase, sessions: int
) -> None:
    # Also where nothing was left to do: what was done before may not have settled yet.
    directory = MemoryUserDirectory(database)
    if not sessions:
        await directory.set_status(ADA.user_id, UserStatus.DISABLED, None, ORIGIN)
    behind = UserStatuses(directory, MemoryPropagation(database, reaches=False))
    done = await behind.set_status(ADA.user_id, UserStatus.DISABLED, None, ORIGIN)
    assert done == Revoked(sessions=sessions, effective_everywhere=False)
    assert not (await behind.delete(ADA.user_id, ORIGIN)).effective_everywhere


@pytest.mark.parametrize(
    ("status", "until", "fields"),
    [
        (UserStatus.DELETED, None, ["status"]),
        (UserStatus.DELETED, UNTIL, ["status", "locked_until_time"]),
        (UserStatus.ACTIVE, UNTIL, ["locked_until_time"]),
        (UserStatus.DISABLED, UNTIL, ["locked_until_time"]),
    ],
)
async def test_what_makes_no_sense_is_refused(
    database: MemoryDatabase,
    statuses: UserStatuses,
    status: UserStatus,
    until: datetime | None,
    fields: list[str],
) -> None:
    with pytest.raises(InvalidRequestError) as refused:
        await statuses.set_status(ADA.user_id, status, until, ORIGIN)
    assert [one.field for one in refused.value.violations] == fields
    assert database.users[ADA.user_id].status is UserStatus.ACTIVE


async def test_nobody_is_not_found(statuses: UserStatuses) -> None:
    with pytest.raises(UserNotFoundError):
        await statuses.set_status("u-nobody", UserStatus.DISABLED, None, ORIGIN)
    with pytest.raises(UserNotFoundError):
        await statuses.delete("u-nobody", ORIGIN)
