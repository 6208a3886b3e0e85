"""RevocationLog in Redis: what expires, what is lost, and what cannot be read or asked."""

import asyncio
import os
import signal
import time
from typing import Any

import pytest
from support.log_entries import (
    LONG,
    SHORT,
    assert_begun_anew,
    assert_quiet,
    fact,
    granted,
    name,
)
from support.own_stores import OwnStores
from support.revocation_logs import (
    RedisServer,
)

from tokenauthority_server.adapters.redis.connection import connect
from tokenauthority_server.adapters.redis.revocation_log import (
    IDENTITY,
    KEYS,
    LOG,
    REPORTS,
    VERIFIERS,
    RedisRevocationLog,
)
from tokenauthority_server.domain.errors import StoreUnavailableError
from tokenauthority_server.domain.revocation_ports import (
    BEGINNING,
    Granted,
    Row,
    position_of,
)


async def test_every_key_expires(redis_data: RedisServer) -> None:
    log = redis_data.log()
    identity, row = await granted(log)
    await log.append([fact()])
    await log.renew(identity, row, Row(1, BEGINNING), tell=True)
    keys = await redis_data.node.keys("*")
    assert set(keys) == set(KEYS)
    for key in keys:
        assert await redis_data.node.ttl(key) > 0
    # The two that others are judged by last together, and longer with each renewal.
    for key in (IDENTITY, VERIFIERS):
        await redis_data.node.expire(key, 100)
    await log.renew(identity, row, Row(2, BEGINNING), tell=False)
    assert min([await redis_data.node.ttl(key) for key in (IDENTITY, VERIFIERS)]) > 80_000


async def test_old_entries_and_many_reports_go(redis_data: RedisServer) -> None:
    log, node = redis_data.log(), redis_data.node
    identity, row = await granted(log)
    long_ago = int((time.time() - 301) * 1000)
    async with node.pipeline() as pipeline:
        for number in range(500):
            pipeline.xadd(LOG, {"identity": identity}, id=f"{long_ago}-{number + 1}")
        await pipeline.execute()
    await log.append([fact()])
    assert await node.xlen(LOG) < 200
    for number in range(300):
        await log.renew(identity, row, Row(number, BEGINNING), tell=True)
    assert await node.xlen(REPORTS) < 250


async def test_a_key_that_is_lost_alone_ends_the_data_set(redis_data: RedisServer) -> None:
    log = redis_data.log()
    for key in (IDENTITY, VERIFIERS):
        identity, row = await granted(log)
        await log.append([fact()])
        await redis_data.node.delete(key)
        await assert_begun_anew(log, identity, row)


async def test_a_log_that_is_lost_alone_shows_a_gap(redis_data: RedisServer) -> None:
    log = redis_data.log()
    standing = await log.append([fact()])
    lost = await log.append([fact()])
    await redis_data.node.delete(LOG)
    answer = await log.grant(standing.identity, name(), standing.position)
    assert answer == Granted([], lost.position)
    end = await log.append([fact()])
    (entry,) = await log.follow(standing.position, SHORT)
    assert (entry.position, entry.previous) == (end.position, lost.position)


async def test_a_grant_of_many_bytes_is_none(redis_data: RedisServer) -> None:
    log = redis_data.log()
    standing = await log.look()
    for _ in range(2):
        end = await log.append([fact()] * 15_000)
    answer = await log.grant(standing.identity, name(), standing.position)
    assert answer == Granted([], end.position)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nothing",
        "{}",
        "[1]",
        "[[]]",
        '[["session","u","t","LOGOUT",true,"",0,0]]',
        '[["session","u","t","LOGOUT",1,"",0,0,0]]',
        '[["planet","u","t","LOGOUT",1,"",0,0]]',
        '[["session","u","t","BOREDOM",1,"",0,0]]',
        '[["session","u","t","LOGOUT",1,"",9999999999999999999999,0]]',
        "[" * 100_000,
    ],
)
async def test_what_nobody_can_read_is_a_gap(redis_data: RedisServer, text: str) -> None:
    log = redis_data.log()
    standing = await log.append([fact()])
    strange = f"{standing.position.milliseconds + 1}-0"
    fields: dict[Any, Any] = {
        "identity": standing.identity,
        "previous": str(standing.position),
        "facts": text,
    }
    await redis_data.node.xadd(LOG, fields, id=strange)
    (entry,) = await log.follow(standing.position, SHORT)
    assert (entry.position, entry.previous, entry.facts) == (
        position_of(strange),
        position_of(strange),
        (),
    )


