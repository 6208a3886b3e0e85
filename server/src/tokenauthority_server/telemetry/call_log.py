"""The line that each call leaves in the log.

It is written thousands of times a second where other lines are rare, and would take a fifth of a
call's time on the common way. As JSON it is therefore put together by hand, to the same line (of
what is bound to the context it has the request id only), and what ends in one turn of the event
loop is written at once.
"""

import asyncio
import logging
from datetime import UTC, datetime
from typing import Protocol

import structlog

from tokenauthority_server.telemetry.logging import Lines, encode, to_json
from tokenauthority_server.telemetry.redaction import scrub
from tokenauthority_server.telemetry.request_id import current_request_id


class WriteCall(Protocol):
    """Writes the line of one call, when it has ended."""

    def __call__(self, *, code: str, reason: str, caller: str, seconds: float, peer: str) -> None:
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
    def write(*, code: str, reason: str, caller: str, seconds: float, peer: str) -> None:
        given = {"reason": reason, "caller": caller}
        known = {name: value for name, value in given.items() if value}
        logger.log(level, "call", code=code, seconds=seconds, peer=peer, **known)

    return write


def _by_hand(method: str, level: int, lines: Lines) -> WriteCall:
    name = logging.getLevelName(level).lower()
    head = f'{{"event":"call","method":{encode(method)},"level":"{name}"'
    ended: list[str] = []

    def flush() -> None:
        lines.msg("\n".join(ended))
        ended.clear()

    def write(*, code: str, reason: str, caller: str, seconds: float, peer: str) -> None:
        why = f',"reason":"{reason}"' if reason else ""
        who = f',"caller":{encode(caller)}' if caller else ""
        # The one text in it that somebody else chose.
        request_id = encode(scrub(current_request_id.get()))
        time = datetime.now(UTC).replace(tzinfo=None).isoformat()
        if not ended:
            asyncio.get_running_loop().call_soon(flush)
        ended.append(
            f'{head},"code":"{code}"{why}{who},"seconds":{seconds!r},"peer":"{peer}",'
            f'"request_id":{request_id},"timestamp":"{time}Z"}}'
        )

    return write
