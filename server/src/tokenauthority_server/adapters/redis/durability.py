"""How the servers are set up, as far as what they hold depends on it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from redis.asyncio import RedisCluster

from tokenauthority_server.adapters.redis.connection import GONE, Client


@dataclass(frozen=True, slots=True)
class Setup:
    """One primary's: what it throws away when it is full, and what it asks of its replicas."""

    maxmemory_policy: str
    min_replicas_to_write: int
    replicas: int


async def setups(client: Client) -> Sequence[Setup]:
    """Return each primary's setup; none at all where one does not tell. Never raises."""
    try:
        if isinstance(client, RedisCluster):
            await client.initialize()
            return [await _of(client, target_nodes=node) for node in client.get_primaries()]
        return [await _of(client)]
    except (*GONE, KeyError, ValueError):
        return []


async def _of(client: Client, **target: Any) -> Setup:
    names = ("maxmemory-policy", "min-replicas-to-write")
    policy, least = [str((await client.config_get(name, **target))[name]) for name in names]
    replication: Any = await client.info("replication", **target)
    return Setup(policy, int(least), int(replication["connected_slaves"]))
