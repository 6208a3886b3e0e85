"""The line that each call leaves in the log.

It is written thousands of times a second where other lines are rare, and would take a fifth of a
call's time on the common way. As JSON it is therefore put together by hand, to the same line (of
what is bound to the context it has the request id only), and what ends within some milliseconds is
written at once, beside the calls. A process that ends in good order writes what is left.
"""

import asyncio
import atexit
import logging
import time
from contextvars import Context
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final, Protocol

import structlog

from tokenauthority_server.telemetry.logging import Lines, encode, to_json
from tokenauthority_server.telemetry.redaction import scrub
from tokenauthority_server.telemetry.request_id import current_request_id

WAIT_SECONDS: Final = 0.05
"""How long a line waits for others. A process that is killed loses those of the last moment."""

MOST_WAITING: Final = 500
"""Lines that wait at the most: then they are written at once."""


class WriteCall(Protocol):
    """Writes the line of one call, when it has ended."""

    def __call__(self, code: str, reason: str, caller: str, seconds: float, peer: str) -> None:
        """Write it. `reason` and `caller`, a name, are "" for none; `peer` is an address."""


def call_log(method: str, level: int) -> WriteCall | None:
    """Return what writes the lines of a method's calls, or None when their level is not written.

    The logging must have been configured before. Lines are written in the running event loop.
    """
    logger: structlog.typing.FilteringBoundLogger = structlog.get_logger()
    if not logger.is_enabled_for(level):
        return None
    config = structlog.get_config()
    if config["processors"][-1] is to_json:
        return _by_hand(method, level, config["logger_factory"]())
    return _by_structlog(logger.bind(method=method), level)


def _by_structlog(logger: structlog.typing.FilteringBoundLogger, level: int) -> WriteCall:
    def write(code: str, reason: str, caller: str, seconds: float, peer: str) -> None:
        given = {"reason": reason, "caller": caller}
        known = {name: value for name, value in given.items() if value}
        logger.log(level, "call", code=code, seconds=seconds, peer=peer, **known)

    return write


def _by_hand(method: str, level: int, lines: Lines) -> WriteCall:
    name = logging.getLevelName(level).lower()
    head = f'{{"event":"call","method":{encode(method)},"level":"{name}"'
    return _Waiting(head, lines).add


@lru_cache(maxsize=1_024)
def _outcome(code: str, reason: str, caller: str) -> str:
    why = f',"reason":"{reason}"' if reason else ""
    who = f',"caller":{encode(caller)}' if caller else ""
    return f',"code":"{code}"{why}{who}'


@lru_cache(maxsize=2)
def _written(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")


class _Waiting:
    """The calls of one method whose lines wait to be written.

    What can be left for later is: when a call has ended, others are to be answered.
    """

    def __init__(self, head: str, lines: Lines) -> None:
        self._head = head
        self._lines = lines
        self._ended: list[tuple[int, str, str, str, float, str, str]] = []

    def add(self, code: str, reason: str, caller: str, seconds: float, peer: str) -> None:
        ended, now = self._ended, time.time_ns()
        ended.append((now, code, reason, caller, seconds, peer, current_request_id.get()))
        if len(ended) == 1:
            # Outside of the call's context: the lines are of many.
            asyncio.get_running_loop().call_later(WAIT_SECONDS, self.write, context=Context())
            _waiting.add(self)
        elif len(ended) >= MOST_WAITING:
            self.write()

    def write(self) -> None:
        ended, self._ended = self._ended, []
        _waiting.discard(self)
        if ended:
            self._lines.msg("\n".join([self._line(*one) for one in ended]))

    def _line(  # noqa: PLR0913, PLR0917 - what `add` has kept
        self,
        ended_at: int,
        code: str,
        reason: str,
        caller: str,
        seconds: float,
        peer: str,
        request_id: str,
    ) -> str:
        second, micros = divmod(ended_at // 1_000, 1_000_000)
        # The request id is the one text in it that somebody else chose.
        return (
            f'{self._head}{_outcome(code, reason, caller)},"seconds":{seconds!r},"peer":"{peer}",'
            f'"request_id":{encode(scrub(request_id))},'
            f'"timestamp":"{_written(second)}.{micros:06}Z"}}'
        )


_waiting: Final[set[_Waiting]] = set()
"""Those that have lines."""


def write_all() -> None:
    """Write all lines that wait."""
    for waiting in list(_waiting):
        waiting.write()


atexit.register(write_all)
