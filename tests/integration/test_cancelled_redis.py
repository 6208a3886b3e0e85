"""Who is cancelled while Redis is asked goes no further, at whatever moment that is."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from tokenauthority_server.adapters.redis.connection import connect
from tokenauthority_server.adapters.redis.revocation_log import RedisRevocationLog
from tokenauthority_server.domain.revocation_ports import BEGINNING, Row

MOMENTS = 60
"""Turns of the loop after which it is cancelled, once each: more than connecting takes."""

ASKING: list[Callable[[RedisRevocationLog], Awaitable[object]]] = [
    lambda log: log.rows(),
    lambda log: log.renew("none", "row", Row(1, BEGINNING), tell=True),
    lambda log: log.follow(BEGINNING, 0.01),
    lambda log: log.wait_for_reports(0.01),
]


@pytest.mark.parametrize("ask", ASKING)
async def test_no_cancellation_is_lost_while_it_connects(
    redis_url: str, ask: Callable[[RedisRevocationLog], Awaitable[object]]
) -> None:
    lost = []
    for moment in range(MOMENTS):
        client, patient = connect(redis_url), connect(redis_url, patient=True)
        log = RedisRevocationLog(client, patient)

        async def asked(log: RedisRevocationLog = log) -> None:
            await ask(log)

        task = asyncio.create_task(asked())
        for _ in range(moment):
            await asyncio.sleep(0)
        if task.cancel():
            await asyncio.wait([task], timeout=5)
            if not task.cancelled():
                lost.append(moment)
        await client.aclose()
        await patient.aclose()
    assert lost == []
