"""The logs as the server configures them, for one test; afterwards everything is as before."""

import io
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import structlog

from tokenauthority_server.telemetry.logging import LogFormat, LogLevel, configure_logging

NAMES = ("", "uvicorn", "alembic", "asyncio")


@contextmanager
def configured(
    level: LogLevel,
    log_format: LogFormat,
    stream: Any = None,
    process: Mapping[str, str] | None = None,
) -> Iterator[io.StringIO]:
    """Configure the logs and return what they are written to."""
    root = logging.getLogger()
    handlers = root.handlers[:]
    levels = {name: logging.getLogger(name).level for name in NAMES}
    stream = io.StringIO() if stream is None else stream
    try:
        configure_logging(level, log_format, stream=stream, process=process)
        yield stream
    finally:
        structlog.reset_defaults()
        logging.captureWarnings(capture=False)
        root.handlers[:] = handlers
        for name, before in levels.items():
            logging.getLogger(name).setLevel(before)
