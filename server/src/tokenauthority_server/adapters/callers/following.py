"""Keeps to the callers' file as it is now, or as it last was good."""

import asyncio
import hashlib
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Final

import structlog

from tokenauthority_server.adapters.callers.faults import CallersFileError
from tokenauthority_server.adapters.callers.file import MAX_FILE_BYTES
from tokenauthority_server.adapters.callers.known import CallersFile
from tokenauthority_server.adapters.mounted_files import read_content
from tokenauthority_server.domain.callers import Admission

TICK: Final = timedelta(seconds=2)
"""How long a change may go unseen."""

_log: structlog.typing.FilteringBoundLogger = structlog.get_logger()


class FollowedCallers:
    """The port KnownCallers, over a file that changes.

    `read` reads it, or raises CallersFileError; it is read at once. `tell` is told whether the file
    is good, each time that there was something to look at.
    """

    def __init__(self, read: Callable[[], CallersFile], tell: Callable[[bool], None]) -> None:
        self._read = read
        self._tell = tell
        self._told: frozenset[str] = frozenset()
        self.current = read()
        tell(True)  # noqa: FBT003 - it is the one thing that is told

    def by_uri(self, uri: str) -> Admission | None:
        """See KnownCallers."""
        return self.current.by_uri(uri)

    def by_dns(self, name: str) -> Admission | None:
        """See KnownCallers."""
        return self.current.by_dns(name)

    def by_key(self, digest: bytes) -> Admission | None:
        """See KnownCallers."""
        return self.current.by_key(digest)

    def by_service_account(self, token: str) -> Admission | None:
        """See KnownCallers."""
        return self.current.by_service_account(token)

    async def tick(self) -> None:
        """Look whether the file, or that of keys, has changed; use what is good.

        What is bad is logged once, and the last good file stays.
        """
        if await asyncio.to_thread(_are_unchanged, self.current.sources):
            if self._told:
                self._use(self.current)
            return
        try:
            changed = await asyncio.to_thread(self._read)
        except CallersFileError as error:
            for fault in error.faults:
                if fault not in self._told:
                    _log.warning("the callers' file is bad, the last good one stays", problem=fault)
            self._told = frozenset(error.faults)
            self._tell(False)  # noqa: FBT003 - likewise
            return
        self._use(changed)

    def _use(self, good: CallersFile) -> None:
        self.current, self._told = good, frozenset()
        self._tell(True)  # noqa: FBT003 - likewise
        _log.info("the callers' file has changed", callers=sorted(good.entries))


def _are_unchanged(sources: Mapping[Path, bytes]) -> bool:
    """Return whether the files hold what they held; their times may stand still."""
    return all(_digest(path) == digest for path, digest in sources.items())


def _digest(path: Path) -> bytes:
    try:
        return hashlib.sha256(read_content(path, MAX_FILE_BYTES)).digest()
    except (OSError, ValueError):
        return b""
