"""A client of the primary that sentinels name."""

from copy import copy
from typing import Any

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.sentinel import Sentinel, SentinelConnectionPool
from redis.exceptions import ResponseError


class Sentinels(Sentinel):
    """Sentinels of which none is ever forgotten."""

    async def discover_master(self, service_name: str) -> tuple[str, int]:
        """Return the primary's address; raise MasterNotFoundError where none of them knows it."""
        # The library moves the one that knew to the front, and of two who ask at once the second
        # puts it over another one: so each moves those of a list of its own.
        asked = copy(self)
        asked.sentinels = list(self.sentinels)
        host, port = await Sentinel.discover_master(asked, service_name)
        self.sentinels = asked.sentinels
        return host, port


class _Pool(SentinelConnectionPool, BlockingConnectionPool):
    """Asks the sentinels before it connects, and waits for a free connection."""


class PrimaryOfSentinels(Redis):
    """A client of a service's primary, whichever that is when it connects.

    Closes the connections to the sentinels with its own.
    """

    def __init__(self, sentinels: Sentinels, service: str, **options: Any) -> None:
        pool = _Pool(service, sentinels, **options)  # type: ignore[no-untyped-call]
        super().__init__(connection_pool=pool)
        self.auto_close_connection_pool = True
        self._sentinels = sentinels

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        """Execute it; leave a primary whose replicas have left it, for the next command."""
        try:
            return await super().execute_command(*args, **options)  # type: ignore[no-untyped-call]
        except ResponseError as error:
            if str(error).startswith("NOREPLICAS"):
                # They may have another primary by now, of which this one hears ten seconds later.
                await self.connection_pool.disconnect(inuse_connections=False)
            raise

    async def aclose(self, close_connection_pool: bool | None = None) -> None:  # noqa: FBT001 - the library's own
        """Close all connections."""
        await super().aclose(close_connection_pool)
        await self._sentinels.aclose()
