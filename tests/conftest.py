"""One PostgreSQL and one Redis for all the tests of a process, and a database for each test."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from support.own_stores import OwnStores, own_stores
from support.postgres import Databases, postgres_server
from support.redis import redis_server
from support.valkey_nodes import ValkeyCluster, WatchedPrimary, valkey_cluster, watched_primary

from tokenauthority_server.adapters.postgres.migrate import migrate

TESTS = Path(__file__).parent
# What keeps several busy processes of its own, races many callers, or compares how long it takes.
ALONE = [
    TESTS / "contract" / "test_revocation_log.py",
    TESTS / "contract" / "test_revocation_log_in_redis.py",
    TESTS / "faults",
    TESTS / "integration" / "test_benchmarks.py",
    TESTS / "integration" / "test_login_timing.py",
    TESTS / "integration" / "test_no_oracle.py",
    TESTS / "integration" / "test_redis_failover.py",
    TESTS / "unit" / "tokens" / "test_equal_work.py",
    *(TESTS / "contract").glob("test_*_races.py"),
]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what runs by itself: see the marker `alone`."""
    for item in items:
        if any(item.path.is_relative_to(place) for place in ALONE):
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
def killable_cluster() -> Iterator[ValkeyCluster]:
    with valkey_cluster() as cluster:
        yield cluster


@pytest.fixture
def cluster(killable_cluster: ValkeyCluster) -> Iterator[ValkeyCluster]:
    """A cluster of which a test may kill a node. It is up again for the next one."""
    yield killable_cluster
    killable_cluster.restore()


@pytest.fixture(scope="session")
def killable_watched() -> Iterator[WatchedPrimary]:
    with watched_primary() as watched:
        yield watched


@pytest.fixture
def watched(killable_watched: WatchedPrimary) -> Iterator[WatchedPrimary]:
    """A primary that a test may kill. It is up again for the next one."""
    yield killable_watched
    killable_watched.restore()


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
