"""What a program shows the authority to say who it is: a bearer credential (RFC 6750)."""

import asyncio
import logging
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

LONGEST: Final = 4_096
"""The most characters that a credential may have. gRPC carries 8 KiB of metadata at most."""
SECONDS_BETWEEN_READINGS: Final = 60.0
"""How old what was read from a file may be. What rotates there overlaps by far longer."""

# RFC 6750, section 2.1.
_CREDENTIAL: Final = re.compile(r"[A-Za-z0-9._~+/-]+=*")
_LOG: Final = logging.getLogger(__name__)


class CallerCredential:
    """A credential that is given as text, or stands in a file that may be exchanged.

    `argument` is what errors call it; they never hold the credential itself, nor does its repr.
    """

    def __init__(
        self, source: str | Path, *, argument: str, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.argument: Final = argument
        self._path = source if isinstance(source, Path) else None
        self._clock = clock
        self._text = ""
        self._read_again_at = 0.0
        if isinstance(source, str):
            if source.startswith(("/", "./", "../", "~")):
                raise ValueError(f"{argument} looks like the path of a file: give it as Path(...)")
            self._text = _checked(source, argument)

    def open(self) -> None:
        """Read the file, if there is one; raise ValueError when it holds no credential."""
        if self._path is not None:
            self._text = self._read(self._path)
            self._read_again_at = self._clock() + SECONDS_BETWEEN_READINGS

    async def current(self) -> str:
        """Return the credential, that of a file as it was within the last minute.

        When the file holds none any more, the last good one stays: the authority decides about it.
        """
        if self._path is not None and self._clock() >= self._read_again_at:
            # Set first: calls that come meanwhile do not wait for the reading.
            self._read_again_at = self._clock() + SECONDS_BETWEEN_READINGS
            await asyncio.to_thread(self._read_again, self._path)
        return self._text

    def _read_again(self, path: Path) -> None:
        try:
            self._text = self._read(path)
        except ValueError as problem:
            _LOG.warning("%s; what it held before is used on", problem)

    def _read(self, path: Path) -> str:
        try:
            with path.open("rb") as file:
                # Whatever else the path leads to is not read whole.
                content = file.read(LONGEST + 100)
        except OSError as problem:
            raise ValueError(
                f"{self.argument}: {path} cannot be read: {problem.strerror}"
            ) from problem
        return _checked(content.decode("ascii", "replace").strip(), f"{self.argument}: {path}")


def _checked(text: str, where: str) -> str:
    """Return the text, or raise a ValueError that does not quote it."""
    if not text:
        raise ValueError(f"{where} is empty")
    if len(text) > LONGEST:
        raise ValueError(f"{where} has more than {LONGEST} characters: that is no credential")
    if not _CREDENTIAL.fullmatch(text):
        raise ValueError(
            f"{where} has characters that no credential has: it stands alone, on one line, "
            "without `Bearer` and without quotes"
        )
    return text
