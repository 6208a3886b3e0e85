"""Erasure: a person goes from what is kept, and what happened stays."""

import pytest
from support.asking import ADA, BOB, LAPTOP, ORIGIN, PHONE, new_session, rotation_of
from support.steps import create, delete_user, end_session, rotate
from support.stores import Stores

from tokenauthority_server.domain.audit import AuditEvent, AuditFilter, AuditNote
from tokenauthority_server.domain.errors import (
    RefreshTokenReusedError,
    UserNotDeletedError,
    UserNotFoundError,
)
from tokenauthority_server.domain.sessions import Device


async def events(stores: Stores, user_id: str = ADA.user_id) -> list[AuditEvent]:
    page = await stores.trail.page(AuditFilter(user_id=user_id), 500, "")
    assert page.cursor is None
    return list(page.events)


async def erase(stores: Stores, batch: int = 100) -> int:
    await stores.erasure.begin(ADA.user_id, ORIGIN)
    cleared = 0
    while rows := await stores.erasure.clear(ADA.user_id, batch):
        cleared += rows
    return cleared


async def lived(stores: Stores) -> None:
    """A life with two devices, a theft, a look by an administrator, and an end."""
    first = await create(stores)
    second = await rotate(stores, first)
    await rotate(stores, second)
    with pytest.raises(RefreshTokenReusedError):
        await rotate(stores, rotation_of(first, device=LAPTOP))
    await end_session(stores, await create(stores, new_session(device=LAPTOP)))
    looked = {"ip_range": "192.0.2.1/32", "email": ADA.email, "revoked_sessions": "3"}
    await stores.trail.note(
        AuditNote(kind="admin.revoke_sessions", user_id=ADA.user_id, details=looked), ORIGIN
    )
    await delete_user(stores, ADA.user_id)


@pytest.mark.parametrize("batch", [1, 3, 100])
async def test_the_events_stay_and_tell_of_nobody(stores: Stores, batch: int) -> None:
    await lived(stores)
    before = await events(stores)
    assert {one.device for one in before} > {PHONE, LAPTOP}

    assert await erase(stores, batch) > 0

    newest, *rest = await events(stores)
    assert (newest.kind, newest.caller, newest.outcome) == ("user.erased", ORIGIN.caller, "OK")
    assert [(one.event_id, one.time, one.kind, one.session_id, one.reason) for one in rest] == [
        (one.event_id, one.time, one.kind, one.session_id, one.reason) for one in before
    ]
    assert {one.device for one in rest} == {Device()}
    told = {value for one in rest for value in one.details.values()}
    assert not told & {"192.0.2.1/32", ADA.email, *_words(PHONE), *_words(LAPTOP)}
    (look,) = [one for one in rest if one.kind == "admin.revoke_sessions"]
    assert look.details == {"revoked_sessions": "3"}
    assert await stores.records.reuse_devices(ADA.user_id) in ([set()], [{"", None}])


async def test_counts_stay_but_by_no_device(stores: Stores) -> None:
    await lived(stores)
    before = await stores.records.metrics(ADA.user_id)
    await erase(stores, 1)
    after = await stores.records.metrics(ADA.user_id)
    assert {device for device, _ in after} == {""}
    for kind in {kind for _, kind in before}:
        total = sum(count for (_, one), count in before.items() if one == kind)
        assert after["", kind] == total


async def test_once_more_finds_nothing_and_is_told(stores: Stores) -> None:
    await lived(stores)
    assert await erase(stores) > 0
    assert await erase(stores) == 0
    kinds = [one.kind for one in await events(stores)]
    assert kinds[:2] == ["user.erased", "user.erased"]


async def test_it_is_told_before_anything_is_done(stores: Stores) -> None:
    await lived(stores)
    await stores.erasure.begin(ADA.user_id, ORIGIN)
    newest, *rest = await events(stores)
    assert newest.kind == "user.erased"
    assert PHONE in {one.device for one in rest}


async def test_others_keep_theirs(stores: Stores) -> None:
    await lived(stores)
    await create(stores, new_session(BOB))
    await erase(stores)
    assert PHONE in {one.device for one in await events(stores, BOB.user_id)}
    assert ("phone", "created") in await stores.records.metrics(BOB.user_id)


async def test_only_who_was_deleted_is_erased(stores: Stores) -> None:
    with pytest.raises(UserNotFoundError):
        await stores.erasure.begin(ADA.user_id, ORIGIN)
    await create(stores)
    for wanted in (
        stores.erasure.begin(ADA.user_id, ORIGIN),
        stores.erasure.clear(ADA.user_id, 10),
    ):
        with pytest.raises(UserNotDeletedError):
            await wanted
    assert PHONE in {one.device for one in await events(stores)}


def _words(device: Device) -> set[str]:
    return {device.device_id, device.user_agent, device.ip_address}
