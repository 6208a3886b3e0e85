"""What callers see of an authority whose store is away."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import grpc
from support.authority import Served
from support.callers import create_request
from support.failures import failure_of

from tokenauthority.v1 import token_service_pb2 as pb

SOON = 1.5
"""Seconds. The authority gives up after 0.9; the rest is for a machine that is busy."""

Call = Callable[[], Awaitable[Any]]


def calls_of(authority: Served, pair: pb.TokenPair, user_id: str) -> Mapping[str, Call]:
    """A good call of each RPC that asks a store."""
    stub = authority.stub
    return {
        "Validate": lambda: stub.Validate(pb.ValidateRequest(token=pair.access_token)),
        "Validate refresh token": lambda: stub.Validate(
            pb.ValidateRequest(token=pair.refresh_token, expected_type=pb.TOKEN_TYPE_REFRESH)
        ),
        "BatchValidate": lambda: stub.BatchValidate(
            pb.BatchValidateRequest(tokens=[pair.access_token] * 3)
        ),
        "ListSessions": lambda: stub.ListSessions(pb.ListSessionsRequest(user_id=user_id)),
        "CreatePair": lambda: stub.CreatePair(create_request(user_id)),
        "Refresh": lambda: stub.Refresh(pb.RefreshRequest(refresh_token=pair.refresh_token)),
        "Revoke": lambda: stub.Revoke(pb.RevokeRequest(session_id="sess_unknown")),
    }


async def assert_all_unavailable(calls: Mapping[str, Call], store: str) -> None:
    """Each says soon that it cannot tell, and when to ask again."""

    async def is_unavailable(name: str, call: Call) -> None:
        began = time.monotonic()
        failure = await failure_of(call())
        assert time.monotonic() - began < SOON, name
        assert failure.code is grpc.StatusCode.UNAVAILABLE, (name, failure)
        assert failure.reason == "STORE_UNAVAILABLE", name
        assert failure.infos[0].metadata["store"] == store
        assert failure.retry_after
        assert failure.retry_after <= 5

    await asyncio.gather(*(is_unavailable(name, call) for name, call in calls.items()))


async def assert_all_answered(calls: Mapping[str, Call]) -> Mapping[str, Any]:
    """Each is answered soon, and as if nothing were amiss; return the answers."""

    async def answer(name: str, call: Call) -> Any:
        began = time.monotonic()
        answered = await call()
        assert time.monotonic() - began < SOON, name
        return answered

    answers = await asyncio.gather(*(answer(name, call) for name, call in calls.items()))
    return dict(zip(calls, answers, strict=True))
