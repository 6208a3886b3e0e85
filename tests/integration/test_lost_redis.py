"""Redis goes away: no answer depends on it."""

import redis.asyncio
from support.authority import Served, serving
from support.callers import create_request
from support.outages import assert_all_answered, calls_of
from support.own_stores import OwnStores
from support.proxy import Proxy
from support.waiting import eventually

from tokenauthority.v1 import token_service_pb2 as pb


async def pair_of(authority: Served, user_id: str) -> pb.TokenPair:
    return (await authority.stub.CreatePair(create_request(user_id))).pair


async def shown_as(authority: Served, state: str) -> None:
    async def shown() -> bool:
        return (await authority.stores())["Redis"] == state

    await eventually(shown)


async def assert_nothing_amiss(authority: Served, user_id: str) -> None:
    pair = await pair_of(authority, user_id)
    answers = await assert_all_answered(calls_of(authority, pair, user_id))
    assert answers["Validate"].active
    assert not answers["Refresh"].replayed
    # The times are the database's own now.
    for session in answers["ListSessions"].sessions:
        assert session.last_activity_time.seconds >= session.create_time.seconds
    assert pair.session_id in {one.session_id for one in answers["ListSessions"].sessions}
    readyz = await authority.http.ask("/readyz")
    assert (readyz.status, readyz.json["status"]) == (200, "ready")


async def test_killed_and_started_again(own: OwnStores, database_url: str) -> None:
    async with serving(database_url, own.valkey.url) as authority:
        await assert_nothing_amiss(authority, "u-1")

        own.valkey.kill()

        await assert_nothing_amiss(authority, "u-1")
        await shown_as(authority, "down")
        await assert_nothing_amiss(authority, "u-1")

        own.valkey.restart()

        await shown_as(authority, "up")
        await assert_nothing_amiss(authority, "u-1")
        for event in ("store lost", "store back"):
            assert len(await authority.logged(event, store="Redis")) == 1


async def test_silent_and_speaking_again(own: OwnStores, database_url: str) -> None:
    async with (
        Proxy.before(own.valkey.url) as proxy,
        serving(database_url, proxy.url) as authority,
    ):
        await assert_nothing_amiss(authority, "u-1")

        proxy.silence()

        await assert_nothing_amiss(authority, "u-1")
        await shown_as(authority, "down")

        proxy.speak()

        await shown_as(authority, "up")
        await assert_nothing_amiss(authority, "u-1")


async def test_emptied_it_is_missed_by_nobody(own: OwnStores, database_url: str) -> None:
    async with serving(database_url, own.valkey.url) as authority:
        alive = await pair_of(authority, "u-1")
        dead = await pair_of(authority, "u-1")
        await authority.client.revoke_session(dead.session_id)
        client = redis.asyncio.Redis.from_url(own.valkey.url)

        await client.flushall()

        await client.aclose()
        assert await authority.client.validate(alive.access_token)
        assert not await authority.client.validate(dead.access_token)
        refreshed = (await authority.client.refresh(alive.refresh_token)).pair
        assert await authority.client.validate(refreshed.access_token)
        (listed,) = (await authority.client.list_sessions("u-1")).sessions
        assert listed.last_activity_time is not None


REVOCATION = ("identity", "verifiers", "log", "reports")


async def test_every_key_in_it_expires(own: OwnStores, database_url: str) -> None:
    client = redis.asyncio.Redis.from_url(own.valkey.url, decode_responses=True)
    await client.flushall()
    async with serving(database_url, own.valkey.url) as authority:
        pairs = [await pair_of(authority, f"u-{number}") for number in range(3)]
        await authority.client.refresh(pairs[0].refresh_token)
        await authority.client.revoke_session(pairs[1].session_id)
        await authority.client.revoke_user("u-2")
        await authority.client.list_sessions("u-0")

        async def written() -> bool:
            return await client.dbsize() >= len(pairs) + len(REVOCATION)

        await eventually(written)
        keys = [str(key) for key in await client.keys()]
        ttls = [await client.ttl(key) for key in keys]
    await client.aclose()
    assert sorted(keys) == sorted(
        [f"ta:{{u-{number}}}:activity" for number in range(3)]
        + [f"ta:{{revocation}}:{name}" for name in REVOCATION]
    )
    month = 30 * 24 * 3600
    assert all(0 < ttl <= month for ttl in ttls)
