"""UserDirectory.delete: a user becomes a tombstone, and stays one."""

import json
from dataclasses import replace
from datetime import timedelta

import asyncpg
import pytest
from support.asking import ADA, BOB, access_claims, new_session
from support.logins import HOME, attempt_at, log_in, with_password
from support.postgres_stores import postgres_stores
from support.steps import (
    create,
    death,
    delete_user,
    end_user_sessions,
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
    UserNotFoundError,
)
from tokenauthority_server.domain.revocations import Death, Fact, FactKind, RevocationReason
from tokenauthority_server.domain.tokens import InactiveReason
from tokenauthority_server.domain.users import Profile, UserStatus

DEAD = Death(InactiveReason.USER_REVOKED, RevocationReason.USER_DELETED)


def deleted_at(epoch: int) -> Fact:
    reason = RevocationReason.USER_DELETED
    return Fact(kind=FactKind.USER, user_id=ADA.user_id, target="", reason=reason, epoch=epoch)


async def test_every_session_ends(stores: Stores) -> None:
    grants = [await create(stores) for _ in range(2)]
    grants.append(await rotate(stores, grants[0]))
    assert await delete_user(stores, ADA.user_id) == 2
    assert await stores.records.standing(ADA.user_id) == (UserStatus.DELETED, None)
    assert await live_session_ids(stores, ADA.user_id) == set()
    assert [await death(stores, access_claims(one)) for one in grants] == [DEAD] * 3
    assert [await refresh_death(stores, one) for one in grants[1:]] == [DEAD] * 2
    for grant in grants:
        with pytest.raises(SessionEndedError):
            await rotate(stores, grant)
    assert await stores.records.facts(ADA.user_id) == {deleted_at(grants[0].epoch + 1)}
    assert (await stores.records.metrics(ADA.user_id))["", "bulk_revoked"] == 2
    kinds = await stores.records.audit_kinds(ADA.user_id)
    assert kinds == ["session.created"] * 2 + ["user.created", "user.deleted"]


@pytest.mark.parametrize("by", [ADA, ADA.user_id])
@pytest.mark.parametrize("request_id", ["", "r-1"])
async def test_no_creation_brings_a_user_back(
    stores: Stores, by: Profile | str, request_id: str
) -> None:
    await create(stores, new_session(request_id=request_id))
    await delete_user(stores, ADA.user_id)
    with pytest.raises(UserNotAllowedError):
        await create(stores, new_session(by, request_id=request_id))
    assert await stores.records.standing(ADA.user_id) == (UserStatus.DELETED, None)
    assert await live_session_ids(stores, ADA.user_id) == set()


async def test_the_username_is_free(stores: Stores) -> None:
    namesake = replace(BOB, username=ADA.username)
    await create(stores)
    with pytest.raises(UsernameTakenError):
        await create(stores, new_session(namesake))
    await delete_user(stores, ADA.user_id)
    assert (await create(stores, new_session(namesake))).profile == namesake
    # And two tombstones stand side by side.
    assert await delete_user(stores, BOB.user_id) == 1


async def test_deleting_again_changes_nothing(stores: Stores) -> None:
    grant = await create(stores)
    await delete_user(stores, ADA.user_id)
    assert await delete_user(stores, ADA.user_id) == 0
    assert await stores.records.facts(ADA.user_id) == {deleted_at(grant.epoch + 1)}
    kinds = await stores.records.audit_kinds(ADA.user_id)
    assert kinds.count("user.deleted") == 1


@pytest.mark.parametrize("status", [UserStatus.DISABLED, UserStatus.LOCKED])
async def test_the_last_reason_is_told(stores: Stores, status: UserStatus) -> None:
    grant = await create(stores)
    await set_status(stores, ADA.user_id, status, grant.now + timedelta(hours=1))
    assert await delete_user(stores, ADA.user_id) == 0
    assert await stores.records.standing(ADA.user_id) == (UserStatus.DELETED, None)
    assert await stores.records.facts(ADA.user_id) == {deleted_at(grant.epoch + 2)}
    assert await death(stores, access_claims(grant)) == DEAD


async def test_a_tombstone_has_sessions_to_end_no_more(stores: Stores) -> None:
    await create(stores)
    await delete_user(stores, ADA.user_id)
    assert await end_user_sessions(stores, ADA.user_id) == 0


async def test_who_never_was_cannot_be_deleted(stores: Stores) -> None:
    await create(stores, new_session(BOB))
    with pytest.raises(UserNotFoundError):
        await delete_user(stores, ADA.user_id)
    assert await stores.records.facts(ADA.user_id) == set()
    assert await stores.records.audit_kinds(ADA.user_id) == []
    assert len(await live_session_ids(stores, BOB.user_id)) == 1


async def test_nothing_is_left_of_the_user_but_the_epochs(database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    async with postgres_stores(database_url) as stores:
        await create(stores)
        grant = await create(stores, new_session(replace(ADA, roles=())))
        await connection.execute(
            "UPDATE tokenauthority.users SET password_hash = 'secret', failed_logins = 3,"
            " last_login_at = now()"
        )
        await delete_user(stores, ADA.user_id)
    row = await connection.fetchrow("SELECT * FROM tokenauthority.users")
    assert row is not None
    left = {name: value for name, value in row.items() if value not in (None, "", [], 0)}
    assert left.keys() == {
        *("user_id", "status", "epoch", "profile_epoch", "profile_version"),
        *("created_at", "updated_at"),
    }
    assert left["profile_epoch"] > grant.profile_epoch
    assert await connection.fetchval("SELECT count(*) FROM tokenauthority.former_profiles") == 0
    await connection.close()


async def test_what_the_audit_trail_says(database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    async with postgres_stores(database_url) as stores:
        grant = await create(stores)
        until = grant.now.replace(year=2100, month=2, day=3, hour=4, minute=5, second=6)
        await set_status(stores, ADA.user_id, UserStatus.LOCKED, until.replace(microsecond=0))
        await set_status(stores, ADA.user_id, UserStatus.ACTIVE)
        await delete_user(stores, ADA.user_id)
    rows = await connection.fetch(
        """
        SELECT kind, caller, outcome, reason, request_id, details FROM tokenauthority.audit_events
        WHERE kind IN ('user.status_changed', 'user.deleted') ORDER BY occurred_at
        """
    )
    await connection.close()
    assert [(row["kind"], row["reason"], json.loads(row["details"])) for row in rows] == [
        (
            "user.status_changed",
            "USER_DISABLED",
            {
                "status": "LOCKED",
                "locked_until": "2100-02-03T04:05:06.000Z",
                "revoked_sessions": "1",
            },
        ),
        ("user.status_changed", "", {"status": "ACTIVE", "revoked_sessions": "0"}),
        ("user.deleted", "USER_DELETED", {"revoked_sessions": "0"}),
    ]
    assert {(row["caller"], row["outcome"], row["request_id"]) for row in rows} == {
        ("shop", "OK", "call-1")
    }


async def test_where_the_user_logged_in_from_is_forgotten(stores: Stores) -> None:
    # Whoever comes back under the id may be somebody else.
    await with_password(stores)
    await log_in(stores, attempt_at(address=HOME))
    assert await stores.records.known_sources(ADA.user_id) == 1
    await delete_user(stores, ADA.user_id)
    assert await stores.records.known_sources(ADA.user_id) == 0
