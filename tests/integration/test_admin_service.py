"""AdminService over gRPC and real stores: users, sessions, counts, keys and the trail."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import grpc
import pytest
from support.authority import serving
from support.callers import ANN, BEN, LAPTOP, PHONE
from support.failures import failure_of

from tokenauthority.v1 import account_service_pb2 as accounts_pb
from tokenauthority.v1 import admin_service_pb2 as pb
from tokenauthority.v1 import token_service_pb2 as tokens_pb
from tokenauthority.v1.account_service_pb2_grpc import AccountServiceStub
from tokenauthority.v1.admin_service_pb2_grpc import AdminServiceStub
from tokenauthority_client import InactiveReason, PermissionDeniedError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from support.authority import Served
    from support.postgres import Connection

    from tokenauthority.v1.admin_service_pb2_grpc import AdminServiceAsyncStub

USER = pb.User(
    user_id="u-ann",
    username="ann",
    email="ann@example.com",
    roles=["admin", "author"],
    permissions=["read", "write"],
)
METADATA = (("x-request-id", "call-7"),)


@pytest.fixture
async def authority(database_url: str, redis_url: str) -> AsyncIterator[Served]:
    async with serving(database_url, redis_url, dev=True) as served:
        yield served


@pytest.fixture
def admin(authority: Served) -> AdminServiceAsyncStub:
    return AdminServiceStub(authority.channel)


async def put(admin: AdminServiceAsyncStub, user: pb.User = USER) -> pb.User:
    return (await admin.PutUser(pb.PutUserRequest(user=user))).user


async def kinds(admin: AdminServiceAsyncStub, user_id: str) -> list[str]:
    events = await admin.ListAuditEvents(pb.ListAuditEventsRequest(user_id=user_id))
    return [one.kind for one in events.events]


async def test_a_users_life(authority: Served, admin: AdminServiceAsyncStub) -> None:
    asked = pb.User(status=pb.USER_STATUS_DISABLED)
    asked.MergeFrom(USER)
    made = await put(admin, asked)
    assert made.status == pb.USER_STATUS_ACTIVE  # not taken from the request
    assert _members(made) == _members(USER)
    assert made.create_time.ToDatetime(UTC) <= datetime.now(UTC)
    assert not made.HasField("last_login_time")
    by_name = await admin.GetUser(pb.GetUserRequest(username="ann"))
    assert by_name.user == made

    pair = await authority.client.create_pair("u-ann", device=LAPTOP)
    less = await admin.PutUser(
        pb.PutUserRequest(user=pb.User(user_id="u-ann", username="ann", roles=["author"]))
    )
    assert less.effective_everywhere
    assert not (await authority.client.validate(pair.access_token)).active
    pair = (await authority.client.refresh(pair.refresh_token)).pair
    verdict = await authority.client.validate(pair.access_token)
    assert verdict.claims is not None
    assert verdict.claims.roles == ("author",)

    locked = await admin.SetUserStatus(
        pb.SetUserStatusRequest(user_id="u-ann", status=pb.USER_STATUS_LOCKED)
    )
    assert (locked.revoked_sessions, locked.effective_everywhere) == (1, True)
    assert locked.user.status == pb.USER_STATUS_LOCKED
    assert not locked.user.HasField("locked_until_time")
    with pytest.raises(PermissionDeniedError):
        await authority.client.create_pair("u-ann")

    gone = await admin.DeleteUser(pb.DeleteUserRequest(user_id="u-ann"))
    assert gone.effective_everywhere
    missing = await failure_of(admin.GetUser(pb.GetUserRequest(user_id="u-ann")))
    assert (missing.code, missing.reason) == (grpc.StatusCode.NOT_FOUND, "USER_NOT_FOUND")
    back = await put(admin)
    assert back.status == pb.USER_STATUS_ACTIVE
    assert back.create_time == made.create_time
    assert not (await authority.client.validate(pair.access_token)).active

    found = await kinds(admin, "u-ann")
    for kind in ("user.created", "user.profile_changed", "user.deleted", "user.restored"):
        assert found.count(kind) == 1
    assert found.count("admin.put_user") == 3


async def test_a_password_is_set(authority: Served, admin: AdminServiceAsyncStub) -> None:
    await put(admin)
    pair = await authority.client.create_pair("u-ann")
    accounts = AccountServiceStub(authority.channel)
    login = accounts_pb.LoginRequest(username="ann", password="correct horse battery staple")
    assert (await failure_of(accounts.Login(login))).reason == "INVALID_CREDENTIALS"
    done = await admin.SetPassword(pb.SetPasswordRequest(user_id="u-ann", password=login.password))
    assert (done.revoked_sessions, done.effective_everywhere) == (1, True)
    assert not (await authority.client.validate(pair.access_token)).active
    await accounts.Login(login)
    seen = (await admin.GetUser(pb.GetUserRequest(user_id="u-ann"))).user
    assert seen.HasField("last_login_time")
    short = await failure_of(
        admin.SetPassword(pb.SetPasswordRequest(user_id="u-ann", password="short"))
    )
    assert (short.reason, set(short.violations)) == ("PASSWORD_REFUSED", {"password"})
    nobody = await failure_of(
        admin.SetPassword(pb.SetPasswordRequest(user_id="u-2", password=login.password))
    )
    assert nobody.reason == "USER_NOT_FOUND"
    told = await admin.ListAuditEvents(pb.ListAuditEventsRequest(user_id="u-ann"))
    assert [one.kind for one in told.events].count("admin.set_password") == 2
    assert login.password not in str(told)


async def test_users_that_cannot_be(admin: AdminServiceAsyncStub) -> None:
    await put(admin)
    taken = await failure_of(put(admin, pb.User(user_id="u-2", username="ann")))
    assert (taken.code, taken.reason) == (grpc.StatusCode.ALREADY_EXISTS, "USERNAME_TAKEN")
    large = await failure_of(put(admin, pb.User(user_id="u-2", username="x", roles=["r" * 8_000])))
    assert (large.reason, set(large.violations)) == ("PROFILE_TOO_LARGE", {"user"})
    bare = await failure_of(put(admin, pb.User()))
    assert set(bare.violations) == {"user.user_id", "user.username"}


async def test_users_are_listed_by_prefix(admin: AdminServiceAsyncStub) -> None:
    for name in ("ann", "anna", "ben", "Ann"):
        await put(admin, pb.User(user_id=f"u-{name}", username=name))
    first = await admin.ListUsers(pb.ListUsersRequest(prefix="ann", page_size=1))
    assert [one.username for one in first.users] == ["ann"]
    rest = await admin.ListUsers(
        pb.ListUsersRequest(prefix="ann", page_token=first.next_page_token)
    )
    assert [one.username for one in rest.users] == ["anna"]
    assert rest.next_page_token == ""
    other = pb.ListUsersRequest(prefix="b", page_token=first.next_page_token)
    assert set((await failure_of(admin.ListUsers(other))).violations) == {"page_token"}
    everyone = await admin.ListUsers(pb.ListUsersRequest())
    assert [one.username for one in everyone.users] == ["Ann", "ann", "anna", "ben"]


async def test_sessions_end_by_what_they_are(
    authority: Served, admin: AdminServiceAsyncStub
) -> None:
    client = authority.client
    ann = [await client.create_pair(ANN, device=device) for device in (LAPTOP, PHONE)]
    ben = await client.create_pair(BEN, device=LAPTOP)
    criteria = pb.SessionCriteria(ip_range="192.0.2.0/24", user_agent="browser")
    dry = await admin.RevokeSessions(pb.RevokeSessionsRequest(criteria=criteria, dry_run=True))
    assert (dry.matched_sessions, dry.revoked_sessions) == (2, 0)
    assert (await client.validate(ben.access_token)).active
    done = await admin.RevokeSessions(
        pb.RevokeSessionsRequest(criteria=criteria), metadata=METADATA
    )
    assert (done.matched_sessions, done.revoked_sessions) == (2, 2)
    assert done.effective_everywhere
    for pair in (ann[0], ben):
        verdict = await client.validate(pair.access_token)
        assert verdict.reason is InactiveReason.SESSION_REVOKED
        assert verdict.revocation_reason == "ADMIN"
    assert (await client.validate(ann[1].access_token)).active

    nothing = await failure_of(admin.RevokeSessions(pb.RevokeSessionsRequest()))
    assert set(nothing.violations) == {"criteria"}
    events = await admin.ListAuditEvents(
        pb.ListAuditEventsRequest(kinds=["admin.revoke_sessions", "session.revoked"])
    )
    found = [one for one in events.events if one.request_id == "call-7"]
    # Within a millisecond they are in no order.
    call, *ended = sorted(found, key=lambda one: one.kind)
    assert dict(call.details) == {
        "ip_range": "192.0.2.0/24",
        "user_agent": "browser",
        "reason": "ADMIN",
        "matched_sessions": "2",
        "revoked_sessions": "2",
    }
    assert {(one.user_id, one.reason) for one in ended} == {("u-ann", "ADMIN"), ("u-ben", "ADMIN")}
    counted = await admin.GetTokenMetrics(pb.GetTokenMetricsRequest(device_id="laptop"))
    assert (counted.metrics.created, counted.metrics.revoked) == (2, 2)
    assert not counted.metrics.HasField("active_sessions")


async def test_counts(authority: Served, admin: AdminServiceAsyncStub) -> None:
    pair = await authority.client.create_pair(ANN)
    await authority.client.refresh(pair.refresh_token)
    metrics = (await admin.GetTokenMetrics(pb.GetTokenMetricsRequest(user_id="u-ann"))).metrics
    assert (metrics.created, metrics.refreshed, metrics.active_sessions) == (1, 1, 1)
    assert metrics.HasField("as_of_time")
    wrong = await failure_of(admin.GetTokenMetrics(pb.GetTokenMetricsRequest(day="2026-02-30")))
    assert set(wrong.violations) == {"day"}


async def test_keys(authority: Served, admin: AdminServiceAsyncStub) -> None:
    keys = (await admin.ListSigningKeys(pb.ListSigningKeysRequest())).keys
    by_state = {one.state: one for one in keys}
    prepared, active = (
        by_state[tokens_pb.KEY_STATE_PREPARED],
        by_state[tokens_pb.KEY_STATE_ACTIVE],
    )
    assert active.HasField("activate_time")
    assert not prepared.HasField("activate_time")
    made = (await admin.PrepareSigningKey(pb.PrepareSigningKeyRequest(algorithm="EdDSA"))).key
    assert (made.algorithm, made.state) == ("EdDSA", tokens_pb.KEY_STATE_PREPARED)
    young = await failure_of(
        admin.ActivateSigningKey(pb.ActivateSigningKeyRequest(key_id=made.key_id))
    )
    assert (young.code, young.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "KEY_STATE")
    assert f"The signing key {made.key_id} may be activated from" in young.text
    retired = await admin.RetireSigningKey(pb.RetireSigningKeyRequest(key_id=made.key_id))
    assert retired.key.state == tokens_pb.KEY_STATE_RETIRED

    pair = await authority.client.create_pair(ANN)
    revoked = await admin.RevokeSigningKey(pb.RevokeSigningKeyRequest(key_id=active.key_id))
    assert revoked.key.state == tokens_pb.KEY_STATE_REVOKED
    assert (revoked.revoked_sessions, revoked.effective_everywhere) == (1, True)
    assert not (await authority.client.validate(pair.access_token)).active
    again = await admin.ActivateSigningKey(pb.ActivateSigningKeyRequest(key_id=prepared.key_id))
    assert again.key.state == tokens_pb.KEY_STATE_ACTIVE
    unknown = await failure_of(
        admin.RevokeSigningKey(pb.RevokeSigningKeyRequest(key_id="a-secret-perhaps"))
    )
    assert unknown.reason == "KEY_NOT_FOUND"
    assert "a-secret-perhaps" not in unknown.everything


async def test_a_session_is_followed_through_the_trail(
    authority: Served, admin: AdminServiceAsyncStub
) -> None:
    pair = await authority.client.create_pair(ANN, device=LAPTOP)
    await authority.client.create_pair(ANN)
    await authority.client.revoke_session(pair.session_id)
    asked = pb.ListAuditEventsRequest(session_id=pair.session_id, page_size=1)
    first = await admin.ListAuditEvents(asked)
    (newest,) = first.events
    assert (newest.kind, newest.user_id) == ("session.revoked", ANN.user_id)
    asked.page_token = first.next_page_token
    second = await admin.ListAuditEvents(asked)
    # That the first page was read is an event of the session's, too, and newer than the page.
    (created,) = second.events
    assert created.kind == "session.created"
    assert created.device.ip_address == LAPTOP.ip_address
    assert second.next_page_token == ""


async def test_nothing_is_answered_that_cannot_be_told(
    admin: AdminServiceAsyncStub, database: Connection
) -> None:
    await put(admin)
    # Whatever keeps an event from being written; here it is no room.
    await database.execute(
        "CREATE FUNCTION public.no_room() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " RAISE disk_full; END $$"
    )
    await database.execute(
        "CREATE TRIGGER no_room BEFORE INSERT ON tokenauthority.audit_events"
        " FOR EACH ROW EXECUTE FUNCTION public.no_room()"
    )
    for call in (
        admin.GetUser(pb.GetUserRequest(user_id="u-ann")),
        admin.GetUser(pb.GetUserRequest(user_id="u-nobody")),
        admin.ListUsers(pb.ListUsersRequest()),
        admin.ListAuditEvents(pb.ListAuditEventsRequest()),
        admin.ListSigningKeys(pb.ListSigningKeysRequest()),
        admin.GetTokenMetrics(pb.GetTokenMetricsRequest()),
        admin.DeleteUser(pb.DeleteUserRequest(user_id="u-ann")),
    ):
        failure = await failure_of(call)
        assert failure.reason == "STORE_UNAVAILABLE"
    # A change and its event are one: neither was done.
    status = await database.fetchval("SELECT status FROM tokenauthority.users")
    assert status == "ACTIVE"


def _members(user: pb.User) -> dict[str, object]:
    return {
        "user_id": user.user_id,
        "username": user.username,
        "email": user.email,
        "roles": list(user.roles),
        "permissions": list(user.permissions),
    }
