"""Lua scripts, run by their digests."""

from hashlib import sha1
from typing import Any

from redis.exceptions import NoScriptError

from tokenauthority_server.adapters.redis.connection import Client


class Script:
    """A script that a server is sent when it does not know it.

    Only that server: the library's own registration goes to every primary of a cluster, and fails
    as long as one of them is away.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._digest = sha1(text.encode(), usedforsecurity=False).hexdigest()

    async def run(self, client: Client, keys: tuple[str, ...], *arguments: str | int) -> Any:
        """Return what the script returns; `keys` are of one slot."""
        parameters = [*keys, *map(str, arguments)]
        try:
            return await client.evalsha(self._digest, len(keys), *parameters)
        except NoScriptError:
            # It was not run, so this sends nothing twice.
            return await client.eval(self._text, len(keys), *parameters)
