"""A database that is closed for maintenance: a fault that is none of the network's."""

import asyncpg
import pytest
from support.authority import Served
from support.waiting import eventually

from tokenauthority_client import StoreUnavailableError, Subject, TokenType


async def test_it_is_unavailable_and_comes_back(
    authority: Served, database_url: str, postgres_url: str
) -> None:
    pair = await authority.client.create_pair(Subject(user_id="1", username="ann"))
    name = database_url.rpartition("/")[2]
    admin = await asyncpg.connect(postgres_url)
    try:
        await admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        await admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", name
        )

        async def told() -> bool:
            return (await authority.stores())["PostgreSQL"] == "down"

        # Of an access token a lease may tell still.
        with pytest.raises(StoreUnavailableError):
            await authority.client.validate(pair.refresh_token, expected_type=TokenType.REFRESH)
        with pytest.raises(StoreUnavailableError):
            await authority.client.refresh(pair.refresh_token)
        await eventually(told)
        # Watching the store goes on, whatever it says: else nobody would see it come back.
        assert not authority.authority.background.done()
    finally:
        await admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
        await admin.close()

    async def back() -> bool:
        return (await authority.stores())["PostgreSQL"] == "up"

    await eventually(back)
    assert await authority.client.validate(pair.access_token)
