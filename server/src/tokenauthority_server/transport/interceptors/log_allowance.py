"""How many lines of one kind the log takes: refusals by the thousand must not drown it."""

import asyncio
from contextvars import Context
from typing import Final

import structlog

LINES: Final = 10
"""That are written in a second."""

PAUSE_SECONDS: Final = 1.0

_log: structlog.typing.FilteringBoundLogger = structlog.get_logger()


class LogAllowance:
    """Allows so many lines in a second. What came beyond them is told as a number, by `event`."""

    def __init__(self, event: str) -> None:
        self._event = event
        self._asked = 0

    def take(self) -> bool:
        """Return whether there is room for a line."""
        if not self._asked:
            # Outside of the call's context: the line is about no call in particular.
            asyncio.get_running_loop().call_later(
                PAUSE_SECONDS, self._tell_of_the_others, context=Context()
            )
        self._asked += 1
        return self._asked <= LINES

    def _tell_of_the_others(self) -> None:
        more = self._asked - LINES
        self._asked = 0
        if more > 0:
            _log.warning(self._event, calls=more)
