"""What comes round in turns beside the calls: it goes on whatever goes wrong, and says so once."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from io import StringIO
from json import loads
from typing import Any

import asyncpg
import pytest
from prometheus_client import CollectorRegistry
from support.authority import Served
from support.logs import configured
from support.own_stores import OwnStores
from support.postgres import Connection
from support.waiting import until

from tokenauthority_server.adapters.postgres.database import Database
from tokenauthority_server.adapters.postgres.upkeep import PostgresUpkeep
from tokenauthority_server.background import Chore, janitor_chore, repeat
from tokenauthority_server.domain.errors import StoreUnavailableError
from tokenauthority_server.domain.upkeep import Leftover
from tokenauthority_server.services.upkeep import BATCH, Janitor
from tokenauthority_server.telemetry.metrics import Metrics
from tokenauthority_server.transport.readiness import Phase, Readiness

SOON = 0.01
YEAR = timedelta(days=365)
EXPIRED = """
INSERT INTO tokenauthority.revocations (user_id, kind, target, reason, expires_at)
SELECT 'u-1', 'token', n::text, 'LOGOUT', now() - interval '1 s' FROM generate_series(1, $1) AS n
"""


@pytest.fixture
def log() -> Iterator[StringIO]:
    with configured("info", "json") as log:
        yield log


@pytest.fixture
def metrics() -> Metrics:
    return Metrics(CollectorRegistry(), version="1.2.3")


@pytest.fixture
def readiness(metrics: Metrics) -> Readiness:
    readiness = Readiness((), metrics)
    readiness.phase = Phase.READY
    return readiness


def logged(log: StringIO) -> list[dict[str, Any]]:
    lines = [loads(line) for line in log.getvalue().splitlines()]
    return [{k: v for k, v in one.items() if k not in {"timestamp", "level"}} for one in lines]


@asynccontextmanager
async def repeated(chore: Chore, readiness: Readiness) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(repeat(chore, readiness))
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.wait({task})


@asynccontextmanager
async def janitor_of(url: str, metrics: Metrics) -> AsyncIterator[Chore]:
    database = Database(url)
    await database.open()
    janitor = Janitor(upkeep=PostgresUpkeep(database), keep=YEAR)
    chore = janitor_chore(janitor, metrics.janitor(Leftover))
    yield Chore(chore.name, chore.work, SOON)
    await database.close()


def sample(metrics: Metrics, name: str, **labels: str) -> float:
    value = metrics.registry.get_sample_value(f"tokenauthority_janitor_{name}", labels)
    assert value is not None
    return value


async def test_a_failure_is_told_when_it_begins_and_when_it_is_over(
    log: StringIO, readiness: Readiness
) -> None:
    # Without the `if not before` there is a line for each of the failures.
    errors: list[Exception] = [StoreUnavailableError("PostgreSQL", "ConnectionRefusedError")] * 3
    errors += [ValueError("a secret")] * 2
    turns = 0

    async def work() -> None:
        nonlocal turns
        turns += 1
        if turns % 10 < len(errors):
            raise errors[turns % 10]

    async with repeated(Chore("folding", work, SOON / 10), readiness) as task:
        await until(lambda: turns > 20)
        assert not task.done()

    assert (
        logged(log)[:4]
        == [
            {"event": "upkeep fails", "task": "folding", "why": "ConnectionRefusedError"},
            {"event": "upkeep works again", "task": "folding"},
        ]
        * 2
    )
    assert len(logged(log)) <= 5


async def test_a_chore_is_done_only_while_the_process_is_ready(readiness: Readiness) -> None:
    turns = 0

    async def work() -> None:
        nonlocal turns
        turns += 1

    readiness.phase = Phase.STARTING
    asked = AskedOften(readiness)
    async with repeated(Chore("sweeping", work, SOON / 10), asked):
        await until(lambda: asked.times > 3)
        assert turns == 0
        readiness.phase = Phase.READY
        await until(lambda: turns > 3)
        readiness.phase = Phase.DRAINING
        asked.times, before = 0, turns
        await until(lambda: asked.times > 3)
        assert turns == before


async def test_what_needs_no_store_does_not_wait_for_one(readiness: Readiness) -> None:
    # Guard: without `chore.always` in `repeat` no certificate is renewed while a store is away.
    turns = 0

    async def work() -> None:
        nonlocal turns
        turns += 1

    readiness.phase = Phase.STARTING
    async with repeated(Chore("certificates", work, SOON / 10, always=True), readiness):
        await until(lambda: turns > 3)


class AskedOften(Readiness):
    """A readiness that counts how often it was asked."""

    def __init__(self, readiness: Readiness) -> None:
        self._readiness = readiness
        self.times = 0

    @property
    def is_ready(self) -> bool:
        self.times += 1
        return self._readiness.is_ready


async def test_the_janitor_counts_and_tells_what_it_removed(
    database: Connection, database_url: str, metrics: Metrics, log: StringIO, readiness: Readiness
) -> None:
    await database.execute(EXPIRED, BATCH + 7)
    async with janitor_of(database_url, metrics) as chore, repeated(chore, readiness):
        # The second pass finds nothing, and tells nothing.
        await until(lambda: sample(metrics, "passes_total", outcome="done") >= 2)

    assert sample(metrics, "removed_total", kind="facts") == BATCH + 7
    assert sample(metrics, "removed_total", kind="sessions") == 0
    assert sample(metrics, "pass_seconds_count") >= 2
    assert sample(metrics, "last_success_timestamp_seconds") > 0
    line = {"event": "leftovers removed", "facts": BATCH + 7, "months": 0, "finished": True}
    assert logged(log) == [line]


async def test_a_server_shows_its_janitor_before_the_first_pass(authority: Served) -> None:
    removed = await authority.samples("tokenauthority_janitor_removed_total")
    passes = await authority.samples("tokenauthority_janitor_passes_total")

    assert removed.keys() == {(what.value,) for what in Leftover}
    assert passes.keys() == {("done",), ("unfinished",), ("failed",)}


async def test_the_janitor_goes_on_when_its_database_is_back(
    own: OwnStores, metrics: Metrics, log: StringIO, readiness: Readiness
) -> None:
    async with janitor_of(own.postgres.url, metrics) as chore, repeated(chore, readiness) as task:
        await until(lambda: sample(metrics, "passes_total", outcome="done") >= 1)
        own.postgres.kill()
        await until(lambda: sample(metrics, "passes_total", outcome="failed") >= 2)
        assert not task.done()
        own.restore()
        connection = await asyncpg.connect(own.postgres.url)
        await connection.execute(EXPIRED, 5)
        await connection.close()
        await until(lambda: "upkeep works again" in log.getvalue())

    assert sample(metrics, "removed_total", kind="facts") == 5
    events = [line["event"] for line in logged(log)]
    assert [one for one in events if one.startswith("upkeep")] == [
        "upkeep fails",
        "upkeep works again",
    ]
