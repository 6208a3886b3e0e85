"""Two workers for all tests that leave them alive, and the report of what was done."""

import secrets
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest
from faults.harness.counts import FULL
from faults.harness.fleet import Fleet
from faults.harness.pace import Pace
from faults.harness.record import Record
from faults.harness.report import Measured, Report
from support.own_stores import OwnStores
from support.postgres import Connection, Databases
from support.redis import own_redis

from tokenauthority_server.adapters.postgres.migrate import migrate

HERE = Path(__file__).parent
RESULTS = HERE.parents[1] / "build" / "faults.json"
FULL_SECONDS = 3600

REPORT = pytest.StashKey[Report]()


def pytest_configure(config: pytest.Config) -> None:
    def say(line: str) -> None:
        capture = config.pluginmanager.getplugin("capturemanager")
        with capture.global_and_fixture_disabled():
            print(f"\n{line}", end="", flush=True)  # noqa: T201 - it is for whoever waits

    config.stash[REPORT] = Report(say if FULL else None)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if FULL and HERE in item.path.parents:
            item.add_marker(pytest.mark.timeout(FULL_SECONDS))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.failed:
        for fleet in Fleet.running:
            report.sections.append(("End of the workers' logs", fleet.logs))
    if call.when == "call":
        item.config.stash[REPORT].ended(item.nodeid, report.outcome, report.duration)
    return report


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    report = config.stash[REPORT]
    for line in report.told():
        terminalreporter.write_line(line)
    if FULL and report.done:
        terminalreporter.section("faults")
        for line in report.table():
            terminalreporter.write_line(line)
        report.write(RESULTS)
        terminalreporter.write_line(f"written to {RESULTS}")


@pytest.fixture
def counted(request: pytest.FixtureRequest) -> Callable[[int, int], Iterator[int]]:
    """`for number in counted(row, rounds):` does the rounds of a row, and has them reported."""
    report = request.config.stash[REPORT]
    what = request.node.name.removeprefix("test_").replace("_", " ")

    def of_row(row: int, number: int) -> Iterator[int]:
        return report.counted(request.node.nodeid, what, row, number)

    return of_row


@pytest.fixture
def measured(request: pytest.FixtureRequest) -> Measured:
    """Takes in how long revocations took, to be reported."""
    report = request.config.stash[REPORT]
    return lambda history: report.measured(request.node.nodeid, history)


@pytest.fixture
def own_redis_url() -> Iterator[str]:
    """A Redis in which nobody else's verifiers have rows."""
    with own_redis() as url:
        yield url


@pytest.fixture(scope="session")
async def fleet(databases: Databases, redis_url: str) -> AsyncIterator[Fleet]:
    """Two workers that nobody kills, over a database in which tests keep to users of their own."""
    async with (
        databases.fresh() as url,
        # All is on one machine: what has expired is refused at once.
        Fleet.of(2, url, redis_url, CLOCK_LEEWAY_SECONDS="0") as fleet,
    ):
        yield fleet


@pytest.fixture
async def fleet_database(fleet: Fleet) -> AsyncIterator[Connection]:
    """A connection to the fleet's database."""
    connection = await asyncpg.connect(fleet.database_url)
    yield connection
    await connection.close()


@pytest.fixture
async def own_database(own: OwnStores) -> str:
    """An empty database in stores that a test may kill: others' keys are sealed otherwise."""
    name = f"tokenauthority_test_{secrets.token_hex(6)}"
    connection = await asyncpg.connect(own.postgres.url)
    await connection.execute(f"CREATE DATABASE {name}")
    await connection.close()
    url = urlsplit(own.postgres.url)._replace(path=f"/{name}").geturl()
    await migrate(url)
    return url


@pytest.fixture
async def pace() -> AsyncIterator[Pace]:
    async with Pace.kept() as pace:
        yield pace


@pytest.fixture
def record() -> Record:
    return Record()
