"""A caller that hangs up, or whose reply is lost, asks again and gets its pair."""

import asyncio
import random
import time
from contextlib import suppress

import grpc
from support.authority import Served
from support.callers import create_request
from support.failures import failure_of
from support.postgres import Connection

from tokenauthority.v1 import token_service_pb2 as pb

SESSIONS = 8
TURNS = 25


async def test_asking_again_after_hanging_up_gives_the_pair(authority: Served) -> None:
    # Each session is refreshed one turn after the other, so a moment is taken from how long a
    # refresh lasts while as many others are under way.
    pairs = [
        (await authority.stub.CreatePair(create_request(f"u-{number}"))).pair
        for number in range(SESSIONS)
    ]
    for _ in range(2):  # the second time everything is warm
        began = time.monotonic()
        responses = await asyncio.gather(
            *(refreshed(authority, pair.refresh_token) for pair in pairs)
        )
        usual = time.monotonic() - began
        pairs = [response.pair for response in responses]

    chains = [
        a_chain_of_turns(authority, pair, usual, random.Random(seed))  # noqa: S311 - no secret
        for seed, pair in enumerate(pairs)
    ]
    ends = await asyncio.gather(*chains)

    done_before = sum(done for _, done in ends)
    # Some calls were cancelled before they did anything, some after: else it showed little.
    assert 0 < done_before < SESSIONS * TURNS
    verdicts = await authority.client.batch_validate([pair.access_token for pair, _ in ends])
    assert all(verdicts)
    listed = [
        (await authority.client.list_sessions(f"u-{number}")).sessions for number in range(SESSIONS)
    ]
    assert [[one.session_id for one in sessions] for sessions in listed] == [
        [pair.session_id] for pair in pairs
    ]


async def a_chain_of_turns(
    authority: Served, pair: pb.TokenPair, usual: float, chance: random.Random
) -> tuple[pb.TokenPair, int]:
    """Hang up on each refresh, then ask again; return the last pair and how many had been done."""
    done_before = 0
    for _ in range(TURNS):
        call = authority.stub.Refresh(pb.RefreshRequest(refresh_token=pair.refresh_token))
        await asyncio.sleep(chance.uniform(0, usual / 2))
        call.cancel()
        again = await refreshed(authority, pair.refresh_token)
        assert again.pair.session_id == pair.session_id
        done_before += again.replayed
        pair = again.pair
    return pair, done_before


async def refreshed(authority: Served, refresh_token: str) -> pb.RefreshResponse:
    return await authority.stub.Refresh(pb.RefreshRequest(refresh_token=refresh_token), timeout=5)


async def test_a_deadline_that_passes_leaves_nothing_half_done(
    authority: Served, database: Connection
) -> None:
    pair = (await authority.stub.CreatePair(create_request("u-1"))).pair
    for seconds in [0.02, 0.05, 0.1] * 3:
        request = pb.RefreshRequest(refresh_token=pair.refresh_token)
        async with database.transaction():
            # The change is under way, and waits for the row.
            await database.execute("SELECT FROM tokenauthority.sessions FOR UPDATE")
            failure = await failure_of(authority.stub.Refresh(request, timeout=seconds))
        assert failure.code is grpc.StatusCode.DEADLINE_EXCEEDED
        pair = (await refreshed(authority, pair.refresh_token)).pair

    assert await authority.client.validate(pair.access_token)
    (listed,) = (await authority.client.list_sessions("u-1")).sessions
    assert listed.session_id == pair.session_id


async def test_a_creation_asked_again_by_its_request_id_makes_one_session(
    authority: Served,
) -> None:
    chance = random.Random(7)  # noqa: S311 - no secret
    for number in range(40):
        request = create_request("u-1")
        request.request_id = f"r-{number}"
        call = authority.stub.CreatePair(request)
        await asyncio.sleep(chance.uniform(0, 0.01))
        call.cancel()
        with suppress(asyncio.CancelledError):
            await call
        await authority.stub.CreatePair(request, timeout=5)

    assert len((await authority.client.list_sessions("u-1")).sessions) == 40
