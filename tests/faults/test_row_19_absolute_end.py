"""Row 19: refreshing without end, up to the end of the session."""

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence

import asyncpg
import grpc
import pytest
from faults.harness.ageing import age
from faults.harness.caller import reason_of, told
from faults.harness.counts import rounds
from faults.harness.fleet import Fleet
from faults.harness.served import Served
from support.authority import serving
from support.callers import create_request
from support.postgres import Connection

from tokenauthority.v1 import token_service_pb2 as pb
from tokenauthority_server.adapters.postgres import statements

AT_ONCE = 8
SECONDS = 1
"""From the first refresh to the end, at least; one more at most."""


async def opened_near_their_ends(
    server: Served, users: Sequence[str], database: Connection
) -> list[pb.TokenPair]:
    pairs = [(await told(server.stub.CreatePair, create_request(one))).pair for one in users]
    for pair in pairs:
        await age(database, pair.session_id, seconds_left=SECONDS + 1)
    return pairs


async def refresh_to_the_end(servers: Sequence[Served], pair: pb.TokenPair, user_id: str) -> None:
    """Refresh by turns until it is refused; then nothing of the session is left."""
    (listed,) = (
        await told(servers[0].stub.ListSessions, pb.ListSessionsRequest(user_id=user_id))
    ).sessions
    end = listed.end_time.ToDatetime()
    deadline = time.monotonic() + SECONDS + 6
    reason, done = "", 0
    while not reason:
        assert time.monotonic() < deadline, "the session does not end"
        server = servers[done % len(servers)]
        try:
            response = await server.stub.Refresh(
                pb.RefreshRequest(refresh_token=pair.refresh_token)
            )
        except grpc.aio.AioRpcError as error:
            # A busy machine may not get to it in time: it is asked again, and gets the same pair.
            if error.code() is not grpc.StatusCode.UNAVAILABLE:
                reason = reason_of(error)
        else:
            pair = response.pair
            done += 1
            assert pair.refresh_expire_time.ToDatetime() == end
            assert pair.access_expire_time.ToDatetime() == end
    assert reason == "REFRESH_TOKEN_EXPIRED"
    assert done > 1
    for server in servers:
        assert await reason_of_refresh(server, pair) == "REFRESH_TOKEN_EXPIRED"
        for token, kind in (
            (pair.access_token, pb.TOKEN_TYPE_ACCESS),
            (pair.refresh_token, pb.TOKEN_TYPE_REFRESH),
        ):
            verdict = await told(
                server.stub.Validate, pb.ValidateRequest(token=token, expected_type=kind)
            )
            assert verdict.reason == pb.INACTIVE_REASON_EXPIRED, verdict
        page = await told(server.stub.ListSessions, pb.ListSessionsRequest(user_id=user_id))
        assert not page.sessions
    revoked = await servers[0].stub.Revoke(pb.RevokeRequest(session_id=pair.session_id))
    assert revoked.revoked_sessions == 0


async def reason_of_refresh(server: Served, pair: pb.TokenPair) -> str:
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await server.stub.Refresh(pb.RefreshRequest(refresh_token=pair.refresh_token))
    return reason_of(raised.value)


async def test_a_session_ends_however_often_it_is_refreshed(
    fleet: Fleet, fleet_database: Connection, counted: Callable[[int, int], Iterator[int]]
) -> None:
    for number in counted(19, rounds(1, 100)):
        users = [f"u-19-{number}-{one}" for one in range(AT_ONCE)]
        pairs = await opened_near_their_ends(fleet.workers[0], users, fleet_database)
        await asyncio.gather(
            *(
                refresh_to_the_end(fleet.workers, pair, user_id)
                for pair, user_id in zip(pairs, users, strict=True)
            )
        )


async def test_without_its_guard_a_session_outlives_its_end(
    database_url: str, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What makes the test above pass is that no expiry is later than the end.
    guard = ", s.ends_at)"
    assert guard in statements.ROTATE
    monkeypatch.setattr(statements, "ROTATE", statements.ROTATE.replace(guard, ")"))
    connection = await asyncpg.connect(database_url)
    async with serving(database_url, redis_url) as authority:
        (pair,) = await opened_near_their_ends(authority, ["u-19"], connection)
        with pytest.raises(AssertionError, match="refresh_expire_time"):
            await refresh_to_the_end([authority], pair, "u-19")
    await connection.close()
