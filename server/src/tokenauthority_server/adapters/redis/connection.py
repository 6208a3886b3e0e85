"""A client of Redis whose every command is short, bounded and sent once."""

import redis.asyncio
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from tokenauthority_server.domain.errors import StoreUnavailableError

NAME = "Redis"

COMMAND_SECONDS = 0.25
"""How long connecting, waiting for a connection, and a command's answer may take, each."""

GONE = (RedisError, OSError)
"""What a store that is away looks like; OSError includes TimeoutError and ConnectionError."""


def connect(url: str, database: int | None = None) -> redis.asyncio.Redis:
    """Return a client; nothing is sent yet. `database` stands in for the one in the address."""
    chosen = {} if database is None else {"db": database}
    pool = redis.asyncio.BlockingConnectionPool.from_url(
        url,
        max_connections=8,
        # It waits for a free connection instead of raising at once.
        timeout=COMMAND_SECONDS,
        socket_timeout=COMMAND_SECONDS,
        socket_connect_timeout=COMMAND_SECONDS,
        # By default a command is sent up to eleven times, harmless to repeat or not.
        retry=Retry(NoBackoff(), 0),
        decode_responses=True,
        client_name="tokenauthority",
        **chosen,
    )
    return redis.asyncio.Redis.from_pool(pool)


async def ping(client: redis.asyncio.Redis) -> None:
    """Ask for a sign of life; raise StoreUnavailableError when there is none."""
    try:
        await client.ping()
    except GONE as error:
        raise StoreUnavailableError(NAME, type(error).__name__) from error


async def eviction_policy(client: redis.asyncio.Redis) -> str:
    """Return the server's maxmemory-policy, "" where it does not tell; never raises."""
    try:
        return str((await client.config_get("maxmemory-policy")).get("maxmemory-policy", ""))
    except GONE:
        return ""
