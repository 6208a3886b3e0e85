"""One line an event, whoever logs it, and no secret in any."""

import io
import json
import logging
import subprocess
import sys
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from support.logs import configured

from tokenauthority_server.telemetry.logging import LogLevel, configure_logging
from tokenauthority_server.telemetry.redaction import MASK
from tokenauthority_server.telemetry.request_id import current_request_id

JWT = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"
DSN = "postgresql://user:hunter2@db/x"


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    with configured("info", "json") as stream:
        yield stream


@pytest.fixture
def console() -> Iterator[io.StringIO]:
    with configured("info", "console") as stream:
        yield stream


@pytest.fixture
def request_id() -> Iterator[str]:
    token = current_request_id.set("call-1")
    yield "call-1"
    current_request_id.reset(token)


def lines(log: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.getvalue().splitlines()]


def ask_the_store() -> None:
    raise OSError(f"no answer from {DSN}")


def fail() -> None:
    try:
        ask_the_store()
    except OSError as error:
        raise RuntimeError(f"cannot check {JWT}") from error


def test_a_line_of_the_server(log: io.StringIO, request_id: str) -> None:
    structlog.get_logger().info("happened", number=3, place=None)

    (line,) = lines(log)
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "happened",
        "number": 3,
        "place": None,
        "level": "info",
        "request_id": request_id,
    }


def test_each_line_says_which_process_wrote_it() -> None:
    with configured("info", "json", process={"worker": "3"}) as log:
        structlog.get_logger().info("happened")
        logging.getLogger("library").warning("happened")

    assert [line["worker"] for line in lines(log)] == ["3", "3"]


def test_a_line_of_a_library(log: io.StringIO, request_id: str) -> None:
    logging.getLogger("grpc._cython.cygrpc").warning("fell over %s", JWT)

    (line,) = lines(log)
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": f"fell over {MASK}",
        "logger": "grpc._cython.cygrpc",
        "level": "warning",
        "request_id": request_id,
    }


def test_outside_of_a_call_there_is_no_request_id(log: io.StringIO) -> None:
    structlog.get_logger().info("happened")

    assert "request_id" not in lines(log)[0]


def test_what_is_bound_to_the_context_is_in_every_line(log: io.StringIO) -> None:
    with structlog.contextvars.bound_contextvars(worker=7):
        structlog.get_logger().info("happened")
        logging.getLogger("library").info("happened")

    assert [line["worker"] for line in lines(log)] == [7, 7]


@pytest.mark.parametrize(
    ("level", "written"),
    [
        ("debug", ["debug", "info", "warning", "error", "critical"]),
        ("warning", ["warning", "error", "critical"]),
        ("critical", ["critical"]),
    ],
)
def test_lines_below_the_level_are_not_written(level: LogLevel, written: list[str]) -> None:
    for logger in structlog.get_logger(), logging.getLogger("library"):
        with configured(level, "json") as log:
            for name in ("debug", "info", "warning", "error", "critical"):
                getattr(logger, name)("happened")

        assert [line["level"] for line in lines(log)] == written


def test_a_traceback_is_written_without_secrets(log: io.StringIO) -> None:
    try:
        fail()
    except RuntimeError as error:
        structlog.get_logger().error("failed", exc_info=error)
        logging.getLogger("library").exception("failed")

    for line in lines(log):
        assert "Traceback" in line["exception"]
        assert f"RuntimeError: cannot check {MASK}" in line["exception"]
        assert f"OSError: no answer from postgresql://user:{MASK}@db/x" in line["exception"]
    assert len(lines(log)) == 2
    assert "hunter2" not in log.getvalue()


def test_a_secret_is_masked_by_its_key(log: io.StringIO) -> None:
    structlog.get_logger().info("login", password="hunter2", request={"token": "hunter2"})

    assert lines(log)[0]["password"] == MASK
    assert "hunter2" not in log.getvalue()


def test_lines_for_people(console: io.StringIO, request_id: str) -> None:
    structlog.get_logger().warning("store lost", store="Redis", url=DSN)
    logging.getLogger("library").warning("fell over %s", JWT)

    first, second = console.getvalue().splitlines()
    for part in ("[warning", "store lost", "store=Redis", f"user:{MASK}@db", request_id):
        assert part in first
    assert f"fell over {MASK}" in second
    assert "\x1b" not in console.getvalue()


def test_a_traceback_for_people_is_written_without_secrets(console: io.StringIO) -> None:
    try:
        fail()
    except RuntimeError:
        structlog.get_logger().exception("failed")

    assert f"RuntimeError: cannot check {MASK}" in console.getvalue()
    assert "Traceback" in console.getvalue()
    assert "hunter2" not in console.getvalue()


def test_a_terminal_has_colours() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    with configured("info", "console", Terminal()) as log:
        structlog.get_logger().info("happened")

    assert "\x1b" in log.getvalue()


def test_warnings_are_lines_too(log: io.StringIO) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        # What is caught is shown as configured, which the filter of tests would not let happen.
        logging.captureWarnings(capture=False)
        logging.captureWarnings(capture=True)
        warnings.warn("old", DeprecationWarning, stacklevel=1)

    (line,) = lines(log)
    assert line["logger"] == "py.warnings"
    assert "DeprecationWarning: old" in line["event"]


def test_libraries_do_not_tell_of_their_own_start(log: io.StringIO) -> None:
    logging.getLogger("uvicorn.error").info("Started server process")
    logging.getLogger("uvicorn.error").error("fell over")
    logging.getLogger("library").info("happened")

    assert [line["event"] for line in lines(log)] == ["fell over", "happened"]


def test_handlers_that_were_there_before_are_gone(log: io.StringIO) -> None:
    configure_logging("info", "json", stream=log)

    logging.getLogger("library").info("happened")

    assert len(lines(log)) == 1


def test_a_log_without_a_reader_harms_nobody(log: io.StringIO) -> None:
    log.close()

    structlog.get_logger().info("happened")


def test_lines_go_to_standard_error() -> None:
    script = (
        "import structlog; from tokenauthority_server.telemetry.logging import configure_logging;"
        "configure_logging('info', 'json'); structlog.get_logger().info('happened')"
    )

    run = subprocess.run(  # noqa: S603 - our own script
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=30
    )

    assert run.stdout == ""
    assert json.loads(run.stderr)["event"] == "happened"