async def test_a_replica_is_no_store(redis_data: RedisServer) -> None:
    log = redis_data.log()
    identity, row = await granted(log)
    await redis_data.node.replicaof("127.0.0.1", 1)
    try:
        for ask in (
            log.look(),
            log.rows(),
            log.append([]),
            log.grant(identity, name(), BEGINNING),
            log.renew(identity, row, Row(1, BEGINNING), tell=True),
            log.strike(identity, row, 0),
            log.leave(row),
        ):
            with pytest.raises(StoreUnavailableError):
                await ask
    finally:
        await redis_data.node.replicaof("NO", "ONE")


async def test_too_few_replicas_are_no_store(redis_data: RedisServer) -> None:
    await redis_data.node.config_set("min-replicas-to-write", 1)
    try:
        with pytest.raises(StoreUnavailableError):
            await redis_data.log().append([fact()])
    finally:
        await redis_data.node.config_set("min-replicas-to-write", 0)


async def test_keys_that_are_not_ours_are_no_answer(redis_data: RedisServer) -> None:
    log = redis_data.log()
    _, row = await granted(log)
    await redis_data.node.hset(VERIFIERS, row, "garbage")
    with pytest.raises(StoreUnavailableError):
        await log.rows()
    await redis_data.node.set(LOG, "text")
    with pytest.raises(StoreUnavailableError):
        await log.append([fact()])


async def test_a_server_that_forgot_the_scripts_is_sent_them(redis_data: RedisServer) -> None:
    standing = await redis_data.log().look()
    await redis_data.node.script_flush()
    assert await redis_data.log().look() == standing


async def test_who_waits_keeps_no_one_waiting(redis_data: RedisServer) -> None:
    log = redis_data.log()
    tasks = [asyncio.create_task(redis_data.log().follow(BEGINNING, LONG)) for _ in range(20)]
    await asyncio.sleep(SHORT)
    async with asyncio.timeout(2):
        await log.append([fact()])
        await log.look()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_store_that_is_away_is_told_in_time() -> None:
    clients = connect("redis://127.0.0.1:1"), connect("redis://127.0.0.1:1", patient=True)
    log = RedisRevocationLog(*clients)
    for ask in (
        log.look(),
        log.rows(),
        log.append([fact()]),
        log.follow(BEGINNING, LONG),
        log.wait_for_reports(LONG),
        log.leave(name()),
    ):
        async with asyncio.timeout(1):
            with pytest.raises(StoreUnavailableError, match="Redis"):
                await ask
    for client in clients:
        await client.aclose()


async def test_a_store_that_does_not_answer_is_told_in_time(own: OwnStores) -> None:
    clients = connect(own.valkey.url), connect(own.valkey.url, patient=True)
    log = RedisRevocationLog(*clients)
    await log.wait_for_reports(SHORT)
    os.kill(own.valkey.pid, signal.SIGSTOP)
    try:
        for ask in (log.look(), log.follow(BEGINNING, SHORT), log.wait_for_reports(SHORT)):
            async with asyncio.timeout(1 + 2 * SHORT):
                with pytest.raises(StoreUnavailableError, match="Redis"):
                    await ask
    finally:
        os.kill(own.valkey.pid, signal.SIGCONT)
    # Something may have been told meanwhile.
    async with asyncio.timeout(2):
        await log.wait_for_reports(LONG)
    await assert_quiet(log)
    for client in clients:
        await client.aclose()
