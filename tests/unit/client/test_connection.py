"""Opening, closing, time-outs, cancellation, and an authority that is not there."""

import asyncio
import math
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import grpc
import pytest
from unit.client.scripted_authority import SILENCE, ScriptedAuthority, serving

from tokenauthority.v1 import token_service_pb2 as pb
from tokenauthority_client import (
    ConnectionFailedError,
    InvalidRequestError,
    TokenAuthorityClient,
    UnauthenticatedError,
    UnexpectedAnswerError,
)


@pytest.fixture
async def channel(authority: ScriptedAuthority) -> AsyncIterator[grpc.aio.Channel]:
    async with grpc.aio.insecure_channel(authority.address) as opened:
        yield opened


async def test_a_channel_of_ones_own_is_used_and_left_open(
    authority: ScriptedAuthority, channel: grpc.aio.Channel
) -> None:
    for _ in range(2):
        async with TokenAuthorityClient(channel) as client:
            await client.validate("t")
    assert len(authority.received) == 2


async def test_a_client_can_be_opened_again(authority: ScriptedAuthority) -> None:
    client = TokenAuthorityClient(authority.address)
    for _ in range(2):
        async with client:
            await client.validate("t")
    assert len(authority.received) == 2


async def test_a_client_that_is_not_open_says_so(authority: ScriptedAuthority) -> None:
    client = TokenAuthorityClient(authority.address)
    with pytest.raises(RuntimeError, match="not open"):
        await client.validate("t")
    async with client:
        pass
    with pytest.raises(RuntimeError, match="not open"):
        await client.validate("t")


async def test_a_client_is_opened_once_at_a_time(client: TokenAuthorityClient) -> None:
    with pytest.raises(RuntimeError, match="open already"):
        await client.__aenter__()
    await client.validate("t")


@pytest.mark.parametrize("timeout", [0, -1, math.inf, math.nan, timedelta(0)])
async def test_every_call_has_an_end(
    client: TokenAuthorityClient,
    authority: ScriptedAuthority,
    timeout: float | timedelta,  # noqa: ASYNC109 - what is tested
) -> None:
    with pytest.raises(ValueError, match="positive and finite"):
        TokenAuthorityClient(authority.address, timeout=timeout)
    with pytest.raises(ValueError, match="positive and finite"):
        await client.validate("t", timeout=timeout)
    assert authority.received == []


@pytest.mark.parametrize("timeout", [40, 40.0, timedelta(seconds=40)])
async def test_the_clients_timeout_holds_for_its_calls(
    authority: ScriptedAuthority,
    timeout: float | timedelta,  # noqa: ASYNC109 - what is tested
) -> None:
    async with TokenAuthorityClient(authority.address, timeout=timeout) as client:
        await client.validate("t")
    left = authority.received[0].seconds_left
    assert left is not None
    assert 20 < left < 41


@pytest.mark.parametrize("correlation_id", ["x" * 65, "a b", "tab\t", "line\n", "é"])
async def test_a_correlation_id_is_visible_ascii(
    client: TokenAuthorityClient, authority: ScriptedAuthority, correlation_id: str
) -> None:
    with pytest.raises(ValueError, match="at most 64 characters"):
        await client.validate("t", correlation_id=correlation_id)
    assert authority.received == []


async def test_a_correlation_id_may_have_64_characters(
    client: TokenAuthorityClient, authority: ScriptedAuthority
) -> None:
    await client.validate("t", correlation_id="~" * 64)
    assert authority.received[0].metadata["x-request-id"] == "~" * 64


async def test_an_authority_that_is_gone_makes_no_token_invalid() -> None:
    async with serving(ScriptedAuthority()) as authority:
        pass
    async with TokenAuthorityClient(authority.address) as client:
        with pytest.raises(
            ConnectionFailedError, match=r"^Validate: the token authority could not be reached: "
        ) as caught:
            await client.validate("t")
    assert not isinstance(caught.value, UnauthenticatedError | InvalidRequestError)
    assert caught.value.code is grpc.StatusCode.UNAVAILABLE


async def test_cancellation_passes_through_to_the_authority(
    client: TokenAuthorityClient, authority: ScriptedAuthority
) -> None:
    authority.script["Validate"] = [SILENCE]
    asking = asyncio.create_task(client.validate("t"))
    async with asyncio.timeout(5):
        await authority.arrived.wait()
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        await authority.abandoned.wait()


async def test_a_page_of_sessions_may_be_larger_than_grpcs_own_limit(
    client: TokenAuthorityClient, authority: ScriptedAuthority
) -> None:
    scope = [f"{number:0128}" for number in range(64)]
    sessions = [pb.Session(session_id=str(number), scope=scope) for number in range(600)]
    page = pb.ListSessionsResponse(sessions=sessions)
    assert page.ByteSize() > 4 * 1024 * 1024
    authority.script["ListSessions"] = [page]
    assert len((await client.list_sessions("42")).sessions) == 600


async def test_bytes_that_make_no_message_are_no_answer() -> None:
    async def answer(_request: bytes, _context: grpc.aio.ServicerContext[Any, Any]) -> bytes:
        return b"\xff\xff\xff"

    server = grpc.aio.server(options=(("grpc.so_reuseport", 0),))
    handler: grpc.RpcMethodHandler[bytes, bytes] = grpc.unary_unary_rpc_method_handler(answer)
    service = pb.DESCRIPTOR.services_by_name["TokenService"].full_name
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler(service, {"Validate": handler}),)
    )
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        async with TokenAuthorityClient(f"127.0.0.1:{port}") as client:
            with pytest.raises(UnexpectedAnswerError, match="no ValidateResponse"):
                await client.validate("t")
    finally:
        await server.stop(None)
