"""Logs: one line an event, of the server's own code and of every library alike.

The server logs through structlog. Libraries log through the standard library's root logger, which
ends in the same processors, so that each line has its time, its level and the id of its call, and
none has a secret.
"""

import json
import logging
import sys
from collections.abc import Mapping
from typing import Final, Literal, TextIO

import structlog
from structlog.typing import EventDict, Processor

from tokenauthority_server.telemetry.redaction import redact
from tokenauthority_server.telemetry.request_id import current_request_id

LogLevel = Literal["debug", "info", "warning", "error", "critical"]
LogFormat = Literal["console", "json"]

encode: Final = json.JSONEncoder(separators=(",", ":")).encode
"""Plain data as JSON on one line."""

# At the level "info" they tell of their own start and stop, which the server does by itself.
_TALKATIVE: Final = ("uvicorn", "alembic", "asyncio")

_GRPC: Final = "grpc._cython.cygrpc"
_QUOTES: Final = "Invalid encoding on"


class Lines:
    """Writes lines to a stream. A log that cannot be written must not fail the call it is about."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def msg(self, line: str) -> None:
        """Write a line, or drop it when its reader has gone."""
        try:
            self._stream.write(line + "\n")
            self._stream.flush()
        except (OSError, ValueError):
            pass

    debug = info = warning = error = critical = msg


def configure_logging(
    level: LogLevel,
    log_format: LogFormat,
    *,
    stream: TextIO | None = None,
    process: Mapping[str, str] | None = None,
) -> None:
    """Send every line of `level` and above to the stream (standard error when None is given).

    Each line has the fields of `process`, which tell it from others that write to the same stream.
    To be called once, before anything else runs. Loggers that exist already follow.
    """
    stream = stream or sys.stderr
    number = logging.getLevelNamesMapping()[level.upper()]
    before: list[Processor] = [
        _add(process or {}),
        _add_request_id,
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    renderer = to_json if log_format == "json" else _console(stream)
    structlog.configure(
        processors=[*before, redact, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=lambda *_: Lines(stream),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *before],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                redact,
                renderer,
            ],
        )
    )
    root = logging.getLogger()
    for old in root.handlers[:]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(number)
    logging.getLogger(_GRPC).addFilter(_says_nothing_sent)
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(max(number, logging.WARNING))
    logging.captureWarnings(capture=True)


def _says_nothing_sent(record: logging.LogRecord) -> bool:
    """Drop what gRPC says of metadata that are no UTF-8: it quotes them, a caller's key or token.

    It would also say so with a traceback for each of them, as often as anybody likes.
    """
    return not str(record.msg).startswith(_QUOTES)


def _add(fields: Mapping[str, str]) -> Processor:
    def add(_logger: object, _method: str, event: EventDict) -> EventDict:
        event.update(fields)
        return event

    return add


def _add_request_id(_logger: object, _method: str, event: EventDict) -> EventDict:
    request_id = current_request_id.get()
    if request_id:
        event["request_id"] = request_id
    return event


def to_json(_logger: object, _method: str, event: EventDict) -> str:
    """Return the event, which is plain data by then, as JSON."""
    return encode(event)


def _console(stream: TextIO) -> Processor:
    return structlog.dev.ConsoleRenderer(
        colors=stream.isatty(),
        # Tracebacks have been rendered, and redacted, before.
        exception_formatter=structlog.dev.plain_traceback,
    )
