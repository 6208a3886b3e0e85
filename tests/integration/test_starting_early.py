"""The authority starts before what it needs, and is ready by itself as soon as that is there."""

import asyncio

import grpc
from support.authority import Served, serving
from support.callers import ANN
from support.failures import failure_of
from support.own_stores import OwnStores
from support.postgres import Databases

from tokenauthority.v1 import token_service_pb2 as pb
from tokenauthority_server.adapters.postgres.migrate import migrate
from tokenauthority_server.adapters.postgres.revision import required_revision

READY_SECONDS = 5


async def assert_not_ready(authority: Served) -> None:
    assert not authority.starting.done()
    assert await authority.health("readiness") == "NOT_SERVING"
    readyz = await authority.http.ask("/readyz")
    assert (readyz.status, readyz.json["status"]) == (503, "starting")
    assert (await authority.http.ask("/livez")).status == 200
    assert (await authority.http.ask("/.well-known/jwks.json")).status == 503


async def assert_becomes_ready(authority: Served) -> None:
    await asyncio.wait_for(asyncio.shield(authority.starting), READY_SECONDS)
    assert await authority.health("readiness") == "SERVING"
    assert (await authority.http.ask("/readyz")).status == 200
    pair = await authority.client.create_pair(ANN)
    assert await authority.client.validate(pair.access_token)


async def test_before_both_stores(own: OwnStores) -> None:
    own.kill()
    async with serving(own.postgres.url, own.valkey.url, ready=False) as authority:
        (line,) = await authority.logged("not ready yet")
        assert line["waiting_for"] == "PostgreSQL"
        await assert_not_ready(authority)
        for call in (
            authority.stub.CreatePair(pb.CreatePairRequest(user_id="1")),
            authority.stub.Revoke(pb.RevokeRequest(user_id="1")),
            authority.stub.ListSessions(pb.ListSessionsRequest(user_id="1")),
            authority.stub.GetPublicKeys(pb.GetPublicKeysRequest()),
        ):
            failure = await failure_of(call)
            assert failure.code is grpc.StatusCode.UNAVAILABLE
            assert failure.reason == "STORE_UNAVAILABLE"

        own.restore()

        await assert_becomes_ready(authority)


async def test_before_the_schema(databases: Databases, redis_url: str) -> None:
    async with (
        databases.empty() as url,
        serving(url, redis_url, ready=False) as authority,
    ):
        (line,) = await authority.logged("not ready yet")
        assert line["waiting_for"] == (
            f"revision {required_revision()} of the schema, which is at none: "
            "run `tokenauthority migrate`"
        )
        await assert_not_ready(authority)

        await migrate(url)

        await assert_becomes_ready(authority)
        # Told once for each step of the migration that was seen, however often it was asked.
        told = [line["waiting_for"] for line in await authority.logged("not ready yet")]
        assert len(told) == len(set(told))


async def test_before_the_database(databases: Databases, redis_url: str) -> None:
    async with databases.fresh() as url:
        name = url.rpartition("/")[2]
        async with serving(url.replace(name, f"{name}_x"), redis_url, ready=False) as authority:
            (line,) = await authority.logged("not ready yet")
            assert line["waiting_for"] == "PostgreSQL"
            await assert_not_ready(authority)
