"""What the authority says of itself, to whoever sends it calls and to whoever keeps it alive."""

import asyncio

import grpc
import pytest
from grpc_health.v1 import health_pb2
from support.authority import Served, serving
from support.callers import ANN
from support.waiting import eventually, until

FOLLOWING = ["", "readiness", "tokenauthority.v1.TokenService"]


async def test_a_ready_authority_serves_under_every_name(authority: Served) -> None:
    assert [await authority.health(name) for name in (*FOLLOWING, "liveness")] == ["SERVING"] * 4

    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await authority.health("another")
    assert caught.value.code() is grpc.StatusCode.NOT_FOUND


async def test_a_ready_authority_answers_its_probes(authority: Served) -> None:
    async def up() -> bool:
        return set((await authority.stores()).values()) == {"up"}

    await eventually(up)
    answers = [await authority.http.ask(path) for path in ("/readyz", "/livez")]

    assert [answer.status for answer in answers] == [200, 200]
    assert answers[0].json == {"status": "ready", "stores": {"PostgreSQL": "up", "Redis": "up"}}
    assert await authority.samples("tokenauthority_store_up") == {
        ("PostgreSQL",): 1,
        ("Redis",): 1,
    }


async def test_a_draining_authority_says_so_and_still_answers(
    database_url: str, redis_url: str
) -> None:
    async with serving(database_url, redis_url) as authority:
        watched: list[bool] = []
        watch = authority.channel.unary_stream(
            "/grpc.health.v1.Health/Watch",
            request_serializer=health_pb2.HealthCheckRequest.SerializeToString,
            response_deserializer=health_pb2.HealthCheckResponse.FromString,
        )(health_pb2.HealthCheckRequest(service="readiness"))

        async def follow() -> None:
            async for response in watch:
                watched.append(response.status == response.SERVING)  # noqa: PERF401 - seen as it grows

        following = asyncio.create_task(follow())
        await until(lambda: watched == [True])

        authority.authority.health.drain()

        await until(lambda: watched == [True, False])
        watch.cancel()
        with pytest.raises(asyncio.CancelledError):
            await following
        assert [await authority.health(name) for name in FOLLOWING] == ["NOT_SERVING"] * 3
        assert await authority.health("liveness") == "SERVING"
        readyz = await authority.http.ask("/readyz")
        assert (readyz.status, readyz.json["status"]) == (503, "draining")
        assert (await authority.http.ask("/livez")).status == 200
        pair = await authority.client.create_pair(ANN)
        assert await authority.client.validate(pair.access_token)
