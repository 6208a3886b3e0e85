"""AccountService, as its callers meet it."""

import asyncio
import time

import bcrypt
import grpc
import pytest
from support.authority import Served
from support.failures import failure_of
from support.people import AWAY, HOME, PASSWORD, WRONG, Door, settle_in
from support.postgres import Connection

from tokenauthority.v1 import account_service_pb2 as pb
from tokenauthority_server.services.checking import FLOOR_SECONDS

UNAUTHENTICATED, DENIED = grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED
INVALID = grpc.StatusCode.INVALID_ARGUMENT
NEW = "quite another password"


@pytest.fixture
async def door(authority: Served, database: Connection) -> Door:
    await settle_in(authority, database, "ann")
    return Door.of(authority.channel)


async def test_from_login_to_logout(authority: Served, door: Door, database: Connection) -> None:
    pair = await door.login("ann", address=HOME)

    verdict = await authority.client.validate(pair.access_token)
    assert verdict.claims is not None
    assert (verdict.claims.user_id, verdict.claims.device_id) == ("u-ann", "phone")
    refreshed = (await authority.client.refresh(pair.refresh_token)).pair
    assert (await door.logout(pair.refresh_token)).effective_everywhere
    assert (await door.logout(pair.refresh_token)).effective_everywhere
    assert not await authority.client.validate(refreshed.access_token)

    row = await database.fetchrow(
        "SELECT ip_address, device_id FROM tokenauthority.audit_events"
        " WHERE kind = 'login.succeeded' AND session_id = $1",
        pair.session_id,
    )
    assert row is not None
    assert tuple(row) == (HOME, "phone")
    assert await database.fetchval(
        "SELECT last_login_at > now() - interval '1 min' FROM tokenauthority.users"
    )


async def test_all_that_is_wrong_is_one_answer_at_the_floor(
    door: Door, database: Connection
) -> None:
    await database.execute(
        "INSERT INTO tokenauthority.users (user_id, username) VALUES ('u-bea', 'bea')"
    )
    for username, password in (("ann", WRONG), ("nobody", PASSWORD), ("bea", PASSWORD)):
        began = time.monotonic()
        failure = await failure_of(door.login(username, password))
        assert FLOOR_SECONDS <= time.monotonic() - began < FLOOR_SECONDS + 1
        assert (failure.code, failure.reason) == (UNAUTHENTICATED, "INVALID_CREDENTIALS")
        assert failure.text == "the username or the password is wrong"
        assert failure.retry_after is None


async def test_too_many_failures_lock_the_name_with_a_time(door: Door) -> None:
    for username in ("ann", "nobody"):
        guesses = [failure_of(door.login(username, WRONG)) for _ in range(12)]
        reasons = [one.reason for one in await asyncio.gather(*guesses)]
        assert reasons.count("INVALID_CREDENTIALS") == 5
        assert reasons.count("ACCOUNT_LOCKED") == 7
        locked = await failure_of(door.login(username))
        assert (locked.code, locked.reason) == (DENIED, "ACCOUNT_LOCKED")
        assert locked.retry_after is not None
        assert 1700 < locked.retry_after <= 1800


async def test_many_right_logins_at_once(door: Door) -> None:
    pairs = await asyncio.gather(*(door.login("ann", address=HOME) for _ in range(24)))
    assert len({one.session_id for one in pairs}) == 24


async def test_the_platforms_hash_is_renewed(authority: Served, database: Connection) -> None:
    made = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(12)).decode()
    await settle_in(authority, database, "ann", password_hash=made)
    door = Door.of(authority.channel)
    assert (await failure_of(door.login("ann", WRONG))).reason == "INVALID_CREDENTIALS"
    assert await password_hash(database) == made
    await door.login("ann")
    renewed = await password_hash(database)
    assert renewed.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    await door.login("ann")
    assert await password_hash(database) == renewed


