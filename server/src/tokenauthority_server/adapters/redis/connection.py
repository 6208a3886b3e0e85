"""A client of Redis whose every command is short, bounded and sent once."""

from typing import Any, Final, TypeAlias

from redis.asyncio import BlockingConnectionPool, Redis, RedisCluster
from redis.asyncio.cluster import ClusterNode
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisClusterException, RedisError

from tokenauthority_server.adapters.redis.addresses import (
    CLUSTER,
    SENTINEL,
    Address,
    read_address,
)
from tokenauthority_server.adapters.redis.cluster import WaitingCluster
from tokenauthority_server.adapters.redis.sentinel import PrimaryOfSentinels, Sentinels
from tokenauthority_server.domain.errors import StoreUnavailableError

NAME: Final = "Redis"

COMMAND_SECONDS: Final = 0.25
"""How long connecting, waiting for a connection, and a command's answer may take, each."""

CONNECTIONS: Final = 8
"""How many there are to a server."""

GONE: Final = (RedisError, RedisClusterException, OSError, RuntimeError)
"""What a store that is away looks like; OSError includes TimeoutError and ConnectionError.

RuntimeError is what uvloop says to who writes to a connection that was closed a moment ago, where
asyncio's own loop says nothing. The library lets it through.
"""

Client: TypeAlias = Redis | RedisCluster


def connect(url: str, database: int | None = None, *, patient: bool = False) -> Client:
    """Return a client; nothing is sent yet. `database` stands in for the one in the address.

    A patient one waits for answers without end, for commands that block: who asks sets a limit.
    """
    address = read_address(url)
    seconds = None if patient else COMMAND_SECONDS
    options: dict[str, Any] = {
        "socket_timeout": seconds,
        "decode_responses": True,
        "client_name": "tokenauthority",
        **_quick(),
        **address.options,
    }
    if database is not None:
        options["db"] = database
    if address.form == CLUSTER:
        return _cluster(address, options, seconds)
    if address.form == SENTINEL:
        return _sentinel(address, options, seconds)
    return Redis.from_pool(
        BlockingConnectionPool.from_url(
            url, max_connections=CONNECTIONS, timeout=seconds, **options
        )
    )


def _quick() -> dict[str, Any]:
    return {
        "socket_connect_timeout": COMMAND_SECONDS,
        # By default a command is sent up to eleven times, harmless to repeat or not.
        "retry": Retry(NoBackoff(), 0),
    }


def _cluster(address: Address, options: dict[str, Any], seconds: float | None) -> RedisCluster:
    return WaitingCluster(
        at_once=CONNECTIONS,
        seconds=seconds,
        startup_nodes=[ClusterNode(host, port) for host, port in address.hosts],
        # Where some slots are away, the others are as good as ever.
        require_full_coverage=False,
        ssl=address.has_tls,
        **options,
    )


def _sentinel(address: Address, options: dict[str, Any], seconds: float | None) -> Redis:
    tls = {name: value for name, value in options.items() if name.startswith("ssl")}
    sentinels = Sentinels(  # type: ignore[no-untyped-call]
        address.hosts,
        sentinel_kwargs={
            "socket_timeout": COMMAND_SECONDS,
            "ssl": address.has_tls,
            **_quick(),
            **tls,
            **address.sentinel_login,
        },
    )
    return PrimaryOfSentinels(
        sentinels,
        address.service,
        max_connections=CONNECTIONS,
        timeout=seconds,
        ssl=address.has_tls,
        **options,
    )


async def reconnect(client: Client) -> None:
    """Close its connections, used ones too; the next command connects, to whoever is there then."""
    if isinstance(client, RedisCluster):
        await client.aclose()
    else:
        await client.connection_pool.disconnect()


async def ping(client: Client) -> None:
    """Ask for a sign of life; raise StoreUnavailableError when there is none."""
    try:
        await client.ping()
    except GONE as error:
        raise StoreUnavailableError(NAME, type(error).__name__) from error
