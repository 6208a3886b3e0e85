"""A server that is told to stop finishes what it has begun."""

import asyncio
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest
from support.commands import HERE, KEY, Server, server
from support.processes import accepts
from support.waiting import until

from tokenauthority_client import Subject, TokenAuthorityClient

READY_SECONDS = 10
"""For each process that is started."""


@pytest.fixture(params=["1", "2"], ids=["one process", "two workers"])
def serving(
    request: pytest.FixtureRequest, database_url: str, redis_url: str, tmp_path: Path
) -> Iterator[Server]:
    settings = {
        "WORKERS": request.param,
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "KEY_ENCRYPTION_KEY": KEY,
        "DRAIN_SECONDS": "0",
    }
    began = time.monotonic()
    program = HERE / "tokenauthority"
    with server(program, "serve", tmp_path / "output", settings, '"event":"ready"') as started:
        assert time.monotonic() - began < READY_SECONDS * int(request.param)
        yield started


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
async def test_a_call_under_way_is_finished(
    serving: Server, database_url: str, how: signal.Signals
) -> None:
    held = await asyncpg.connect(database_url)
    async with TokenAuthorityClient(serving.address("grpc")) as client:
        pair = await client.create_pair(Subject(user_id="1", username="ann"))
        transaction = held.transaction()
        await transaction.start()
        await held.execute("SELECT FROM tokenauthority.sessions FOR UPDATE")
        refreshing = asyncio.create_task(client.refresh(pair.refresh_token))
        await waiting_for_a_lock(held)

        serving.process.send_signal(how)
        await until(lambda: not accepts(f"//{serving.address('grpc')}"))
        await transaction.rollback()

        assert (await refreshing).pair.session_id == pair.session_id
    await held.close()
    assert await asyncio.to_thread(serving.process.wait, 10) == 0
    assert not accepts(f"//{serving.address('http')}")
    assert "Traceback" not in serving.text


async def waiting_for_a_lock(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    async with asyncio.timeout(5):
        while not await connection.fetchval(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND wait_event_type = 'Lock'"
        ):
            await connection.execute("SELECT pg_stat_clear_snapshot()")
