from collections.abc import AsyncIterator

import pytest
from support.memory_stores import memory_stores
from support.postgres_stores import postgres_stores
from support.revocation_logs import RedisServer, log_of_server
from support.stores import Stores


@pytest.fixture
async def postgres(database_url: str) -> AsyncIterator[Stores]:
    async with postgres_stores(database_url) as stores:
        yield stores


@pytest.fixture(params=["memory", "postgres"])
def stores(request: pytest.FixtureRequest) -> Stores:
    if request.param == "memory":
        return memory_stores()
    stores: Stores = request.getfixturevalue("postgres")
    return stores


@pytest.fixture
async def redis_data(redis_url: str) -> AsyncIterator[RedisServer]:
    async with log_of_server(redis_url) as server:
        yield server
