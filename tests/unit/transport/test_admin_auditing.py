"""Every call of AdminService is an event, with its caller, before it is answered."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from support.administration import GOOD_PASSWORD, Administration, administration
from support.asking import ADA, ORIGIN
from support.failures import failure_of
from unit.transport.fakes import CALLER
from unit.transport.serving import Served, serving

from tokenauthority.v1 import admin_service_pb2 as pb
from tokenauthority.v1.admin_service_pb2_grpc import AdminServiceStub
from tokenauthority_server.domain.audit import AuditEvent, AuditFilter
from tokenauthority_server.domain.callers import Caller, Rights
from tokenauthority_server.domain.errors import CallerNotAllowedError
from tokenauthority_server.domain.keys import KeyState
from tokenauthority_server.transport.admin.auditing import audited
from tokenauthority_server.transport.admin_service import admin_service
from tokenauthority_server.transport.calling import current_caller

if TYPE_CHECKING:
    from tokenauthority.v1.admin_service_pb2_grpc import AdminServiceAsyncStub

METADATA = (("x-request-id", "call-1"),)
RPCS = [method.name for method in pb.DESCRIPTOR.services_by_name["AdminService"].methods]
BAD = "\0"


@pytest.fixture
async def here() -> Administration:
    here = await administration()
    await here.use_cases.users.put(ADA, ORIGIN)
    return here


@pytest.fixture
async def served(here: Administration) -> AsyncIterator[Served]:
    async with serving(admin_service(here.use_cases)) as running:
        yield running


@pytest.fixture
def stub(served: Served) -> AdminServiceAsyncStub:
    return AdminServiceStub(served.channel)


async def good_requests(here: Administration) -> dict[str, Any]:
    keys = {key.state: key.key_id for key in await here.use_cases.keys.list_keys()}
    prepared, active = keys[KeyState.PREPARED], keys[KeyState.ACTIVE]
    return {
        "PutUser": pb.PutUserRequest(user=pb.User(user_id=ADA.user_id, username="ada")),
        "GetUser": pb.GetUserRequest(username=ADA.username),
        "ListUsers": pb.ListUsersRequest(prefix="a"),
        "SetPassword": pb.SetPasswordRequest(user_id=ADA.user_id, password=GOOD_PASSWORD),
        "SetUserStatus": pb.SetUserStatusRequest(
            user_id=ADA.user_id, status=pb.USER_STATUS_DISABLED
        ),
        "DeleteUser": pb.DeleteUserRequest(user_id=ADA.user_id),
        "RevokeSessions": pb.RevokeSessionsRequest(
            criteria=pb.SessionCriteria(user_id=ADA.user_id)
        ),
        "GetTokenMetrics": pb.GetTokenMetricsRequest(user_id=ADA.user_id),
        "ListSigningKeys": pb.ListSigningKeysRequest(),
        "PrepareSigningKey": pb.PrepareSigningKeyRequest(),
        "ActivateSigningKey": pb.ActivateSigningKeyRequest(key_id=prepared),
        "RetireSigningKey": pb.RetireSigningKeyRequest(key_id=prepared),
        "RevokeSigningKey": pb.RevokeSigningKeyRequest(key_id=active),
        "ListAuditEvents": pb.ListAuditEventsRequest(user_id=ADA.user_id),
    }


BAD_REQUESTS = {
    "PutUser": pb.PutUserRequest(user=pb.User(user_id=BAD)),
    "GetUser": pb.GetUserRequest(),
    "ListUsers": pb.ListUsersRequest(page_size=-1),
    "SetPassword": pb.SetPasswordRequest(user_id=ADA.user_id),
    "SetUserStatus": pb.SetUserStatusRequest(user_id=ADA.user_id),
    "DeleteUser": pb.DeleteUserRequest(),
    "RevokeSessions": pb.RevokeSessionsRequest(),
    "GetTokenMetrics": pb.GetTokenMetricsRequest(day="yesterday"),
    "PrepareSigningKey": pb.PrepareSigningKeyRequest(algorithm="HS256"),
    "ActivateSigningKey": pb.ActivateSigningKeyRequest(),
    "RetireSigningKey": pb.RetireSigningKeyRequest(key_id=BAD),
    "RevokeSigningKey": pb.RevokeSigningKeyRequest(key_id="x" * 129),
    "ListAuditEvents": pb.ListAuditEventsRequest(page_token="x"),
}
REFUSED = {
    "PutUser": (
        pb.PutUserRequest(user=pb.User(user_id="u-2", username=ADA.username)),
        "USERNAME_TAKEN",
    ),
    "GetUser": (pb.GetUserRequest(username="a-password-perhaps"), "USER_NOT_FOUND"),
    "SetPassword": (
        pb.SetPasswordRequest(user_id=ADA.user_id, password="a-password-perhaps"),
        "PASSWORD_REFUSED",
    ),
    "SetUserStatus": (
        pb.SetUserStatusRequest(user_id="u-2", status=pb.USER_STATUS_LOCKED),
        "USER_NOT_FOUND",
    ),
    "DeleteUser": (pb.DeleteUserRequest(user_id="u-2"), "USER_NOT_FOUND"),
    "RevokeSigningKey": (pb.RevokeSigningKeyRequest(key_id="k"), "KEY_NOT_FOUND"),
}


def kind_of(rpc: str) -> str:
    return "admin." + re.sub(r"(?<!^)(?=[A-Z])", "_", rpc).lower()


async def noted(here: Administration, rpc: str) -> list[AuditEvent]:
    page = await here.trail.page(AuditFilter(kinds=(kind_of(rpc),)), 10, "")
    return list(page.events)


def test_no_rpc_is_forgotten() -> None:
    assert {*BAD_REQUESTS, "ListSigningKeys"} == set(RPCS)


async def test_a_profile_too_large_to_be_looked_at_is_told(
    here: Administration, stub: AdminServiceAsyncStub
) -> None:
    user = pb.User(user_id="u-2", username="ben", roles=["x" * 9_000])
    failure = await failure_of(stub.PutUser(pb.PutUserRequest(user=user)))
    assert failure.reason == "PROFILE_TOO_LARGE"
    (event,) = await noted(here, "PutUser")
    assert (event.outcome, event.user_id) == ("PROFILE_TOO_LARGE", "u-2")


@pytest.mark.parametrize("rpc", RPCS)
async def test_a_call_is_an_event_each_time(
    here: Administration, stub: AdminServiceAsyncStub, rpc: str
) -> None:
    # Also when all is as it was to be: the second time changes nothing.
    request = (await good_requests(here))[rpc]
    for _ in range(2):
        await getattr(stub, rpc)(request, metadata=METADATA)
    events = await noted(here, rpc)
    assert len(events) == 2
    for event in events:
        assert (event.caller, event.request_id) == (CALLER.name, "call-1")
        assert event.outcome == "OK"
        named = getattr(request, "user_id", "") or ADA.user_id
        if rpc in {"PutUser", "GetUser", "SetPassword", "DeleteUser", "GetTokenMetrics"}:
            assert event.user_id == named
        assert GOOD_PASSWORD not in repr(event)
        assert ADA.email not in repr(event)


@pytest.mark.parametrize("rpc", BAD_REQUESTS)
async def test_what_breaks_a_rule_is_none(
    here: Administration, stub: AdminServiceAsyncStub, rpc: str
) -> None:
    failure = await failure_of(getattr(stub, rpc)(BAD_REQUESTS[rpc]))
    assert failure.reason == "INVALID_REQUEST"
    assert failure.violations
    assert await noted(here, rpc) == []


@pytest.mark.parametrize("rpc", REFUSED)
async def test_a_refusal_is_one_with_its_reason(
    here: Administration, stub: AdminServiceAsyncStub, rpc: str
) -> None:
    request, reason = REFUSED[rpc]
    failure = await failure_of(getattr(stub, rpc)(request, metadata=METADATA))
    assert failure.reason == reason
    (event,) = await noted(here, rpc)
    assert (event.outcome, event.caller) == (reason, CALLER.name)
    assert "a-password-perhaps" not in repr(event)


@pytest.mark.parametrize("rpc", RPCS)
async def test_what_cannot_be_told_is_not_answered(
    here: Administration, stub: AdminServiceAsyncStub, rpc: str
) -> None:
    request = (await good_requests(here))[rpc]
    here.trail.fails = True
    failure = await failure_of(getattr(stub, rpc)(request))
    assert failure.code is grpc.StatusCode.UNAVAILABLE
    assert failure.reason == "STORE_UNAVAILABLE"


@pytest.mark.parametrize("rpc", REFUSED)
async def test_nor_is_a_refusal(
    here: Administration, stub: AdminServiceAsyncStub, rpc: str
) -> None:
    # It tells something too: who is no user.
    here.trail.fails = True
    failure = await failure_of(getattr(stub, rpc)(REFUSED[rpc][0]))
    assert failure.reason == "STORE_UNAVAILABLE"


async def test_a_reason_that_may_not_be_claimed_is_told(here: Administration) -> None:
    current_caller.set(Caller(name="shop", rights=Rights()))
    with pytest.raises(CallerNotAllowedError):
        async with audited(here.trail, "admin.revoke_sessions", day=None, prefix="", n=0):
            raise CallerNotAllowedError("the reason ADMIN")
    (event,) = await noted(here, "RevokeSessions")
    assert (event.outcome, event.caller) == ("CALLER_NOT_ALLOWED", "shop")
    assert event.details == {"n": "0"}
