"""A client of a cluster that waits for a free connection instead of raising at once."""

import asyncio
from typing import Any

from redis.asyncio import RedisCluster
from redis.typing import EncodableT


class WaitingCluster(RedisCluster):
    """Lets so many commands out at once as any node has connections for.

    The library's own limit is of connections to a node, and raises. Of XREAD it takes one stream.
    """

    def __init__(self, *, at_once: int, seconds: float | None, **options: Any) -> None:
        # Those of a pipeline come on top: one to each node.
        super().__init__(max_connections=2 * at_once, **options)
        self._places = asyncio.Semaphore(at_once)
        self._beginning = asyncio.Lock()
        self._seconds = seconds

    async def execute_command(self, *args: EncodableT, **kwargs: Any) -> Any:
        """Execute it; raise TimeoutError when no connection was free in time."""
        async with asyncio.timeout(self._seconds):
            await self._places.acquire()
        try:
            # One at a time: of several that begin at once the library closes connections in use.
            async with self._beginning:
                await self.initialize()
            if args[0] == "XREAD":
                # The library would ask any other node, twice, which of these words is the key.
                kwargs["target_nodes"] = self.get_node_from_key(str(args[-2]))
            return await super().execute_command(*args, **kwargs)
        finally:
            self._places.release()
