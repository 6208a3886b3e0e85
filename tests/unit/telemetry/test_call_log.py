"""The line of a call, put together by hand, is the line that the common way would write."""

import io
import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import structlog
from support.logs import configured
from support.waiting import until

from tokenauthority_server.telemetry.call_log import MOST_WAITING, call_log, write_all
from tokenauthority_server.telemetry.logging import LogFormat, LogLevel
from tokenauthority_server.telemetry.redaction import MASK
from tokenauthority_server.telemetry.request_id import current_request_id

METHOD = "/trial.v1.Trial/Ask"
ENDS_AT_ONCE = """
import asyncio, logging
from tokenauthority_server.telemetry.call_log import call_log
from tokenauthority_server.telemetry.logging import configure_logging

async def main():
    configure_logging("info", "json")
    call_log("/trial.v1.Trial/Ask", logging.INFO)(
        code="OK", reason="", caller="", seconds=0.1, peer=""
    )

asyncio.run(main())
"""


@contextmanager
def serving(request_id: str) -> Iterator[None]:
    token = current_request_id.set(request_id)
    try:
        yield
    finally:
        current_request_id.reset(token)


async def written(
    reason: str = "",
    log_format: LogFormat = "json",
    level: int = logging.INFO,
    caller: str = "",
) -> str:
    with configured("debug", log_format) as log:
        write = call_log(METHOD, level)
        assert write
        write(code="NOT_FOUND", reason=reason, caller=caller, seconds=0.000012, peer="2001:db8::1")
        write_all()
        return log.getvalue()


@pytest.mark.parametrize("reason", ["", "USER_NOT_FOUND"])
@pytest.mark.parametrize(
    "request_id", ["call-1", '"}\\', "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiIxIn0", "password=hunter2"]
)
@pytest.mark.parametrize("caller", ["", "wakedock-api", '"}\\'])
@pytest.mark.parametrize(("level", "name"), [(logging.INFO, "info"), (logging.DEBUG, "debug")])
async def test_it_is_the_line_of_the_common_way(
    reason: str, request_id: str, caller: str, level: int, name: str
) -> None:
    fields: dict[str, Any] = {"code": "NOT_FOUND", "seconds": 0.000012, "peer": "2001:db8::1"}
    fields |= {"reason": reason} if reason else {}
    fields |= {"caller": caller} if caller else {}
    with serving(request_id):
        line = json.loads(await written(reason, level=level, caller=caller))
        with configured("debug", "json") as log:
            getattr(structlog.get_logger(), name)("call", method=METHOD, **fields)
        common: dict[str, Any] = json.loads(log.getvalue())

    assert len(line.pop("timestamp")) in {len(common.pop("timestamp")), len("2026-03-01T12:00:00Z")}
    assert line == common


async def test_the_request_id_hides_no_secret() -> None:
    with serving("eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiIxIn0"):
        assert json.loads(await written())["request_id"] == MASK


async def test_a_line_for_people() -> None:
    with serving("call-1"):
        line = await written("USER_NOT_FOUND", "console")

    for part in ("call", f"method={METHOD}", "code=NOT_FOUND", "reason=USER_NOT_FOUND", "call-1"):
        assert part in line
    assert "reason" not in await written("", "console")


@pytest.mark.parametrize(
    ("configured_level", "level", "wanted"),
    [
        ("info", logging.INFO, True),
        ("info", logging.DEBUG, False),
        ("debug", logging.DEBUG, True),
        ("warning", logging.INFO, False),
    ],
)
def test_a_level_that_is_not_written_costs_nothing(
    configured_level: LogLevel,
    level: int,
    wanted: bool,  # noqa: FBT001 - what is expected
) -> None:
    with configured(configured_level, "json"):
        assert (call_log(METHOD, level) is not None) == wanted


async def test_a_line_without_a_reader_harms_nobody() -> None:
    with configured("info", "json", io.StringIO()) as log:
        write = call_log(METHOD, logging.INFO)
        log.close()
        assert write
        write(code="OK", reason="", caller="", seconds=0.1, peer="")
        write_all()


def numbers(log: io.StringIO) -> list[int]:
    return [json.loads(line)["seconds"] for line in log.getvalue().splitlines()]


async def test_what_ends_within_a_moment_is_written_at_once_and_in_order() -> None:
    with configured("info", "json") as log:
        write = call_log(METHOD, logging.INFO)
        assert write
        for number in range(3):
            write(code="OK", reason="", caller="", seconds=number, peer="")
        assert not numbers(log)
        await until(lambda: numbers(log))
        write(code="OK", reason="", caller="", seconds=3, peer="")
        await until(lambda: len(numbers(log)) > 3)
        assert numbers(log) == [0, 1, 2, 3]


async def test_many_do_not_wait() -> None:
    # Guard: without the bound none was written before the moment was over, however many they were.
    with configured("info", "json") as log:
        write = call_log(METHOD, logging.INFO)
        assert write
        for number in range(MOST_WAITING + 1):
            write(code="OK", reason="", caller="", seconds=number, peer="")
        assert numbers(log) == list(range(MOST_WAITING))
        write_all()
        assert len(numbers(log)) == MOST_WAITING + 1


def test_a_process_that_ends_writes_what_waits() -> None:
    # Guard: without the hook at the end of the process nothing was written.
    done = subprocess.run(  # noqa: S603 - our own code
        [sys.executable, "-c", ENDS_AT_ONCE],
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    assert [json.loads(line)["code"] for line in done.stderr.splitlines()] == ["OK"]
