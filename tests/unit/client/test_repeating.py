"""A call that a stopping server drops is made again, by itself and within bounds."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Final

import grpc
import pytest
from google.protobuf.descriptor_pb2 import MethodOptions
from google.protobuf.message_factory import GetMessageClass
from google.rpc.error_details_pb2 import RetryInfo
from unit.client.methods import ONE_BY_RPC, RPCS
from unit.client.scripted_authority import SERVICES, SILENCE, Refusal, ScriptedAuthority, refusal

from tokenauthority.v1 import token_service_pb2 as pb
from tokenauthority_client import (
    CallTimeoutError,
    ConnectionFailedError,
    StoreUnavailableError,
    TokenAuthorityClient,
    TokenAuthorityError,
)
from tokenauthority_client.service_config import REPEATABLE, SERVICE

ATTEMPTS: Final = 4
DROPPED: Final = Refusal(grpc.StatusCode.CANCELLED)
REPEATED: Final = {name for methods in REPEATABLE.values() for name in methods}
ONCE: Final = set(RPCS) - REPEATED


def later(milliseconds: int) -> Refusal:
    """Unavailable, and to be asked again after this time exactly; never where it is negative."""
    pushback = ("grpc-retry-pushback-ms", str(milliseconds))
    return Refusal(grpc.StatusCode.UNAVAILABLE, trailers=(pushback,))


def test_whatever_the_contract_calls_idempotent_is_made_again() -> None:
    idempotent = {
        name
        for name, rpc in RPCS.items()
        if rpc.GetOptions().idempotency_level != MethodOptions.IDEMPOTENCY_UNKNOWN
    }
    # By its request_id, and by the grace window.
    assert idempotent | {"CreatePair", "Refresh"} == REPEATED
    assert {
        "Login",
        "LogoutAll",
        "ChangePassword",
        "SetPassword",
        "PrepareSigningKey",
        "ActivateSigningKey",
    } == ONCE


def test_methods_are_named_with_their_service() -> None:
    assert set(REPEATABLE) == {service.full_name for service in SERVICES}
    for service, methods in REPEATABLE.items():
        assert {RPCS[name].containing_service.full_name for name in methods} == {service}
    assert SERVICE in REPEATABLE


@pytest.mark.parametrize("code", [grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED])
@pytest.mark.parametrize("rpc", sorted(REPEATED))
async def test_a_dropped_call_is_made_again_unchanged(
    client: TokenAuthorityClient, authority: ScriptedAuthority, rpc: str, code: grpc.StatusCode
) -> None:
    answer = GetMessageClass(RPCS[rpc].output_type)()
    authority.script[rpc] = [Refusal(code), answer]
    await ONE_BY_RPC[rpc].call(client, {})
    first, second = authority.received
    assert first.rpc == second.rpc == rpc
    assert first.request == second.request


@pytest.mark.parametrize("code", [grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED])
@pytest.mark.parametrize("rpc", sorted(ONCE))
async def test_what_may_not_be_done_twice_is_sent_once(
    client: TokenAuthorityClient, authority: ScriptedAuthority, rpc: str, code: grpc.StatusCode
) -> None:
    answer = GetMessageClass(RPCS[rpc].output_type)()
    authority.script[rpc] = [Refusal(code), answer]
    with pytest.raises(ConnectionFailedError):
        await ONE_BY_RPC[rpc].call(client, {})
    # As long as all attempts of a call take.
    authority.script["Validate"] = [DROPPED]
    with pytest.raises(ConnectionFailedError):
        await client.validate("t")
    assert [received.rpc for received in authority.received] == [rpc] + ["Validate"] * ATTEMPTS


async def test_a_creation_has_a_request_id_of_its_own(
    client: TokenAuthorityClient, authority: ScriptedAuthority
) -> None:
    authority.script["CreatePair"] = [DROPPED, pb.CreatePairResponse()]
    for _ in range(2):
        await client.create_pair("42")
    first, again, another = (
        received.request.request_id
        for received in authority.received
        if isinstance(received.request, pb.CreatePairRequest)
    )
    assert first
    assert first == again != another


@pytest.mark.parametrize(
    "code",
    [
        code
        for code in grpc.StatusCode
        if code not in {grpc.StatusCode.OK, grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED}
    ],
)
async def test_what_has_been_answered_is_not_asked_again(
    client: TokenAuthorityClient, authority: ScriptedAuthority, code: grpc.StatusCode
) -> None:
    authority.script["Refresh"] = [Refusal(code), pb.RefreshResponse()]
    with pytest.raises(TokenAuthorityError) as caught:
        await client.refresh("t")
    assert caught.value.code is code
    assert len(authority.received) == 1


async def test_after_a_few_attempts_the_last_ones_error_is_told(
    client: TokenAuthorityClient, authority: ScriptedAuthority
) -> None:
    told = refusal(
        grpc.StatusCode.UNAVAILABLE,
        "STORE_UNAVAILABLE",
        RetryInfo(retry_delay=timedelta(seconds=1)),
        request_id="req-9",
    )
    authority.script["Refresh"] = [*[DROPPED] * (ATTEMPTS - 1), told]
    with pytest.raises(StoreUnavailableError) as caught:
        await client.refresh("t")
    assert caught.value.retry_after == timedelta(seconds=1)
    assert caught.value.request_id == "req-9"
    assert len(authority.received) == ATTEMPTS


async def test_a_server_that_wants_no_more_attempts_gets_none(
    client: TokenAuthorityClient, authority: ScriptedAuthority
) -> None:
    authority.script["Refresh"] = [DROPPED, later(milliseconds=-1)]
    with pytest.raises(ConnectionFailedError):
        await client.refresh("t")
    assert len(authority.received) == 2


async def test_the_deadline_covers_all_attempts(
    client: TokenAuthorityClient, authority: ScriptedAuthority
) -> None:
    authority.script["Refresh"] = [later(milliseconds=300), SILENCE]
    with pytest.raises(CallTimeoutError, match=r"no answer within 0\.6 s"):
        await client.refresh("t", timeout=0.6)
    _, second = authority.received
    assert second.seconds_left is not None
    assert second.seconds_left < 0.4


async def test_a_caller_who_cancels_is_not_asked_for_again(
    client: TokenAuthorityClient, authority: ScriptedAuthority
) -> None:
    authority.script["Refresh"] = [SILENCE]
    asking = asyncio.create_task(client.refresh("t"))
    async with asyncio.timeout(5):
        await authority.arrived.wait()
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        await authority.abandoned.wait()
    # As long as all attempts of a call take.
    authority.script["Validate"] = [DROPPED]
    with pytest.raises(ConnectionFailedError):
        await client.validate("t")
    assert [received.rpc for received in authority.received] == ["Refresh"] + ["Validate"] * 4


async def test_a_caller_who_cancels_between_attempts_ends_them(
    client: TokenAuthorityClient, authority: ScriptedAuthority
) -> None:
    authority.script["Refresh"] = [later(milliseconds=200)]
    asking = asyncio.create_task(client.refresh("t"))
    async with asyncio.timeout(5):
        await authority.arrived.wait()
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
    # Longer than the next attempt was away.
    authority.script["Validate"] = [later(milliseconds=300), pb.ValidateResponse()]
    await client.validate("t")
    assert [received.rpc for received in authority.received] == ["Refresh", "Validate", "Validate"]


async def test_an_outage_is_not_multiplied(
    client: TokenAuthorityClient, authority: ScriptedAuthority
) -> None:
    authority.script["Validate"] = [Refusal(grpc.StatusCode.UNAVAILABLE)]
    calls = 200
    failures = await asyncio.gather(
        *(client.validate("t") for _ in range(calls)), return_exceptions=True
    )
    assert {type(failure) for failure in failures} == {ConnectionFailedError}
    assert len(authority.received) <= calls + 100
    authority.received.clear()
    with pytest.raises(ConnectionFailedError):
        await client.validate("t")
    assert len(authority.received) == 1


async def test_the_largest_request_is_made_again(
    client: TokenAuthorityClient, authority: ScriptedAuthority
) -> None:
    authority.script["BatchValidate"] = [DROPPED, pb.BatchValidateResponse()]
    await client.batch_validate(["x" * 1_040] * 1_000)
    assert len(authority.received) == 2


@pytest.fixture
async def channel(authority: ScriptedAuthority) -> AsyncIterator[grpc.aio.Channel]:
    async with grpc.aio.insecure_channel(authority.address) as opened:
        yield opened


async def test_over_a_channel_of_ones_own_its_options_decide(
    authority: ScriptedAuthority, channel: grpc.aio.Channel
) -> None:
    authority.script["CreatePair"] = [DROPPED, pb.CreatePairResponse()]
    async with TokenAuthorityClient(channel) as client:
        with pytest.raises(ConnectionFailedError):
            await client.create_pair("42")
    (received,) = authority.received
    assert isinstance(received.request, pb.CreatePairRequest)
    assert received.request.request_id
