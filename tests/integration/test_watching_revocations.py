"""Strict clients over a real authority and real stores: what is acknowledged they refuse."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import grpc
import pytest
from support.authority import Served, serving
from support.callers import ANN, BEN
from support.strict_client import StrictClient
from support.waiting import until

from tokenauthority.v1 import token_service_pb2 as pb
from tokenauthority.v1.token_service_pb2_grpc import TokenServiceStub
from tokenauthority_client import TokenAuthorityClient, UnavailableError, WatchMode

LEASE = 2
ISSUER, AUDIENCE = "wakedock", "wakedock-users"


@pytest.fixture
async def authority(database_url: str, redis_url: str) -> AsyncIterator[Served]:
    async with serving(
        database_url, redis_url, REVOCATION_LEASE_SECONDS=str(LEASE), JWT_ISSUER=ISSUER
    ) as served:
        yield served


def strict(client: TokenAuthorityClient) -> StrictClient:
    return StrictClient(client, issuer=ISSUER, audience=AUDIENCE, report_every=LEASE / 4)


@pytest.fixture
async def watcher(authority: Served) -> AsyncIterator[StrictClient]:
    async with strict(authority.client) as watcher:
        await until(lambda: watcher.lease_left)
        yield watcher


async def test_what_is_acknowledged_is_refused_at_once(
    authority: Served, watcher: StrictClient
) -> None:
    client = authority.client
    for _ in range(20):
        token, session, user = [await client.create_pair(one) for one in (ANN, ANN, BEN)]
        pairs = [token, session, user]
        assert [watcher.check(pair.access_token) for pair in pairs] == [True] * 3
        for pair, revoking in zip(
            pairs,
            (
                client.revoke_token(token.access_token),
                client.revoke_session(session.session_id),
                client.revoke_user(BEN.user_id),
            ),
            strict=True,
        ):
            revoked = await revoking
            assert revoked.effective_everywhere
            assert watcher.check(pair.access_token) is False


async def test_a_sub_lease_is_held_all_the_time(authority: Served, watcher: StrictClient) -> None:
    pair = await authority.client.create_pair(ANN)
    clock = asyncio.get_running_loop().time
    ends = clock() + 2 * LEASE
    while clock() < ends:
        assert watcher.check(pair.access_token)
        await asyncio.sleep(0.02)
    assert watcher.snapshots == 1
    assert not watcher.failures


async def test_one_who_begins_late_knows_what_was_revoked_before(authority: Served) -> None:
    dead = await authority.client.create_pair(ANN)
    await authority.client.revoke_user(ANN.user_id)
    alive = await authority.client.create_pair(ANN)
    async with strict(authority.client) as late:
        await until(lambda: late.lease_left)
        assert late.check(dead.access_token) is False
        assert late.check(alive.access_token) is True


async def test_one_who_is_gone_delays_a_revocation_by_its_sub_lease_at_most(
    authority: Served,
) -> None:
    async with strict(authority.client) as watcher:
        await until(lambda: watcher.lease_left)
    pair = await authority.client.create_pair(ANN)
    clock = asyncio.get_running_loop().time
    begun, left = clock(), watcher.lease_left
    assert left > 0
    revoked = await authority.client.revoke_token(pair.access_token, timeout=3 * LEASE)
    took = clock() - begun
    assert revoked.effective_everywhere
    # Nor is it acknowledged before: the one who is gone might still use it.
    assert left <= took < LEASE + 1
    assert watcher.check(pair.access_token) is None


async def test_one_who_reads_nothing_delays_a_revocation_by_its_sub_lease_at_most(
    authority: Served,
) -> None:
    call = TokenServiceStub(authority.channel).WatchRevocations()
    await call.write(pb.WatchRevocationsRequest(mode=pb.WATCH_MODE_STRICT))
    cursor = ""
    while not cursor:
        told = await call.read()
        assert isinstance(told, pb.WatchRevocationsResponse)
        cursor = told.cursor
    await call.write(pb.WatchRevocationsRequest(applied_cursor=cursor, report_id=1))
    clock = asyncio.get_running_loop().time
    await asyncio.sleep(0.2)
    pair = await authority.client.create_pair(ANN)
    begun = clock()
    revoked = await authority.client.revoke_token(pair.access_token, timeout=3 * LEASE)
    assert revoked.effective_everywhere
    assert clock() - begun < LEASE + 1
    # And once it is over, nobody waits any more.
    pair = await authority.client.create_pair(ANN)
    begun = clock()
    assert (await authority.client.revoke_token(pair.access_token)).effective_everywhere
    assert clock() - begun < LEASE / 2
    call.cancel()


async def test_a_server_that_stops_sends_its_watchers_elsewhere(
    database_url: str, redis_url: str
) -> None:
    settings: Any = {"REVOCATION_LEASE_SECONDS": str(LEASE), "JWT_ISSUER": ISSUER}
    async with AsyncExitStack() as stack:
        stays = await stack.enter_async_context(serving(database_url, redis_url, **settings))
        pair = await stays.client.create_pair(ANN)
        async with serving(database_url, redis_url, **settings) as stops:
            async with strict(stops.client) as first:
                await until(lambda: first.lease_left)
                stops.authority.watching.drain()
                await until(lambda: first.failures)
                cursor = first.cursor
            with pytest.raises(UnavailableError):
                async with stops.client.watch_revocations(WatchMode.STRICT) as watch:
                    await anext(aiter(watch))
        await stays.client.revoke_token(pair.access_token, timeout=3 * LEASE)
        async with strict(stays.client) as second:
            second.cursor = cursor
            await until(lambda: second.lease_left)
            assert second.snapshots == 0
            assert second.check(pair.access_token) is False


async def test_the_end_of_a_stream_is_a_line_in_the_log(authority: Served) -> None:
    async with authority.client.watch_revocations(WatchMode.RELAXED) as watch:
        await anext(aiter(watch))
    (line,) = await authority.logged(
        "call", method="/tokenauthority.v1.TokenService/WatchRevocations"
    )
    assert line["code"] == grpc.StatusCode.CANCELLED.name