async def password_hash(database: Connection) -> str:
    found: str = await database.fetchval("SELECT password_hash FROM tokenauthority.users")
    return found


async def test_another_password(authority: Served, door: Door) -> None:
    mine, other = await door.login("ann"), await door.login("ann")

    changed = await door.change(mine.access_token)

    # With the session that made the user.
    assert (changed.revoked_sessions, changed.effective_everywhere) == (2, True)
    assert await authority.client.validate(mine.access_token)
    assert not await authority.client.validate(other.access_token)
    await authority.client.refresh(mine.refresh_token)
    assert (await failure_of(door.login("ann"))).reason == "INVALID_CREDENTIALS"
    await door.login("ann", NEW)


async def test_a_password_that_is_nobodys_is_refused_by_its_field(door: Door) -> None:
    mine = await door.login("ann")
    for new, problem in (
        ("too short", "has less than 12 bytes"),
        ("a" * 1025, "has more than 1024 bytes"),
        ("password1234", "is among the commonest passwords"),
        ("the password of Ann", "contains the username"),
    ):
        failure = await failure_of(door.change(mine.access_token, new=new))
        assert (failure.code, failure.reason) == (INVALID, "PASSWORD_REFUSED")
        assert failure.violations == {"new_password": problem}
        assert new not in failure.everything


async def test_only_a_good_access_token_speaks_for_its_user(door: Door) -> None:
    pair = await door.login("ann")
    for token in (pair.refresh_token, pair.access_token[:-1], "garbage"):
        for call in (door.change(token), door.logout_all(token)):
            failure = await failure_of(call)
            assert (failure.code, failure.reason) == (UNAUTHENTICATED, "ACCESS_TOKEN_INVALID")


async def test_logging_out_everywhere(authority: Served, door: Door) -> None:
    pairs = [await door.login("ann") for _ in range(3)]
    kept = await door.logout_all(pairs[0].access_token, keep=True)
    assert (kept.revoked_sessions, kept.effective_everywhere) == (3, True)
    good = [bool(await authority.client.validate(one.access_token)) for one in pairs]
    assert good == [True, False, False]
    assert (await door.logout_all(pairs[0].access_token)).revoked_sessions == 1
    assert (await failure_of(door.logout_all(pairs[0].access_token))).code is UNAUTHENTICATED


async def test_a_disabled_user_is_told_after_the_password(door: Door, database: Connection) -> None:
    await database.execute("UPDATE tokenauthority.users SET status = 'DISABLED'")
    assert (await failure_of(door.login("ann", WRONG))).reason == "INVALID_CREDENTIALS"
    failure = await failure_of(door.login("ann"))
    assert (failure.code, failure.reason) == (DENIED, "ACCOUNT_DISABLED")


async def test_who_guesses_at_many_names_is_told_to_wait(door: Door) -> None:
    guesses = [failure_of(door.login(f"nobody {n}", WRONG, AWAY)) for n in range(21)]
    assert {one.reason for one in await asyncio.gather(*guesses)} == {"INVALID_CREDENTIALS"}
    failure = await failure_of(door.login("ann", PASSWORD, AWAY))
    assert (failure.code, failure.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "RATE_LIMITED")
    assert failure.retry_after is not None
    await door.login("ann", PASSWORD, HOME)


async def test_what_is_too_long_is_refused_at_once(door: Door) -> None:
    began = time.monotonic()
    for call, fields in (
        (door.login("ann", "a" * 1025), {"password"}),
        (door.login("a" * 151, ""), {"username", "password"}),
        (door.stub.ChangePassword(pb.ChangePasswordRequest(new_password="n")), None),
        (door.stub.Logout(pb.LogoutRequest()), {"refresh_token"}),
    ):
        failure = await failure_of(call)
        assert (failure.code, failure.reason) == (INVALID, "INVALID_REQUEST")
        assert fields is None or failure.violations.keys() == fields
    assert time.monotonic() - began < FLOOR_SECONDS
