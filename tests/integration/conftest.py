from collections.abc import AsyncIterator

import asyncpg
import pytest
from support.authority import Served, serving
from support.postgres import Connection, Databases

from tokenauthority_client import TokenAuthorityClient


@pytest.fixture
async def authority(database_url: str, redis_url: str) -> AsyncIterator[Served]:
    async with serving(database_url, redis_url) as served:
        yield served


@pytest.fixture
def client(authority: Served) -> TokenAuthorityClient:
    return authority.client


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Connection]:
    """A connection to the authority's database."""
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


@pytest.fixture(scope="module")
async def shared(databases: Databases, redis_url: str) -> AsyncIterator[Served]:
    """An authority for all tests of a file that leave nothing behind."""
    async with databases.fresh() as url, serving(url, redis_url) as served:
        yield served
