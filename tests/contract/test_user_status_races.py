"""Users who are kept out, or deleted, while their sessions begin and go on.

Over the memory form these hold by themselves; each names what makes the real store pass.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import replace

import asyncpg
import pytest
from support.asking import ADA, BOB, access_claims, new_session
from support.postgres_stores import LockLine, postgres_stores
from support.racing import in_line, race
from support.steps import (
    create,
    death,
    delete_user,
    live_session_ids,
    refresh_death,
    rotate,
    set_status,
)
from support.stores import Stores

from tokenauthority_server.domain.errors import (
    SessionEndedError,
    UsernameTakenError,
    UserNotAllowedError,
)
from tokenauthority_server.domain.sessions import Grant
from tokenauthority_server.domain.users import UserStatus

ACTIVE, DISABLED, LOCKED = UserStatus.ACTIVE, UserStatus.DISABLED, UserStatus.LOCKED
ROUNDS = 12


async def disable(stores: Stores, user_id: str) -> int:
    return await set_status(stores, user_id, DISABLED)


async def lock(stores: Stores, user_id: str) -> int:
    return await set_status(stores, user_id, LOCKED)


KEEP_OUT = pytest.mark.parametrize("keep_out", [disable, lock, delete_user])
KeepOut = Callable[[Stores, str], Awaitable[int]]


@KEEP_OUT
async def test_no_creation_gets_past(stores: Stores, keep_out: KeepOut) -> None:
    # The guards: both lock the user's row first, so that a session is either found here or refused;
    # and the epoch is raised, without which the pairs created before go on living (see below).
    for number in range(ROUNDS):
        user = replace(ADA, user_id=f"u-{number}", username=f"name-{number}")
        first = await create(stores, new_session(user))
        outcomes = await race(
            *(create(stores, new_session(user.user_id)) for _ in range(4)),
            keep_out(stores, user.user_id),
            *(create(stores, new_session(user)) for _ in range(4)),
        )
        grants = [first, *(one for one in outcomes if isinstance(one, Grant))]
        refused = [one for one in outcomes if isinstance(one, UserNotAllowedError)]
        assert outcomes[4] == len(grants)
        assert len(grants) + len(refused) == 9
        assert {one.epoch for one in grants} == {first.epoch}
        for grant in grants:
            assert await death(stores, access_claims(grant)) is not None
            assert await refresh_death(stores, grant) is not None
        if keep_out is not delete_user:
            await set_status(stores, user.user_id, ACTIVE)
        assert await live_session_ids(stores, user.user_id) == set()


@KEEP_OUT
async def test_no_refresh_gets_past(stores: Stores, keep_out: KeepOut) -> None:
    # The guard: the epoch. A refresh does not lock the user's row, and one that began before sees
    # a user who may go on; the pair that it mints is dead all the same.
    grant = await create(stores)

    async def kept_out() -> int:
        return await keep_out(stores, ADA.user_id)

    rotated, ended = await in_line(stores, grant.session_id, rotate(stores, grant), kept_out())
    assert isinstance(rotated, Grant)
    assert ended == 1
    assert await death(stores, access_claims(rotated)) is not None
    assert await refresh_death(stores, rotated) is not None
    if keep_out is not delete_user:
        await set_status(stores, ADA.user_id, ACTIVE)
    with pytest.raises(SessionEndedError):
        await rotate(stores, rotated)


async def test_without_the_epoch_a_refresh_would_get_past(postgres: Stores) -> None:
    grant = await create(postgres)
    async with postgres.records.holding(grant.session_id) as line:
        rotating = asyncio.ensure_future(rotate(postgres, grant))
        await line.joined(rotating)
        await postgres.records.set_status(ADA.user_id, "DISABLED")
    rotated = await rotating
    assert await death(postgres, access_claims(rotated)) is None
    await postgres.records.set_status(ADA.user_id, "ACTIVE")
    assert (await rotate(postgres, rotated)).generation == 2


async def test_all_at_once_waits_in_one_order(stores: Stores) -> None:
    # The guard: the user's row comes before a session's, or there would be deadlocks.
    for _ in range(ROUNDS):
        grants = [await create(stores) for _ in range(4)]
        await race(
            *(rotate(stores, grant) for grant in grants),
            set_status(stores, ADA.user_id, LOCKED),
            *(create(stores) for _ in range(2)),
            set_status(stores, ADA.user_id, DISABLED),
            *(rotate(stores, grant) for grant in grants),
            set_status(stores, ADA.user_id, ACTIVE),
        )
        await set_status(stores, ADA.user_id, ACTIVE)


@KEEP_OUT
async def test_it_is_done_once(stores: Stores, keep_out: KeepOut) -> None:
    # The guard: the status is read under the lock of the user's row.
    for number in range(ROUNDS // 2):
        user = replace(ADA, user_id=f"u-{number}", username=f"name-{number}")
        await race(*(create(stores, new_session(user)) for _ in range(8)))
        counts = await race(*(keep_out(stores, user.user_id) for _ in range(8)))
        assert Counter(counts) == {0: 7, 8: 1}
        assert [fact.epoch for fact in await stores.records.facts(user.user_id)] == [1]
        assert (await stores.records.metrics(user.user_id))["", "bulk_revoked"] == 8
        kind = "user.deleted" if keep_out is delete_user else "user.status_changed"
        assert (await stores.records.audit_kinds(user.user_id)).count(kind) == 1


async def test_a_username_passes_to_one_heir(stores: Stores) -> None:
    # The guard: the username is unique, and a tombstone has none.
    await create(stores)
    heirs = [replace(BOB, user_id=f"u-{number}", username=ADA.username) for number in range(6)]
    outcomes = await race(
        *(create(stores, new_session(one)) for one in heirs[:3]),
        delete_user(stores, ADA.user_id),
        *(create(stores, new_session(one)) for one in heirs[3:]),
    )
    assert outcomes[3] == 1
    kinds = Counter(type(one) for one in outcomes)
    assert kinds[Grant] + kinds[UsernameTakenError] == 6
    later = [(await race(create(stores, new_session(one))))[0] for one in heirs]
    assert Counter(type(one) for one in later) == {Grant: 1, UsernameTakenError: 5}


async def test_a_lock_that_runs_out_while_its_row_is_waited_for(database_url: str) -> None:
    # The guard: the time is asked after the wait. By the time before it the user would seem kept
    # out already, and a session opened meanwhile would stay.
    connection = await asyncpg.connect(database_url)
    async with postgres_stores(database_url) as stores:
        grant = await create(stores)
        await set_status(stores, ADA.user_id, LOCKED)
        async with connection.transaction():
            await connection.execute("SELECT FROM tokenauthority.users FOR UPDATE")
            waiting = asyncio.ensure_future(disable(stores, ADA.user_id))
            await LockLine(connection).joined(waiting)
            await connection.execute(
                "UPDATE tokenauthority.users SET locked_until = clock_timestamp()"
            )
        await waiting
        (fact,) = await stores.records.facts(ADA.user_id)
        assert fact.epoch == grant.epoch + 2
    await connection.close()
