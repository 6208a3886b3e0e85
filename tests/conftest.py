"""One PostgreSQL and one Redis for all the tests of a process, and a database for each test."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from support.own_stores import OwnStores, own_stores
from support.postgres import Databases, postgres_server
from support.redis import redis_server

from tokenauthority_server.adapters.postgres.migrate import migrate

TESTS = Path(__file__).parent
# What bounds how long something takes, or compares how long it took.
ALONE = [
    TESTS / "integration" / "test_benchmarks.py",
    TESTS / "integration" / "test_login_timing.py",
    TESTS / "integration" / "test_no_oracle.py",
    TESTS / "unit" / "tokens" / "test_equal_work.py",
    *(TESTS / "faults").glob("test_rows_01_*.py"),
    *(TESTS / "faults").glob("test_row_2[3-9]_*.py"),
    *(TESTS / "faults").glob("test_row_3[2-4]_*.py"),
    *(TESTS / "faults").glob("test_row_3[79]_*.py"),
    TESTS / "faults" / "test_row_38_connections.py",
    TESTS / "faults" / "test_row_38_floods.py",
]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what runs by itself: see the marker `alone`."""
    for item in items:
        if item.path in ALONE:
            item.add_marker("alone")


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    with postgres_server() as url:
        yield url


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    with redis_server() as url:
        yield url


@pytest.fixture(scope="session")
async def databases(postgres_url: str) -> AsyncIterator[Databases]:
    async with Databases.on(postgres_url) as databases:
        yield databases


@pytest.fixture
async def database_url(databases: Databases) -> AsyncIterator[str]:
    async with databases.fresh() as url:
        yield url


@pytest.fixture(scope="session")
async def killable_stores() -> AsyncIterator[OwnStores]:
    with own_stores() as stores:
        await migrate(stores.postgres.url)
        yield stores


@pytest.fixture
def own(killable_stores: OwnStores) -> Iterator[OwnStores]:
    """Stores that a test may kill. They are up again for the next one."""
    yield killable_stores
    killable_stores.restore()
