"""The commonest passwords and words, as the package zxcvbn lists them by frequency."""

import asyncio
from functools import cache
from importlib import import_module
from typing import Final

from tokenauthority_server.domain.passwords import FEWEST_BYTES, folded

_LISTS: Final = "zxcvbn.frequency_lists"


class ListedPasswords:
    """The port CommonPasswords: some thousand that are long enough to be asked about.

    They are read when they are first needed, beside the event loop: it takes 40 ms.
    """

    async def holds(self, password: str) -> bool:
        """See CommonPasswords.holds."""
        return folded(password) in await asyncio.to_thread(_listed)


@cache
def _listed() -> frozenset[str]:
    lists: dict[str, list[str]] = import_module(_LISTS).FREQUENCY_LISTS
    return frozenset(
        folded(one)
        for words in lists.values()
        for one in words
        if len(one.encode()) >= FEWEST_BYTES
    )
