"""One PostgreSQL and one Redis for all the tests of a run, and a database for each test."""

from collections.abc import AsyncIterator, Iterator

import pytest
from support.own_stores import OwnStores, own_stores
from support.postgres import Databases, postgres_server
from support.redis import redis_server

from tokenauthority_server.adapters.postgres.migrate import migrate


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
